"""Personal and secret data beside the log: rows sealed under a key of their owner (decisions.md 16).

An owner is an account's subject, a grant while its request is open, a client, or a signing key. Erasing an owner is
dropping its rows, the data key first of all: what copies may be left elsewhere is unreadable from then on.
"""

import asyncio
from collections.abc import Mapping
from hashlib import sha256

from authrim.crypto import sealing
from authrim.crypto.master import MasterKeys
from authrim.store.contract import Store
from projections.rows import Row
from projections.tables import SEALED, sealed_key

SUBJECT = "subject"
GRANT = "grant"
CLIENT = "client"
SIGNING_KEY = "key"
WEBHOOK = "webhook"

#: Row name of an owner's wrapped data key.
DATA_KEY = "key"

#: Kinds whose rows are sealed under a master key themselves: secrets that clients sign with, and the proofs and remains
#: of the master keys.
CLIENT_SECRET = "client_secret"  # noqa: S105 - a kind of row
MASTER = "master"
_WITHOUT_DATA_KEY = (CLIENT_SECRET, MASTER)


class PrivateData:
    """Seals and opens the rows of owners."""

    def __init__(self, store: Store, master: MasterKeys) -> None:
        self._store = store
        self._master = master

    def first_rows(self, tenant: str, kind: str, owner: str, values: Mapping[str, bytes]) -> tuple[Row, ...]:
        """Rows for an owner that has none yet: a new data key, and the values under it."""
        data_key = sealing.new_data_key()
        key_row = sealed_key(tenant, kind, owner, DATA_KEY)
        wrapped = sealing.wrap(self._master, key_row, data_key)
        return (_row(tenant, key_row, wrapped), *self._sealed(tenant, kind, owner, data_key, values))

    async def more_rows(
        self, tenant: str, kind: str, owner: str, values: Mapping[str, bytes]
    ) -> tuple[Row, ...]:
        """Rows for an owner that may have a data key already."""
        data_key = await self._data_key(tenant, kind, owner)
        if data_key is None:
            return self.first_rows(tenant, kind, owner, values)
        return self._sealed(tenant, kind, owner, data_key, values)

    async def key_id(self, tenant: str, kind: str, owner: str) -> str:
        """The id of the owner's data key, empty where it has none. It is the SHA-256 of the wrapped key: it tells
        nothing of the key, and whoever has a copy of the row sees that it is this key's."""
        found = await self._store.find("sealed", sealed_key(tenant, kind, owner, DATA_KEY))
        return "" if found.row is None else sha256(found.row["ciphertext"]).hexdigest()

    async def open(self, tenant: str, kind: str, owner: str, name: str) -> bytes | None:
        """The value of that name, or None when the owner has none or was erased. Raises SealBroken."""
        row_key = sealed_key(tenant, kind, owner, name)
        data_key, found = await asyncio.gather(
            self._data_key(tenant, kind, owner), self._store.find("sealed", row_key)
        )
        if data_key is None or found.row is None:
            return None
        return sealing.open_sealed(data_key, row_key, found.row["ciphertext"])

    async def _data_key(self, tenant: str, kind: str, owner: str) -> bytes | None:
        key_row = sealed_key(tenant, kind, owner, DATA_KEY)
        found = await self._store.find("sealed", key_row)
        return None if found.row is None else sealing.unwrap(self._master, key_row, found.row["ciphertext"])

    def _sealed(
        self, tenant: str, kind: str, owner: str, data_key: bytes, values: Mapping[str, bytes]
    ) -> tuple[Row, ...]:
        rows = []
        for name, value in values.items():
            row_key = sealed_key(tenant, kind, owner, name)
            rows.append(_row(tenant, row_key, sealing.seal(data_key, row_key, value)))
        return tuple(rows)


def is_under_master_key(row_key: str) -> bool:
    """Whether the row of ``sealed`` with this key is sealed under a master key, and not under an owner's data key."""
    _tenant, kind, rest = row_key.split(":", 2)
    return kind in _WITHOUT_DATA_KEY or rest.endswith(f":{DATA_KEY}")


def erasing_row(tenant: str, kind: str, owner: str, name: str = "*") -> Row:
    """The row operation that takes away what an owner has under ``name``, or all that it has."""
    return Row(SEALED.name, "drop", {"key": sealed_key(tenant, kind, owner, name)})


def _row(tenant: str, key: str, ciphertext: bytes) -> Row:
    return Row(SEALED.name, "put", {"key": key, "tenant": tenant, "ciphertext": ciphertext})
