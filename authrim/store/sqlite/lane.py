"""Threads for SQLite: each has one connection and runs one call at a time.

A call crosses from the event loop to the thread and back once. What SQLite cannot do for now (disk full, input
or output error, another writer for too long) is ``Unavailable``.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Concatenate, ParamSpec, TypeVar

from authrim.metrics import catalogue as metrics
from authrim.store.causes import sqlite_cause
from authrim.store.contract import Unavailable, UnknownSchema

P = ParamSpec("P")
T = TypeVar("T")

#: How long a statement waits for another process's lock, in ms, before it is Unavailable.
BUSY_TIMEOUT = 3000
#: How long the write-ahead log grows, in pages of 4 KiB, before a commit folds it into the file, when nothing has done
#: so before (authrim/store/sqlite/wal.py): seldom, since that commit and all behind it wait some milliseconds.
CHECKPOINT_PAGES = 10_000
#: What stays of the write-ahead log's file once all of it is in the database, in bytes.
WAL_KEPT = 1024 * 1024


def connect(path: Path) -> sqlite3.Connection:
    """A connection to a database that exists, durable at every commit. Raises UnknownSchema when it does not."""
    try:
        connection = sqlite3.connect(
            f"file:{_escape(path)}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
        )
    except sqlite3.OperationalError:
        raise UnknownSchema(f"there is no database at {path}: run `authrim migrate`") from None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # what was erased is overwritten (A234)
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT}")
    return connection


class Lane:
    """One thread with one connection, opened by the first call."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name.removeprefix("authrim-")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._connection: sqlite3.Connection | None = None

    async def run(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """``function(connection, …)`` in the thread. Raises Unavailable when SQLite cannot do it for now."""
        loop, began = asyncio.get_running_loop(), perf_counter()
        try:
            result = await loop.run_in_executor(self._thread, lambda: function(self._open(), *args, **kwargs))
            metrics.DATABASE_CALLS.observe(perf_counter() - began, self._name)
        except sqlite3.OperationalError as failed:
            metrics.DATABASE_FAILURES.add(failed.sqlite_errorname)
            raise Unavailable(sqlite_cause(failed)) from None
        return result

    async def close(self) -> None:
        """Finish the current call, close the connection and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _escape(path: Path) -> str:
    """The path as it is written in an SQLite URI."""
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
