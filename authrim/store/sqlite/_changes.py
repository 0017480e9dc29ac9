"""Waking up when the log grows: at once after our own commits, and by looking at the file for those of others.

One task looks for all followers of a process, as long as there is one: an idle server does not look once for each.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable

from authrim.store.contract import StoreError
from authrim.store.sqlite import reads
from authrim.store.sqlite.lane import Lane
from authrim.tasks.cancellation import end_tasks

#: How often the file is looked at for commits of other processes, in seconds.
POLL = 0.1


class Changes:
    """The positions that the log has reached, for any number of followers."""

    def __init__(self, scans: Lane, position: Callable[[], Awaitable[int]]) -> None:
        self._scans = scans
        self._position = position
        self._wake: set[asyncio.Event] = set()
        self._looking: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            await end_tasks(self._looking)
            self._looking = None

    def wake_all(self) -> None:
        """Something was committed, or may have been."""
        for wake in self._wake:
            wake.set()

    async def follow(self) -> AsyncIterator[int]:
        """The newest position, each time it is another one. Raises Unavailable."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="look for commits")
        wake = asyncio.Event()
        self._wake.add(wake)
        known = -1
        try:
            while True:
                wake.clear()
                position = await self._position()
                if position != known:
                    known = position
                    yield position
                await wake.wait()
        finally:
            self._wake.discard(wake)
            if not self._wake and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _look(self) -> None:
        known = None
        while True:
            try:
                version = await self._scans.run(reads.data_version)
            except (StoreError, sqlite3.Error):
                version = None  # followers find out for themselves
            if version is None or version != known:
                known = version
                self.wake_all()
            await asyncio.sleep(POLL)
