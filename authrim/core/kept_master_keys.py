"""What is kept of master keys that have left the settings: a few keys derived from them, sealed under the current one.

Without them, clients would know people by other pseudonyms, and valid refresh tokens would be worth nothing. With them,
nobody can open what the key sealed.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from authrim.core.sealed_rows import MASTER
from authrim.crypto import sealing
from authrim.crypto.master import KeptKeys, MasterKeys
from domain.stream import DEFAULT_TENANT
from projections.rows import Row
from projections.tables import SEALED, sealed_key

_PREFIX: Final = sealed_key(DEFAULT_TENANT, MASTER, "kept.", "")[:-1]
_NAME: Final = "derived"


class _Document(msgspec.Struct, frozen=True):
    key_id: str
    derived: dict[str, bytes]


def is_kept_row(key: str) -> bool:
    """Whether a row of the master keys holds what is kept of one of them."""
    return key.startswith(_PREFIX)


def kept_row_of(key_id: str) -> str:
    """The key of the row of a master key."""
    return sealed_key(DEFAULT_TENANT, MASTER, f"kept.{key_id}", _NAME)


def keeping_row(master: MasterKeys, kept: KeptKeys) -> Row:
    """The row that keeps it, sealed under the current master key."""
    key = kept_row_of(kept.key_id)
    document = _Document(kept.key_id, dict(kept.derived))
    sealed = sealing.wrap(master, key, msgspec.json.encode(document))
    return Row(SEALED.name, "put", {"key": key, "tenant": DEFAULT_TENANT, "ciphertext": sealed})


def remember_kept(master: MasterKeys, rows: Mapping[str, bytes]) -> None:
    """Take in what is kept. Raises SealBroken."""
    for key, sealed in rows.items():
        document = msgspec.json.decode(sealing.unwrap(master, key, sealed), type=_Document)
        master.remember(KeptKeys(document.key_id, document.derived))
