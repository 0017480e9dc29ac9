"""Records every refusal for ``authrim audit why``, without letting a flood of them fill the log.

A refusal that belongs to no grant is a one-event stream. Beyond a limit a minute, of one source and of all together,
refusals are only counted, and the counts are written once a minute.
"""

import asyncio
from collections import Counter
from http import HTTPStatus
from time import time

import structlog

from authrim.core.execute import Change, append_of
from authrim.core.origin import Origin
from authrim.crypto.ids import new_id
from authrim.metrics import catalogue as metrics
from authrim.store.contract import Store, StoreError
from domain import stream as streams
from domain.errors import Refusal
from domain.event import Event
from domain.refusal_events import RefusalsCounted, RequestRefused

log = structlog.get_logger(__name__)

#: Refusals of one source that are recorded one by one per minute.
RECORDED_A_MINUTE = 60
#: Refusals of all sources together, so that many networks cannot write more.
RECORDED_IN_ALL = 1200
#: Sources that are remembered per minute; new ones beyond that are only counted.
SOURCES = 10_000


def count_refusal(endpoint: str, refusal: Refusal, client_id: str) -> None:
    """Count a refusal. ``client_id``: that of a known client, or nothing."""
    metrics.REFUSALS.add(endpoint, refusal.error, refusal.reason)
    if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
        metrics.GUARD_HITS.add(endpoint)
    if client_id and metrics.CLIENT_REFUSALS.is_on:
        metrics.CLIENT_REFUSALS.add(client_id, refusal.error)


class Refusals:
    """Records refusals, one by one or counted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._minute = 0
        self._by_source: Counter[str] = Counter()
        self._recorded = 0
        self._counted: Counter[tuple[str, str, str]] = Counter()

    async def record(self, origin: Origin, endpoint: str, refusal: Refusal, client_known: bool) -> None:
        """Record that a request was refused before it changed anything. ``origin.error_id`` identifies it."""
        now = int(time())
        await self._turn_minute(now // 60)
        if not self._may_record(origin.address):
            self._counted[(origin.tenant, endpoint, refusal.error)] += 1
            return
        event = RequestRefused(
            error_id=origin.error_id,
            endpoint=endpoint,
            error=refusal.error,
            description=refusal.description,
            status=refusal.status,
            refused_at=now,
            hint=refusal.hint,
            section=refusal.section,
            reason=refusal.reason,
            client_id=origin.client_id if client_known and origin.client_id else None,
            details=dict(refusal.details),
        )
        await self._append(origin, origin.error_id, event)

    def _may_record(self, source: str) -> bool:
        if source not in self._by_source and len(self._by_source) >= SOURCES:
            return False
        self._by_source[source] += 1
        if self._by_source[source] > RECORDED_A_MINUTE or self._recorded >= RECORDED_IN_ALL:
            return False
        self._recorded += 1
        return True

    async def _turn_minute(self, minute: int) -> None:
        if minute == self._minute:
            return
        self._minute = minute
        self._by_source.clear()
        self._recorded = 0
        await self.flush()

    async def flush(self) -> None:
        """Write the collected counts. Counts that cannot be written now are kept for the next time."""
        counted, self._counted = self._counted, Counter()
        for (tenant, endpoint, error), count in counted.items():
            event = RefusalsCounted(endpoint=endpoint, error=error, count=count, minute=self._minute)
            try:
                await self._append(Origin(tenant=tenant, actor="system"), new_id(), event)
            except StoreError:
                self._counted[(tenant, endpoint, error)] += count

    async def flush_every_minute(self) -> None:
        """Run until cancelled, so that the last minute of a flood is written too."""
        while True:
            await asyncio.sleep(60)
            await self._turn_minute(int(time()) // 60)

    async def _append(self, origin: Origin, stream_id: str, event: Event) -> None:
        stream = streams.refusal_stream(origin.tenant, stream_id)
        change = Change(stream, 0, (event,))
        await self._store.append(append_of((change,), origin.metadata(origin.error_id)))
