"""Followers: each brings one projection up to the head of the log, page by page, and keeps it there.

A page's rows and the follower's new position are one transaction, so an event is handled exactly once, also when
the process is killed in between (F18). The store lets one process at a time follow; the others wait for the next
wake-up. An event that cannot be handled is set apart with its position and the kind of error, and the rest goes
on (F19).
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from authrim.audit.recorded import read_page, rows_of
from authrim.audit.tree import TreeFollower
from authrim.metrics import catalogue as metrics
from authrim.store.contract import StoredEvent, StoreError
from authrim.store.log_reading import LogReading
from authrim.store.monitor_contract import MONITOR
from authrim.store.read_back import Page, ProjectionResult, ReadBack
from projections.audit import AUDIT
from projections.checkpoints import CHECKPOINTS
from projections.followed import FollowedProjection
from projections.outbox import OUTBOX
from projections.tree import NAME as TREE

log = structlog.get_logger(__name__)

#: Every followed projection whose rows come from one event each. The tree has a follower of its own (tree.py).
FOLLOWED: Final = (AUDIT, OUTBOX, CHECKPOINTS)

#: The names of all that follow, under which their positions are saved.
NAMES: Final = (*(projection.name for projection in FOLLOWED), TREE, MONITOR)

#: Events a transaction. On SQLite appends wait behind it for some milliseconds.
PAGE: Final = 500
#: After a page that was not full: many small appends are followed together, and requests come first. In seconds.
PAUSE: Final = 1.0
#: How long to leave a store alone that is away, in seconds.
STORE_PAUSE: Final = 1.0


class Follower:
    """Brings one projection up to date."""

    def __init__(self, store: LogReading, projection: FollowedProjection, page: int = PAGE) -> None:
        self._store = store
        self._projection = projection
        self._page = page

    async def step(self, *, wait: bool = False) -> Page:
        """One page. ``wait``: after another process that is at it just now, else the page is ``busy``."""
        page = await self._store.run_followed_page(self._projection, self._page, self._project, wait=wait)
        metrics.FOLLOWED.add_more(page.handled, self._projection.name)
        for failure in page.failures:
            metrics.FOLLOW_FAILURES.add(self._projection.name)
            log.error(
                "follower.event_failed",
                projection=self._projection.name,
                position=failure.position,
                kind=failure.kind,
            )
        return page

    async def catch_up(self) -> int:
        """Follow to the log's head as it is now; the position reached. Raises Unavailable."""
        head = (await self._store.head()).position
        page = await self.step(wait=True)
        while page.position < head:
            page = await self.step(wait=True)
        return page.position

    async def follow(self) -> None:
        """Follow until cancelled. Waits for a store that cannot be reached."""
        while True:
            try:
                async for _position in self._store.changes():
                    await self._follow_to_the_end()
                    await asyncio.sleep(PAUSE)
            except StoreError as error:
                log.warning("follower.store_unavailable", projection=self._projection.name, reason=str(error))
                await asyncio.sleep(STORE_PAUSE)

    async def _follow_to_the_end(self) -> None:
        page = await self.step()
        while page.busy or page.handled == self._page:
            # The other process may be killed before it commits. Between our own pages, requests come first.
            await asyncio.sleep(PAUSE if page.busy else 0)
            page = await self.step()

    def _project(self, events: Sequence[StoredEvent]) -> ProjectionResult:
        recorded, unreadable = read_page(events)
        rows, failed = rows_of(recorded, self._projection)
        return ProjectionResult(rows, [*unreadable, *failed])


async def follow_all(store: ReadBack) -> None:
    """Follow with every followed projection until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        for projection in FOLLOWED:
            tasks.create_task(Follower(store, projection).follow())
        tasks.create_task(TreeFollower(store).follow())
