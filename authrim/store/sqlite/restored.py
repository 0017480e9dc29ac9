"""The mark of a restored database on SQLite."""

import sqlite3
from typing import Final

from authrim.store import restored as sql
from authrim.store.restored import Restored, restored_of
from authrim.store.sqlite.lane import Lane

_SAVE: Final = sql.SAVE.format(document="?")


class SQLiteRestoreMark:
    """``RestoreMark`` on one file."""

    def __init__(self, writer: Lane, scans: Lane) -> None:
        self._writer = writer
        self._scans = scans

    async def read(self) -> Restored | None:
        """What was restored."""
        return await self._scans.run(_read)

    async def forget(self) -> None:
        """Take the mark away."""
        await self._writer.run(_forget)


def mark(connection: sqlite3.Connection, restored: Restored) -> None:
    """Mark a file, before it gets its place."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(sql.FORGET)
    connection.execute(_SAVE, (restored.document(),))
    connection.execute("COMMIT")


def _read(connection: sqlite3.Connection) -> Restored | None:
    row = connection.execute(sql.READ).fetchone()
    return None if row is None else restored_of(row[0])


def _forget(connection: sqlite3.Connection) -> None:
    connection.execute(sql.FORGET)
