"""The client secrets that the server needs in clear text, because an HMAC cannot be checked with the digest of its key
(OIDC Core §9).

Other secrets are stored only as a SHA-256. The secrets of clients that sign with them (``client_secret_jwt``) are
sealed under the master key, each in its own row beside the log, for as long as they are accepted.
"""

from typing import Final

from authrim.core.sealed_rows import CLIENT_SECRET, erasing_row
from authrim.crypto import sealing
from authrim.crypto.jws import VerificationKey
from authrim.crypto.master import MasterKeys
from authrim.crypto.secrets import ClientSecret
from authrim.memory.lru_cache import LruCache
from authrim.store.contract import Store
from domain.client.client import Client
from domain.client.profile import SECRET_ALGORITHM
from projections.rows import Row
from projections.tables import SEALED, sealed_key

_KEYS_REMEMBERED: Final = 10_000


class ClientSecrets:
    """Seals secrets, and opens them to verify signatures. An opened secret is cached by its row."""

    def __init__(self, store: Store, master: MasterKeys) -> None:
        self._store = store
        self._master = master
        self._opened: LruCache[str, VerificationKey] = LruCache(_KEYS_REMEMBERED)

    def row(self, tenant: str, client_id: str, secret: ClientSecret) -> Row:
        """The row that is written with the event that gives the client this secret."""
        key = sealed_key(tenant, CLIENT_SECRET, client_id, secret.hash)
        sealed = sealing.wrap(self._master, key, secret.value.encode("ascii"))
        return Row(SEALED.name, "put", {"key": key, "tenant": tenant, "ciphertext": sealed})

    async def verifying(self, tenant: str, client_id: str, secret_hash: str) -> VerificationKey | None:
        """The verification key of the secret with that digest; None when it is not stored. Raises SealBroken."""
        row_key = sealed_key(tenant, CLIENT_SECRET, client_id, secret_hash)
        opened = self._opened.get(row_key)
        if opened is not None:
            return opened
        found = await self._store.find("sealed", row_key)
        if found.row is None:
            return None
        secret = sealing.unwrap(self._master, row_key, found.row["ciphertext"])
        key = VerificationKey.from_secret(secret, SECRET_ALGORITHM)
        self._opened.put(row_key, key)
        return key


def leaving_rows(tenant: str, before: Client, after: Client) -> tuple[Row, ...]:
    """Delete the stored secrets that a change makes unused; all of them when the client is deleted."""
    if not before.signs_with_secret:
        return ()
    kept = {one.secret_hash for one in after.secrets} if after.signs_with_secret else set()
    return tuple(
        erasing_row(tenant, CLIENT_SECRET, after.client_id, one.secret_hash)
        for one in before.secrets
        if one.secret_hash not in kept
    )
