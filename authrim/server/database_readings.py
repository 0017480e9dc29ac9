"""What the page of metrics says of the database: read when somebody asks, and not again for some seconds.

So nobody who asks for the page again and again makes the database work, and a page that nobody asks for costs nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic, time
from typing import Final

import structlog

from authrim.audit.follow import NAMES
from authrim.core.parts import Core
from authrim.metrics import catalogue as metrics
from authrim.metrics.declaration import Gauge
from domain.key.key import Key, life, successor_of
from domain.stream import DEFAULT_TENANT
from domain.units import MICROSECONDS

log = structlog.get_logger(__name__)

#: How long what was read is good for, in seconds.
GOOD_FOR: Final = 10.0
#: How long the database may take for all of it, in seconds; Prometheus waits for ten by default.
PATIENCE: Final = 5.0
#: More open breaches than this are not counted.
MOST_BREACHES: Final = 1000

_READ: Final[tuple[Gauge, ...]] = tuple(
    one for one in metrics.METRICS if isinstance(one, Gauge) and not one.kept
)


class DatabaseReadings:
    """Sets the gauges that are read for the page."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._again_at = 0.0
        self._one_at_a_time = asyncio.Lock()

    async def read(self) -> None:
        """Read everything, unless that was done a moment ago. What cannot be read is missing on the page."""
        async with self._one_at_a_time:
            if monotonic() < self._again_at:
                return
            for gauge in _READ:
                gauge.series.clear()
            metrics.DATABASE_UP.set(0)
            self._read_keys()
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._read_database()
            self._again_at = monotonic() + GOOD_FOR

    async def _read_database(self) -> None:
        steps: tuple[Callable[[], Awaitable[None]], ...] = (
            self._read_head, self._read_lags, self._read_outbox, self._read_breaches, self._read_sizes,
            self._read_replica,
        )  # fmt: skip
        for step in steps:
            try:
                await step()
            except Exception as failed:  # nothing that cannot be read hides the rest
                log.warning("metrics.database_unread", kind=type(failed).__name__)
                if step == self._read_head:
                    return

    async def _read_head(self) -> None:
        head = await self._core.store.head()
        metrics.DATABASE_UP.set(1)
        metrics.DATABASE_SKEW.set(head.now / MICROSECONDS - time())
        metrics.LOG_POSITION.set(head.position)
        checkpoint = await self._core.store.tree.last_checkpoint()
        metrics.CHECKPOINT_POSITION.set(0 if checkpoint is None else checkpoint.size)

    async def _read_lags(self) -> None:
        for follower, lag in (await self._core.store.lags(NAMES)).items():
            metrics.FOLLOWER_LAG.set(lag / MICROSECONDS, follower)

    async def _read_outbox(self) -> None:
        for depth in await self._core.store.sizes.messages():
            metrics.OUTBOX.set(depth.waiting, depth.kind, "waiting")
            metrics.OUTBOX.set(depth.dead, depth.kind, "dead")
            metrics.OUTBOX_AGE.set(depth.oldest_age / MICROSECONDS, depth.kind)

    async def _read_breaches(self) -> None:
        metrics.BREACHES.set(len(await self._core.store.monitor.breaches(MOST_BREACHES)))

    async def _read_sizes(self) -> None:
        sizes = self._core.store.sizes
        metrics.DATABASE_BYTES.set(await sizes.database_bytes())
        for table in await sizes.tables():
            metrics.TABLE_BYTES.set(table.bytes, table.name)
            if table.rows is not None:
                metrics.TABLE_ROWS.set(table.rows, table.name)

    async def _read_replica(self) -> None:
        reached = await self._core.readings.look()
        if reached is not None:
            metrics.REPLICA_LAG.set(reached.lag / MICROSECONDS)
            metrics.REPLICA_BEHIND.set(reached.behind)

    def _read_keys(self) -> None:
        ring, now = self._core.key_ring, self._core.now()
        keys = ring.keys(DEFAULT_TENANT)
        for key in keys:
            stage = life(key, successor_of(key, keys), now, ring.times)
            if stage != "gone":
                self._note_key(key, stage)

    def _note_key(self, key: Key, stage: str) -> None:
        counted = metrics.KEYS.series.get((key.alg, stage), 0)
        metrics.KEYS.set(counted + 1, key.alg, stage)
        if stage == "active" and not key.is_for_encryption:
            metrics.KEY_SINCE.set(key.active_from, key.alg)
