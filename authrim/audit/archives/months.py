"""The months of a log, by UTC, and the positions that each of them has."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from authrim.audit.search import position_at
from authrim.store.log_reading import LogReading
from domain.units import MICROSECONDS

_NAME: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


class Month(NamedTuple):
    """A month with its first and last position of the log."""

    name: str
    first: int
    last: int


def beginning_of(name: str) -> int:
    """When a month such as ``2026-11`` begins, in µs UTC. Raises ValueError."""
    if _NAME.fullmatch(name) is None:
        raise ValueError(name)
    return int(datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC).timestamp()) * MICROSECONDS


async def closed_months(store: LogReading, before: str) -> Sequence[Month]:
    """The months before the month ``before`` that have events, in order.

    A month is closed when there is an event of a later one: times never go back in the log, so nothing is added to it
    any more, whatever the clock of the database does.
    """
    head = (await store.head()).position
    months: list[Month] = []
    position = 0
    while position < head:
        (event,) = await store.read_log(position, 1)
        month = _month_of(event.recorded_at)
        last = await position_at(store, _end_of(month))
        if beginning_of(month) >= beginning_of(before) or last == head:
            break
        months.append(Month(month, position + 1, last))
        position = last
    return months


def _month_of(micros: int) -> str:
    return datetime.fromtimestamp(micros // MICROSECONDS, UTC).strftime("%Y-%m")


def _end_of(name: str) -> int:
    year, month = int(name[:4]), int(name[5:])
    return beginning_of(f"{year + month // 12:04}-{month % 12 + 1:02}")
