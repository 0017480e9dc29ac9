"""What part of the log a period is: the positions that its times or positions mean."""

from collections.abc import Mapping
from typing import Final

from authrim.audit.past.moments import Time
from authrim.audit.search import position_at
from authrim.audit.timeline import time_of
from authrim.store.log_reading import LogReading
from domain.errors import Refusal, invalid_request
from domain.report.model import Period

EMPTY_LOG: Final = invalid_request("The log is empty.", hint="Is this the right database?")
EMPTY_PERIOD: Final = invalid_request(
    "Nothing was recorded in this period.", hint="--from comes before --to; times are UTC."
)


async def period_of(store: LogReading, first: int | Time | None, last: int | Time | None) -> Period | Refusal:
    """The period from a time or position, to before a time or up to a position; None: the beginning or the end of the
    log. A period that has not ended is refused, because its report would change. Raises Unavailable."""
    head = await store.head()
    if not head.position:
        return EMPTY_LOG
    for place in (first, last):
        if isinstance(place, Time) and place.micros > head.now:
            return invalid_request("The period has not ended.", hint=f"It is {time_of(head.now)} now.")
        if isinstance(place, int) and not 1 <= place <= head.position:
            return invalid_request(
                "The log has no such position.", hint=f"Its positions are 1 to {head.position}."
            )
    begin = await position_at(store, first.micros) + 1 if isinstance(first, Time) else first or 1
    end = await position_at(store, last.micros) if isinstance(last, Time) else last or head.position
    if begin > end:
        return EMPTY_PERIOD
    begins_at = first.micros if isinstance(first, Time) else await recorded_at(store, begin)
    ends_at = last.micros if isinstance(last, Time) else await recorded_at(store, end) + 1
    return Period(begin, end, begins_at, ends_at)


def beside(period: Period) -> tuple[int, int, int, int]:
    """The positions at both ends of a period: before the first one, the first, the last, and behind the last."""
    return period.first_position - 1, period.first_position, period.last_position, period.last_position + 1


def times_fit(period: Period, known: Mapping[int, int]) -> bool:
    """Whether the times of a period are those of its positions, as ``period_of`` makes it. ``known`` has the times of
    the positions ``beside`` it, so far as there are any."""
    before, first, last, behind = beside(period)
    begin, end = known[first], known[last]
    starts = period.begins_at == begin or known.get(before, -1) < period.begins_at < begin
    ends = period.ends_at == end + 1 or end < period.ends_at <= known.get(behind, period.ends_at)
    return starts and ends


async def recorded_at(store: LogReading, position: int) -> int:
    """When an event of the log was recorded, in µs."""
    (event,) = await store.read_log(position - 1, 1)
    return event.recorded_at
