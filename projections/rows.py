"""A row on its way into a table beside the log."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple


class Row(NamedTuple):
    """A row that travels with an append into one of the tables of ``projections/tables.py``.

    ``put`` writes the whole row, replacing one of the same key. ``claim`` inserts and loses, as a conflict of
    the whole append, when the key is taken. ``drop`` deletes by key; a key that ends in ``*`` is a prefix.
    ``revoke`` sets ``revoked_at`` on live ``tokens`` rows by key or prefix, keeping an earlier revocation.

    Of one append's rows, drops come first and revocations last: write them in that order.
    """

    table: str
    operation: Literal["put", "claim", "drop", "revoke"]
    values: Mapping[str, Any]


def key_range(key: str) -> tuple[str, str]:
    """From and before: one key, or all keys with the prefix when it ends in ``*``."""
    if key.endswith("*"):
        prefix = key[:-1]
        return prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)
    return key, key + "\x01"
