"""Secrets in headers that were found right, so that the next request with the same header need not be taken apart.

A client that is known by its secret sends the same ``Authorization`` with each request. What is remembered is a keyed
digest of the whole header, with a key that leaves with the process: neither the header nor the secret can be told from
it. It counts for the very state of the client that it was found right with, so a new secret, a disabled client and
every other change make it worthless at once, and no longer than any of the secrets lives that the client had then.
"""

import os
from hashlib import blake2b
from typing import Final, NamedTuple

from authrim.memory.lru_cache import LruCache
from domain.client.client import Client

_MOST: Final = 2048
_KEY: Final = os.urandom(32)
_NO_END: Final = 1 << 62


class Proved(NamedTuple):
    """The client whose secret was right, as it was then, the method, and until when that counts at most."""

    client: Client
    method: str
    until: int


class RememberedHeaders:
    """The headers of a process. Times are in seconds since 1970."""

    def __init__(self) -> None:
        self._headers: LruCache[bytes, Proved] = LruCache(_MOST)

    def find(self, header: str, now: int) -> Proved | None:
        """What was proved by a header. It counts if the client is that very object still."""
        proved = self._headers.get(_digest(header))
        return None if proved is None or now >= proved.until else proved

    def keep(self, header: str, client: Client, method: str, now: int) -> None:
        """Remember a header whose secret is right."""
        ends = (secret.expires_at for secret in client.secrets)
        until = min((end for end in ends if end > now), default=_NO_END)
        self._headers.put(_digest(header), Proved(client, method, until))


def _digest(header: str) -> bytes:
    return blake2b(header.encode("utf-8", "surrogatepass"), digest_size=32, key=_KEY).digest()
