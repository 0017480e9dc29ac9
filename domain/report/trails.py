"""Trails: the positions that a figure comes from, written while they are found. They take no memory."""

import re
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Final

from domain.report.model import POSITIONS, Figure, Finding, Positions, Severity, Value

#: Takes the next part of the positions of a figure: its id, and text as it stands in the file.
Emit = Callable[[str, bytes], None]

_ID: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
#: Ranges of one trail that are held back, so that each is not hashed and written by itself.
_HELD: Final = 128
_OTHER: Final = re.compile(r"[^a-z0-9]+")


def slug(text: str) -> str:
    """A word from the log as part of an id: ``+`` and other signs become ``_``."""
    return _OTHER.sub("_", text.lower()).strip("_") or "none"


class Trail:
    """The positions of one figure or finding, in the order of the log."""

    def __init__(self, trail_id: str, emit: Emit) -> None:
        self.id = trail_id
        self.count = 0
        self._emit = emit
        self._digest = sha256()
        self._first = 0
        self._begin = 0
        self._last = 0
        self._ranges: list[str] = []
        self._ended: Positions | None = None

    def add(self, position: int) -> None:
        """Note one more position. It is behind all that were noted; the last one again is noted once."""
        if position == self._last:
            return
        if position < self._last or self._ended is not None:
            raise ValueError(f"{self.id}: position {position} comes too late, after {self._last}")
        self.count += 1
        if not self._first:
            self._first = self._begin = position
        elif position != self._last + 1:
            self._end_range()
            self._begin = position
        self._last = position

    def add_range(self, first: int, last: int) -> "Trail":
        """Note all positions from one to another, which are behind all that were noted."""
        if first <= last:
            self.add(first)
            self.count += last - first
            self._last = last
        return self

    def add_all(self, positions: Iterable[int]) -> "Trail":
        """Note positions that are known at the end only. They may come in any order."""
        for position in sorted(positions):
            self.add(position)
        return self

    def positions(self) -> Positions:
        """What was noted. Nothing may be added afterwards."""
        if self._ended is None:
            if self._first:
                self._end_range()
            self._write(",".join(self._ranges) + "\n")
            name = f"{POSITIONS}/{self.id}.txt"
            self._ended = Positions(self.count, self._first, self._last, self._digest.hexdigest(), name)
        return self._ended

    def figure(
        self, label: str, meaning: str, value: Value | None = None, unit: str = "events", query: str = ""
    ) -> Figure:
        """The figure of these positions: their number, if there is no other ``value``. ``query`` is needed only if
        there is a better one than asking for the positions."""
        counts = value is None
        return Figure(
            self.id, label, self.count if value is None else value, unit, meaning, query or query_of(self.id),
            self.positions(), counts,
        )  # fmt: skip

    def finding(self, severity: Severity, text: str) -> Finding:
        """The finding of these positions."""
        return Finding(self.id, severity, text, self.positions())

    def _end_range(self) -> None:
        begin, last = self._begin, self._last
        self._ranges.append(f"{begin}" if begin == last else f"{begin}-{last}")
        if len(self._ranges) == _HELD:
            self._write(",".join(self._ranges))
            self._ranges = [""]  # what follows begins with a comma

    def _write(self, text: str) -> None:
        part = text.encode()
        self._digest.update(part)
        self._emit(self.id, part)


class Trails:
    """All trails of a report, each made when it is asked for first. Their ids are unique in the report."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._trails: dict[str, Trail] = {}

    def of(self, trail_id: str) -> Trail:
        """The trail of a figure or finding."""
        trail = self._trails.get(trail_id)
        if trail is None:
            if not _ID.fullmatch(trail_id):
                raise ValueError(f"{trail_id!r} is no id of a figure")
            trail = self._trails[trail_id] = Trail(trail_id, self._emit)
        return trail


def query_of(trail_id: str) -> str:
    """The command line, in the folder of the report, that lists the events of a figure."""
    return f"authrim audit search --positions {POSITIONS}/{trail_id}.txt"


def type_query(tag: str, first: int, last: int) -> str:
    """The command line that lists all events of one type from one position to another."""
    return f"authrim audit search --type {tag} --from {first} --to {last}"
