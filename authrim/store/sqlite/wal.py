"""SQLite's write-ahead log: kept short, so that a copy of the file alone lacks little, and its lack is recognised.

While a server has the file open, a number in the file's header says so: the number of its schema. A copy made by
SQLite itself (``.backup``, ``VACUUM INTO``) has another schema number; one that was taken of the file alone has the
same, without a write-ahead log and without the lock file that stands beside a file in use.
"""

import asyncio
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from authrim.store.contract import StoreError
from authrim.store.sqlite.lane import Lane
from authrim.tasks.cancellation import end_tasks

#: The write-ahead log is folded into the file when it is longer than this, in bytes, or has waited so long, in seconds.
#: Nobody waits for it: it is done beside the appends (``PASSIVE``).
FOLD_BYTES: Final = 4 * 1024 * 1024
FOLD_SECONDS: Final = 10.0
#: Seconds between two folds at least.
FOLD_PAUSE: Final = 1.0

LACKS_WAL: Final = (
    "the file was copied while a server had it open, without its write-ahead log (-wal): its newest events are "
    'missing. Copy it with `sqlite3 FILE ".backup COPY"`'
)


class WriteAheadLog:
    """The write-ahead log of one file, for one store."""

    def __init__(self, path: Path) -> None:
        self._file = path.with_name(path.name + "-wal")
        self._lock_file = path.with_name(path.name + ".lock")
        self._lane = Lane(path, "authrim-fold")
        self._long = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._in_use = False

    @property
    def size(self) -> int:
        """Its length in bytes."""
        try:
            return self._file.stat().st_size
        except FileNotFoundError:
            return 0

    def found(self) -> tuple[bool, bool]:
        """Whether there is a write-ahead log and a lock file, before either is made."""
        return self.size > 0, self._lock_file.exists()

    async def doubt(self, found: tuple[bool, bool]) -> str:
        """Why the file may lack its newest events, from what was found before it was opened; empty when it does not."""
        has_log, has_lock = found
        if has_lock or not await self._lane.run(_is_marked):
            return ""
        if not has_log:
            return LACKS_WAL
        await self._lane.run(_mark, False)  # a copy that is whole
        return ""

    async def begin(self) -> None:
        """A server has the file from now on: say so in the file, and keep the write-ahead log short."""
        with suppress(StoreError):  # a full disk does not keep a server from starting
            await self._lane.run(_mark, True)
            self._in_use = True
        self._task = asyncio.create_task(self._keep_short())

    async def close(self) -> None:
        """Whatever is in the log comes into the file when the last connection closes."""
        if self._task is not None:
            await end_tasks(self._task)
        if self._in_use:
            with suppress(StoreError):
                await self._lane.run(_mark, False)
        await self._lane.close()

    def grown(self) -> None:
        """Something was committed."""
        if self.size > FOLD_BYTES:
            self._long.set()

    async def _keep_short(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(FOLD_SECONDS):
                    await self._long.wait()
            self._long.clear()
            if self.size:
                with suppress(StoreError):  # a full disk: what is in the log stays there
                    await self._lane.run(_fold)
            await asyncio.sleep(FOLD_PAUSE)


def empty(connection: sqlite3.Connection) -> bool:
    """Bring all of the write-ahead log into the file, and leave nothing in it; whether nobody was in the way."""
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _fold(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _schema(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA schema_version").fetchone()[0])


def _is_marked(connection: sqlite3.Connection) -> bool:
    return int(connection.execute("PRAGMA user_version").fetchone()[0]) == _schema(connection)


def _mark(connection: sqlite3.Connection, in_use: bool) -> None:
    """In the file itself, not only in its write-ahead log, which a copy may lack."""
    connection.execute(f"PRAGMA user_version = {_schema(connection) if in_use else 0}")
    _fold(connection)
