"""A section of a report: a fold over the log up to the end of the period.

Its state is bounded by what lives (accounts, clients, keys, open grants), never by the number of events.
"""

from typing import Protocol

import msgspec

from domain.event import Event, tag_of
from domain.log_entry import LogEntry
from domain.report.model import Period, Section


class Integrity(msgspec.Struct, frozen=True):
    """What was proved while the log was read. ``events`` and ``batches`` are those of the period, with every type of
    event and every tenant; ``chain_before`` and ``chain_after`` are the hashes of the chain at its ends.
    ``longest_pause`` is the longest time in µs between two batches of the period, ``pause_after`` the position that it
    followed. ``per_day`` has the events of each day, by the beginning of that day in µs UTC. ``unreadable`` are
    positions of events that this version cannot read. ``whole`` tells that every event from the first of the log on was
    proved, and not only the period."""

    events: int
    batches: int
    chain_before: str
    chain_after: str
    longest_pause: int
    pause_after: int
    per_day: tuple[tuple[int, int], ...] = ()
    unreadable: tuple[int, ...] = ()
    whole: bool = True


class Context(msgspec.Struct, frozen=True):
    """What a section knows at the end besides its events."""

    tenant: str
    period: Period
    integrity: Integrity


class SectionFold(Protocol):
    """A section while the log is read. It is made with the ``Trails`` of the report."""

    id: str
    title: str
    wants: frozenset[str]
    """The tags of the events that it is given. Events of other types are not decoded."""

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event. They come in the order of the log, from its first one to the last of the period, so that
        the state at both ends is known."""

    def result(self, context: Context) -> Section:
        """The section, after the last event."""


def tags(*event_classes: type[Event]) -> frozenset[str]:
    """What a section wants, from the classes of the events."""
    return frozenset(tag_of(event_class) for event_class in event_classes)
