"""A running monitor: it proves the log page by page, and a sample of rows in turn.

It runs beside the requests and never in their way: a page is one transaction of its own, after the append.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from authrim.audit.follow import PAUSE, STORE_PAUSE
from authrim.audit.monitor.alarms import raise_alarms
from authrim.audit.monitor.sample import Sample
from authrim.metrics.catalogue import FOLLOWED
from authrim.store.contract import StoreError
from authrim.store.monitor_contract import MONITOR, MonitorPage
from authrim.store.read_back import ReadBack
from domain.units import MICROSECONDS
from projections.monitor.page import check_page
from projections.monitor.questions import Answers, LogRow
from projections.monitor.rules import Breach

log = structlog.get_logger(__name__)

#: Events per transaction. On SQLite appends wait behind it for some milliseconds.
PAGE: Final = 500
#: Seconds between two samples of rows, and how many rows one has: what it takes from the requests is bounded.
SAMPLE_PAUSE: Final = 5.0
SAMPLE_ROWS: Final = 20


class Monitor:
    """Proves the rules. ``broken`` counts the breaches that this process found, by rule, for metrics; ``events`` and
    ``position`` say how far it is."""

    def __init__(self, store: ReadBack, issuer: str, page: int = PAGE) -> None:
        self.broken: Counter[str] = Counter()
        self.events = 0
        self.position = 0
        self._store = store
        self._issuer = issuer
        self._page = page
        self._sample = Sample(store)

    async def step(self, *, wait: bool = False) -> MonitorPage:
        """One page, and the alarms of what it found. Raises StoreError."""
        page = await self._store.monitor.run_page(self._page, self._check, wait=wait)
        if not page.busy:
            self.position = page.position
            self.events += page.handled
            FOLLOWED.add_more(page.handled, MONITOR)
        await self._alarm(page.new)
        return page

    async def catch_up(self) -> int:
        """Prove the log up to its head as it is now; the position reached. Raises StoreError."""
        await raise_alarms(self._store)
        head = (await self._store.head()).position
        page = await self.step(wait=True)
        while page.position < head:
            page = await self.step(wait=True)
        return page.position

    async def sample(self, rows: int = SAMPLE_ROWS) -> int:
        """Compare the next rows with the events of their streams; how many. Raises StoreError."""
        found = await self._sample.next(rows)
        await self._alarm(await self._store.monitor.add(found.breaches) if found.breaches else ())
        return found.rows

    async def follow(self) -> None:
        """Follow until cancelled. Waits for a store that cannot be reached."""
        await self._kept_going(self._follow)

    async def follow_samples(self) -> None:
        """Sample until cancelled. Usually one node samples at a time."""
        await self._kept_going(self._take_samples)

    async def _follow(self) -> None:
        await raise_alarms(self._store)  # which a process that was killed had no time for
        async for _position in self._store.changes():
            page = await self.step()
            while page.busy or page.handled == self._page:
                # The other process may be killed before it commits. Between our own pages, requests come first.
                await asyncio.sleep(PAUSE if page.busy else 0)
                page = await self.step()
            await asyncio.sleep(PAUSE)

    async def _take_samples(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_PAUSE)
            now = (await self._store.head()).now // MICROSECONDS
            if await self._store.reserve("monitor sample", now + int(SAMPLE_PAUSE) // 2):
                await self.sample()

    async def _kept_going(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except StoreError as error:
                log.warning("monitor.store_unavailable", reason=str(error))
                await asyncio.sleep(STORE_PAUSE)

    async def _alarm(self, new: Sequence[Breach]) -> None:
        self.broken.update(breach.rule for breach in new)
        if new:
            await raise_alarms(self._store)

    def _check(self, events: Sequence[LogRow]) -> Answers:
        return check_page(events, self._issuer, complete=len(events) < self._page)
