"""Follows the log for one sink, from a position that is kept in the store.

The position is saved when what was sent counts as received. So nothing is lost when the receiver, the connection or
this process dies; what had not settled is sent again, with the same ``metadata.uid``. One process at a time sends to a
sink: it reserves the next period before its own is over, so that it stays the one until it dies.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from math import ceil
from time import monotonic, time
from typing import Final

import structlog

from authrim.audit.ocsf.records import record_of
from authrim.metrics.failures import word_of
from authrim.siem.sinks import Sent, Sink
from authrim.store.contract import StoredEvent, StoreError
from authrim.store.read_back import ReadBack

log = structlog.get_logger(__name__)

#: Events that are read and sent at a time.
PAGE: Final = 200
#: Seconds between two looks, and before a sink is tried again that failed, more each time.
PAUSE: Final = 1.0
PAUSES: Final = (1, 5, 15, 60)
#: Seconds for which a process sends; the next one takes over after at most two of these.
PERIOD: Final = 10.0


class SinkFollower:
    """Keeps one sink up to date."""

    def __init__(self, store: ReadBack, sink: Sink, issuer: str) -> None:
        self._store = store
        self._sink = sink
        self._issuer = issuer
        self._period = 0
        self._saved = 0
        self._sent: int | None = None
        #: When each position was sent that does not count as received yet.
        self._settling: deque[tuple[float, int]] = deque()

    async def follow(self) -> None:
        """Send until cancelled. A store or a sink that is away is waited for."""
        failures = 0
        try:
            while True:
                try:
                    await self.step()
                    failures = 0
                    await asyncio.sleep(PAUSE)
                except (OSError, TimeoutError) as error:
                    log.warning("siem.failed", sink=self._sink.name, reason=word_of(error))
                    await self._begin_again()
                    await asyncio.sleep(PAUSES[min(failures, len(PAUSES) - 1)])
                    failures += 1
                except StoreError as error:
                    log.warning("siem.store_unavailable", sink=self._sink.name, reason=str(error))
                    await asyncio.sleep(PAUSE)
        finally:
            await self._sink.close()

    async def step(self) -> None:
        """Send what there is, and save how far it has been received. Raises OSError, TimeoutError or StoreError."""
        while await self._is_our_turn():
            if self._sent is None:
                self._sent = self._saved = await self._store.outbox.position(self._sink.name)
            await self._settle()
            if self._sent is None:
                continue
            events = await self._store.read_log(self._sent, PAGE)
            if events:
                await self._sink.send(self._records(events))
                self._sent = events[-1].position
                self._settling.append((monotonic(), self._sent))
            if len(events) < PAGE:
                await self._settle()
                return
        await self._begin_again()

    def _records(self, events: Sequence[StoredEvent]) -> list[Sent]:
        records = ((stored, record_of(stored, self._issuer)) for stored in events)
        return [Sent(stored, record) for stored, record in records if record is not None]

    async def _settle(self) -> None:
        """Save the newest position that counts as received."""
        if not self._settling or not await self._sink.check():
            return
        received, now = self._saved, monotonic()
        while self._settling and now - self._settling[0][0] >= self._sink.settling:
            received = self._settling.popleft()[1]
        if received == self._saved:
            return
        if await self._store.outbox.advance(self._sink.name, self._saved, received):
            self._saved = received
        else:  # another process sends, too: its position counts
            await self._begin_again()

    async def _begin_again(self) -> None:
        """Go on from the saved position, on a new connection."""
        self._sent = None
        self._settling.clear()
        await self._sink.close()

    async def _is_our_turn(self) -> bool:
        """Whether this process sends now. It asks for the next period at once, which it is the first to do."""
        period = int(time() / PERIOD)
        if self._period < period and not await self._reserve(period):
            return False
        if self._period < period + 1:
            await self._reserve(period + 1)
        return True

    async def _reserve(self, period: int) -> bool:
        if not await self._store.reserve(f"{self._sink.name}:{period}", ceil((period + 3) * PERIOD)):
            return False
        self._period = period
        return True
