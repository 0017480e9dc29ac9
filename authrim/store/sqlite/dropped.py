"""Dropped contents on SQLite."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Final

from authrim.store import dropped as sql
from authrim.store.dropped import Range
from authrim.store.sqlite.lane import Lane
from authrim.store.sqlite.writes import transaction

_FORGET: Final = sql.FORGET.format(recorded="(SELECT value FROM json_each(?))")
_ADD: Final = "INSERT INTO dropped (first_position, last_position, digest, waiting) VALUES (?, ?, ?, TRUE)"
_DONE: Final = sql.DONE.format(last="?")
_EMPTY: Final = sql.EMPTY.format(nothing="x''", first="?", last="?")


class SQLiteDroppedContents:
    """``DroppedContents`` on one file."""

    def __init__(self, writer: Lane, scans: Lane) -> None:
        self._writer = writer
        self._scans = scans

    async def ranges(self) -> Sequence[Range]:
        """All ranges."""
        return await self._scans.run(_ranges, sql.READ)

    async def waiting(self) -> Sequence[Range]:
        """The ranges that are not done."""
        return await self._scans.run(_ranges, sql.WAITING)

    async def begin(self, ranges: Sequence[Range], recorded: Sequence[str]) -> None:
        """Add the ranges of a drop."""
        await self._writer.run(_begin, ranges, recorded)

    async def empty(self, first: int, last: int, *, ends: bool) -> None:
        """Take the contents of some events."""
        await self._writer.run(_empty, first, last, ends)


def _ranges(connection: sqlite3.Connection, query: str) -> list[Range]:
    return [Range(first, last, digest) for first, last, digest in connection.execute(query)]


def _begin(connection: sqlite3.Connection, ranges: Sequence[Range], recorded: Sequence[str]) -> None:
    with transaction(connection):
        connection.execute(_FORGET, (json.dumps(list(recorded)),))
        connection.executemany(_ADD, ranges)


def _empty(connection: sqlite3.Connection, first: int, last: int, ends: bool) -> None:
    with transaction(connection):
        connection.execute(_EMPTY, (first, last))
        if ends:
            connection.execute(_DONE, (last,))
