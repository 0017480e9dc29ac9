"""Request objects by reference (RFC 9101 §5.2.2): fetched from a registered address, and cached if the reference has a
hash of the object (OIDC Core §6.2)."""

import re
from typing import Final

from authrim.crypto.ids import digest
from authrim.memory.lru_cache import LruCache
from authrim.outside.egress import Egress, EgressRefused
from authrim.outside.media_type import MediaType, is_one_of
from authrim.protocol.jar import ACCEPT
from domain.authorization.pushed_request import invalid_request_uri
from domain.client.client import Client
from domain.errors import Refusal

#: The largest object in bytes, as for one that is passed by value.
MAX_BYTES: Final = 65_536
#: The most objects that are cached.
OBJECTS_HELD: Final = 256
#: A fragment that may be the SHA-256 of the object (OIDC Core §6.2). It says what may be kept; what to believe is
#: said by the signature. Clients exist that register a digest before they have an object, so a wrong one is no error.
_HASH: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_SECTION: Final = "RFC 9101 §5.2.2"

#: RFC 9101 §10.2 names the first. What older libraries and plain file servers send holds an object too; no page does.
_TYPES: Final = frozenset(
    {
        "application/oauth-authz-req+jwt",
        "application/jwt",
        "application/jose",
        "application/octet-stream",
        "text/plain",
    }
)

NOT_REGISTERED: Final = invalid_request_uri("request_uri_not_registered", _SECTION)
NOT_FETCHED: Final = invalid_request_uri("request_uri_not_fetched", _SECTION)


def _may_be_an_object(media_type: MediaType) -> bool:
    return is_one_of(media_type, _TYPES)


class RequestObjects:
    """The objects that were fetched by a reference with their hash. What is behind any other may change, so it is
    fetched each time."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        self._held: LruCache[str, str] = LruCache(OBJECTS_HELD)

    async def fetch(self, client: Client, request_uri: str) -> str | Refusal:
        """The object that the client's reference leads to. Nobody learns why one could not be fetched (A066)."""
        address, _, fragment = request_uri.partition("#")
        if address not in {registered.partition("#")[0] for registered in client.metadata.request_uris}:
            return NOT_REGISTERED
        expected = fragment if _HASH.fullmatch(fragment) else ""
        held = self._held.get(expected) if expected else None
        if held is not None:
            return held
        try:
            fetched = await self._egress.fetch(
                address,
                accept=ACCEPT,
                is_expected=_may_be_an_object,
                limit=MAX_BYTES,
                client=client.client_id,
            )
            token = fetched.body.decode("ascii").strip()
        except (EgressRefused, UnicodeDecodeError):
            return NOT_FETCHED
        if expected == digest(fetched.body):
            self._held.put(expected, token)
        return token
