"""Rows that are written to the tables beside the log."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple


class Row(NamedTuple):
    """A row that is written together with an append, to one of the tables of ``projections/tables.py``.

    ``put`` writes the whole row and replaces one with the same key. ``claim`` inserts the row; if the key exists, the
    whole append fails with a conflict. ``drop`` deletes by key; a key that ends in ``*`` is a prefix. ``revoke`` sets
    ``revoked_at`` of ``tokens`` rows by key or prefix, unless they were revoked before.

    Drops are executed first and revocations last, so list the rows of an append in that order.
    """

    table: str
    operation: Literal["put", "claim", "drop", "revoke"]
    values: Mapping[str, Any]


def key_range(key: str) -> tuple[str, str]:
    """The range of a key, from its start to before its end: one key, or all keys with the prefix when it ends in
    ``*``."""
    if key.endswith("*"):
        prefix = key[:-1]
        return prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)
    return key, key + "\x01"
