"""Folds events of the log into the sections of a report. Where the events come from is another matter."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from authrim.audit import recorded
from authrim.store.codec import UnreadableEvent
from authrim.store.contract import Batch, StoredEvent
from domain.log_entry import LogEntry
from domain.report.model import Section
from domain.report.section import Context, Integrity, SectionFold
from domain.report.sections import SECTIONS
from domain.report.trails import Emit, Trails
from domain.units import DAY, MICROSECONDS

#: Unreadable events that a report names; more are of no use to anybody.
_MOST_NAMED: Final = 100

#: In µs.
_A_DAY: Final = DAY * MICROSECONDS

_Add = Callable[..., None]


class Part(msgspec.Struct, frozen=True):
    """What of the log a report is about: a tenant's events from one position to another."""

    tenant: str
    first: int
    last: int


def sections_of(wanted: Iterable[str], emit: Emit) -> list[SectionFold]:
    """The sections of these ids, in the order of a report."""
    names, trails = set(wanted), Trails(emit)
    return [section for section in (make(trails) for make in SECTIONS) if section.id in names]


class Folding:
    """Sections while the log is read. Only what a section wants is decoded."""

    def __init__(self, part: Part, sections: Sequence[SectionFold]) -> None:
        self._part = part
        self._sections = sections
        self._prefix = f"{part.tenant}:"
        self._unreadable: list[int] = []
        self._adds: dict[str, tuple[_Add, ...]] = {}
        for section in sections:
            for tag in section.wants:
                self._adds[tag] = (*self._adds.get(tag, ()), section.add)

    def take(self, events: Iterable[StoredEvent]) -> None:
        """Take the next events, in the order of the log. Those behind the part are left out."""
        for event in events:
            adds = self._adds.get(event.type)
            if adds is None or event.position > self._part.last or not event.stream.startswith(self._prefix):
                continue
            entry = self._read(event)
            if entry is not None:
                in_period = entry.position >= self._part.first
                for add in adds:
                    add(entry, in_period=in_period)

    def result(self, context: Context) -> tuple[Section, ...]:
        """The sections, after the last event."""
        integrity = msgspec.structs.replace(context.integrity, unreadable=tuple(self._unreadable))
        whole = msgspec.structs.replace(context, integrity=integrity)
        return tuple(section.result(whole) for section in self._sections)

    def _read(self, event: StoredEvent) -> LogEntry | None:
        try:
            return recorded.read(event)
        except (UnreadableEvent, msgspec.DecodeError, ValueError):
            if len(self._unreadable) < _MOST_NAMED:
                self._unreadable.append(event.position)
            return None


class LedgerNotes:
    """What the ledger rows of the period say: how many, the chain's hashes at its ends, and the longest pause."""

    def __init__(self, first: int, last: int, chain: bytes) -> None:
        self._first, self._last = first, last
        self._chain_before = self._chain_after = chain
        self._batches = 0
        self._before: Batch | None = None
        self._pause, self._pause_after = 0, 0
        self._days: dict[int, int] = {}

    def take(self, batch: Batch) -> None:
        """Take the next ledger row."""
        if batch.last_position < self._first:
            self._chain_before = self._chain_after = batch.chain_hash
        elif batch.first_position <= self._last:
            self._batches += 1
            self._chain_after = batch.chain_hash
            if self._before is not None and batch.recorded_at - self._before.recorded_at > self._pause:
                self._pause = batch.recorded_at - self._before.recorded_at
                self._pause_after = self._before.last_position
            self._before = batch
            day = batch.recorded_at // _A_DAY
            inside = min(batch.last_position, self._last) - max(batch.first_position, self._first) + 1
            self._days[day] = self._days.get(day, 0) + inside

    def integrity(self, *, whole: bool) -> Integrity:
        """What was noted. ``whole``: from the first event of the log on."""
        return Integrity(
            self._last - self._first + 1, self._batches, self._chain_before.hex(), self._chain_after.hex(),
            self._pause, self._pause_after, tuple((day * _A_DAY, count) for day, count in self._days.items()),
            whole=whole,
        )  # fmt: skip
