"""The raw rows of a log, for counts that share no code with the server's own reading of it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple


class Raw(NamedTuple):
    """A row of the log, with its payload as JSON has it, and who caused it."""

    position: int
    kind: str
    id: str
    type: str
    payload: dict[str, Any]
    at: int
    actor: str = ""
    operator: str = ""


class LedgerRow(NamedTuple):
    """A row of the ledger: its positions, its time in µs, and the hash of the chain in hexadecimal."""

    first: int
    last: int
    at: int
    chain: str


class Counted(NamedTuple):
    """By figure: the positions, and the value where it is not their number."""

    positions: dict[str, list[int]]
    values: dict[str, Any]

    def value(self, figure: str) -> Any:
        """The value of a figure."""
        return self.values.get(figure, len(self.positions[figure]))


def rows(path: Path) -> Iterator[Raw]:
    """All rows of a SQLite file, in order."""
    with closing(sqlite3.connect(path)) as connection:
        query = (
            "SELECT position, stream_id, type, payload, recorded_at, metadata FROM events ORDER BY position"
        )
        for position, stream, kind, payload, at, metadata in connection.execute(query):
            _, of, name = stream.split(":", 2)
            cause = json.loads(metadata)
            origin = cause.get("actor", ""), cause.get("operator", "")
            yield Raw(position, of, name, kind, json.loads(payload), at, *origin)


def ledger(path: Path) -> list[LedgerRow]:
    """All rows of the ledger of a SQLite file, in order."""
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT first_position, last_position, recorded_at, hex(chain_hash) FROM ledger ORDER BY first_position"
        return [
            LedgerRow(first, last, at, chain.lower()) for first, last, at, chain in connection.execute(query)
        ]
