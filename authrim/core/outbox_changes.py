"""What an operator does to messages of the outbox: each change is in the log before it is made."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby

from authrim.core.execute import Change, Outcome, carry_out
from authrim.core.origin import operator
from authrim.crypto.ids import new_id
from authrim.store.outbox_contract import Chosen, DeliveryRow
from authrim.store.read_back import ReadBack
from domain.errors import Refusal
from domain.event import Event
from domain.outbox_events import DeliveriesDiscarded, DeliveriesRetried
from domain.stream import outbox_stream
from domain.units import MICROSECONDS

#: Messages that are changed with one event.
_PAGE = 500


async def retry(store: ReadBack, chosen: Chosen, reason: str) -> int | Refusal:
    """Let messages be delivered again as if they were new; how many."""

    def event(rows: Sequence[DeliveryRow], now: int) -> Event:
        return DeliveriesRetried(*_of(rows), now, reason.strip(), operator())

    return await _each_page(store, chosen, event, store.outbox.retry)


async def discard(store: ReadBack, chosen: Chosen, reason: str) -> int | Refusal:
    """Take messages away; how many."""

    def event(rows: Sequence[DeliveryRow], now: int) -> Event:
        return DeliveriesDiscarded(*_of(rows), now, reason.strip(), operator())

    return await _each_page(store, chosen, event, store.outbox.discard)


async def _each_page(
    store: ReadBack,
    chosen: Chosen,
    event: Callable[[Sequence[DeliveryRow], int], Event],
    change: Callable[[Sequence[str]], Awaitable[Sequence[str]]],
) -> int | Refusal:
    count, after = 0, ""
    while rows := await store.outbox.listed(chosen, after, _PAGE):
        for _receiver, of_one in groupby(rows, lambda row: (row.tenant, row.kind, row.receiver)):
            together = list(of_one)
            refusal = await _record(store, together, event)
            if refusal is not None:
                return refusal
            count += len(await change([row.key for row in together]))
        after = rows[-1].key
    return count


async def _record(
    store: ReadBack, rows: Sequence[DeliveryRow], event: Callable[[Sequence[DeliveryRow], int], Event]
) -> Refusal | None:
    stream = outbox_stream(rows[0].tenant, new_id())

    async def attempt() -> Outcome[None]:
        now = (await store.read_stream(stream)).now // MICROSECONDS
        return Outcome(None, (Change(stream, 0, (event(rows, now),)),))

    return await carry_out(store, rows[0].tenant, attempt)


def _of(rows: Sequence[DeliveryRow]) -> tuple[str, str, tuple[int, ...]]:
    return rows[0].kind, rows[0].receiver, tuple(row.position for row in rows)
