"""How large a file of SQLite is."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from authrim.store.sizes_contract import MESSAGES, MessageDepth, TableSize
from authrim.store.sqlite.clock import Clock
from authrim.store.sqlite.lane import Lane

_MESSAGES: Final = MESSAGES.format(now="?")


class SQLiteSizes:
    """``Sizes`` of one file."""

    def __init__(self, path: Path, scans: Lane, clock: Clock) -> None:
        self._files = (path, path.with_name(f"{path.name}-wal"))
        self._scans = scans
        self._clock = clock

    async def database_bytes(self) -> int:
        """The file and its write-ahead log."""
        return sum(file.stat().st_size for file in self._files if file.exists())

    async def tables(self) -> Sequence[TableSize]:
        """None: SQLite would have to read them."""
        return ()

    async def messages(self) -> Sequence[MessageDepth]:
        """What waits, by kind."""
        return await self._scans.run(_messages, self._clock.now())


def _messages(connection: sqlite3.Connection, now: int) -> list[MessageDepth]:
    return [MessageDepth(*row) for row in connection.execute(_MESSAGES, (now,))]
