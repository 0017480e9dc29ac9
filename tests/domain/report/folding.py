"""Given some events, a section of a report: what the tests of sections share."""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from authrim.store import codec
from domain.event import Event, as_dict, tag_of
from domain.log_entry import LogEntry, Metadata
from domain.report.model import Finding, Period, Section, Value
from domain.report.section import Context, Integrity, SectionFold
from domain.report.trails import Trails
from domain.stream import DEFAULT_TENANT, StreamId
from domain.units import DAY, MICROSECONDS

#: 1 July 2026, in seconds.
BEGIN: Final = 1_782_864_000
_TAKEN: Final = {
    "events": 0,
    "batches": 0,
    "chain_before": "",
    "chain_after": "",
    "longest_pause": 0,
    "pause_after": 0,
}


class Told:
    """What a section told, easy to ask for."""

    def __init__(self, section: Section, files: dict[str, bytes]) -> None:
        self.section = section
        self.files = files

    @property
    def values(self) -> dict[str, Value]:
        """The values of all figures."""
        return {figure.id: figure.value for figure in self.section.figures}

    def positions(self, figure_id: str) -> str:
        """The positions of a figure, as they are in its file."""
        return self.files[figure_id].decode().rstrip("\n")

    def rows(self, table_id: str) -> list[tuple[Value, ...]]:
        """The rows of a table."""
        (table,) = (one for one in self.section.tables if one.id == table_id)
        return list(table.rows)

    def finding(self, finding_id: str) -> Finding | None:
        """A finding."""
        return next((one for one in self.section.findings if one.id == finding_id), None)


def entry(
    position: int, stream: str, event: Event, *, after: int = 0, metadata: Metadata | None = None
) -> LogEntry:
    """An event at a position, in the stream ``kind:id``, so many seconds after the beginning of the period."""
    kind, name = stream.split(":", 1)
    at = (BEGIN + after) * MICROSECONDS
    stream_id = StreamId(DEFAULT_TENANT, kind, name)
    return LogEntry(position, stream_id, 1, tag_of(event), event, metadata or Metadata(), at)


def stored(one: LogEntry) -> LogEntry:
    """The entry as it comes back from the log: its event was text in between."""
    event = codec.decode(one.stream.kind, one.type, msgspec.json.encode(as_dict(one.event)))
    return one._replace(event=event)


def told(
    make: Callable[[Trails], SectionFold], before: Iterable[LogEntry], during: Iterable[LogEntry], days: int = 31,
    integrity: Integrity | None = None,
) -> Told:  # fmt: skip
    """What a section says of a period of so many days, given the events before and in it."""
    files: dict[str, bytes] = {}

    def emit(name: str, part: bytes) -> None:
        files[name] = files.get(name, b"") + part

    section = make(Trails(emit))
    before, during = list(before), list(during)
    for one in (*before, *during):
        if one.type in section.wants:
            section.add(stored(one), in_period=one in during)
    first = during[0].position if during else 1
    last = during[-1].position if during else 0
    period = Period(first, last, BEGIN * MICROSECONDS, (BEGIN + days * DAY) * MICROSECONDS)
    return Told(section.result(Context(DEFAULT_TENANT, period, integrity or Integrity(**_TAKEN))), files)
