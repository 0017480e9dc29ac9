"""The slider that leads through the time of one thing: from its first event to the newest position of the log."""

from collections.abc import Sequence
from typing import Final

from authrim.auditor._lines import short_time
from authrim.pages.audit_views import Slider
from authrim.store.contract import StoredEvent
from authrim.store.log_reading import LogReading
from domain.stream import parse

#: Marks on a slider: the newest events.
_TICKS: Final = 100


async def slider_of(store: LogReading, events: Sequence[StoredEvent], at: int | None = None) -> Slider:
    """The slider of a stream with these events, at a position or at the newest event. Raises Unavailable."""
    head, of = (await store.head()).position, parse(events[0].stream)
    first, last = events[0].position, events[-1].position
    ticks = tuple((event.position, short_time(event.recorded_at)) for event in events[-_TICKS:])
    return Slider(of.kind, of.id, first, max(head, last), max(first, min(at or last, head)), ticks)
