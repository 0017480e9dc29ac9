"""The mark of a restored database on SQLite."""

import sqlite3
from typing import Final

from authrim.store import restored as sql
from authrim.store.restored import Restored, ahead, marked_again, restored_of
from authrim.store.sqlite.lane import Lane
from authrim.store.sqlite.writes import transaction

_SAVE: Final = sql.SAVE.format(document="?")
_FOLLOW_AGAIN: Final = sql.FOLLOW_AGAIN.format(position=":position")


class SQLiteRestoreMark:
    """``RestoreMark`` on one file."""

    def __init__(self, writer: Lane, scans: Lane) -> None:
        self._writer = writer
        self._scans = scans

    async def read(self) -> Restored | None:
        """What was restored."""
        return await self._scans.run(_read)

    async def mark(self, restored: Restored) -> None:
        """Mark a database that other tools have restored."""
        await self._writer.run(_mark_again, restored)

    async def forget(self) -> None:
        """Take the mark away."""
        await self._writer.run(_forget)

    async def furthest(self) -> int:
        """The furthest position of a follower."""
        return await self._scans.run(_furthest)

    async def follow_again(self, position: int) -> None:
        """Let followers that are ahead go on from a position."""
        await self._writer.run(_follow_again, position)


def mark(connection: sqlite3.Connection, restored: Restored) -> None:
    """Mark a file, before it gets its place."""
    with transaction(connection):
        _mark(connection, restored)


def _mark_again(connection: sqlite3.Connection, restored: Restored) -> None:
    with transaction(connection):
        _mark(connection, marked_again(_read(connection), restored))


def _mark(connection: sqlite3.Connection, restored: Restored) -> None:
    connection.execute(sql.FORGET)
    connection.execute(_SAVE, (restored.document(),))


def _read(connection: sqlite3.Connection) -> Restored | None:
    row = connection.execute(sql.READ).fetchone()
    return None if row is None else restored_of(row[0])


def _forget(connection: sqlite3.Connection) -> None:
    connection.execute(sql.FORGET)


def _furthest(connection: sqlite3.Connection) -> int:
    return int(connection.execute(sql.FURTHEST).fetchone()[0])


def _follow_again(connection: sqlite3.Connection, position: int) -> None:
    with transaction(connection):
        if (furthest := _furthest(connection)) > position:
            connection.execute(_FOLLOW_AGAIN, {"position": position})
            _mark(connection, ahead(_read(connection), position, furthest))
