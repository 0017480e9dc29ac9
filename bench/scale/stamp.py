"""Many lives made of one: the rows of a life that a real server wrote, as texts with gaps for ids, hashes and times.

What differs from life to life is found by its shape: ids of 32 hex digits, digests of 43 characters, and numbers that
are positions or times. A number of nine digits that is neither is refused, so that no row says what cannot be.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from random import Random
from typing import Any, Final, NamedTuple

from domain.units import DAY, MICROSECONDS

#: Where the sample's log begins, so that its positions are told from every other number.
FIRST_POSITION: Final = 700_000_000
_MOST_EVENTS: Final = 100_000
#: No time in a life is further from its beginning.
_FARTHEST: Final = 500 * DAY

_WORD: Final = r"[A-Za-z0-9_-]"
_FOUND: Final = re.compile(
    rf"(?<!{_WORD})(?:[0-9a-f]{{32}}|[0-9a-f]{{20}}|{_WORD}{{43}}|{_WORD}{{22}}|[0-9]{{9,16}})(?!{_WORD})"
)
#: Where a UUIDv7 has its version (RFC 9562 §5.7): a trace has none.
_ID: Final = re.compile(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}")

Gaps = dict[str, str]


class SampleEvent(NamedTuple):
    """An event as it is in the log."""

    position: int
    stream: str
    version: int
    type: str
    payload: bytes
    metadata: bytes
    recorded_at: int


class Sample(NamedTuple):
    """A life as a server left it: its events by batch, and the rows of each table. ``same``: what stays as it is, or
    the name of the gap that it fills in every life, such as the person. ``verbatim``: only times and positions
    differ."""

    batches: Sequence[Sequence[SampleEvent]]
    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    same: Mapping[str, str]
    token_ids: frozenset[str] = frozenset()
    verbatim: bool = False


class Text(NamedTuple):
    """A text with gaps."""

    form: str
    names: tuple[str, ...]

    def filled(self) -> Callable[[Gaps], str]:
        """The function that fills the gaps."""
        form, names = self.form, self.names
        if not names:
            whole = form % ()
            return lambda _gaps: whole
        take = itemgetter(*names)
        return lambda gaps: form % take(gaps)


class EventStamp(NamedTuple):
    """Makes an event of each life."""

    stream: Callable[[Gaps], str]
    version: int
    type: str
    payload: Callable[[Gaps], str]
    metadata: Callable[[Gaps], str]
    index: int


class TableStamp(NamedTuple):
    """Makes a row of each life."""

    table: str
    columns: tuple[str, ...]
    values: tuple[Callable[[Gaps], Any], ...]


class Stamp:
    """Makes lives like a sample."""

    def __init__(self, sample: Sample) -> None:
        events = [event for batch in sample.batches for event in batch]
        self._sample = sample
        self._begin = events[0].recorded_at
        self._seconds = self._begin // MICROSECONDS
        self._index = {event.position: number for number, event in enumerate(events)}
        self._recorded = {batch[0].recorded_at: step for step, batch in enumerate(sample.batches)}
        self._names: set[str] = set()
        self.events = len(events)
        self.delays = tuple(batch[0].recorded_at - self._begin for batch in sample.batches)
        self.batches = tuple(tuple(self._event(event) for event in batch) for batch in sample.batches)
        self.rows = tuple(self._row(table, row) for table, rows in sample.rows.items() for row in rows)
        self._times = [(name, int(name[2:])) for name in self._names if name.startswith("s:")]
        self._micros = [(name, int(name[2:])) for name in self._names if name.startswith("u:")]
        self._ids = [name for name in self._names if name.startswith("i:")]
        self._traces = [name for name in self._names if name.startswith("x:")]
        self._digests = [name for name in self._names if name.startswith("d:")]
        self._tokens = [name for name in self._names if name.startswith("t:")]
        self.wants = frozenset(name for name in self._names if ":" not in name)

    def of_time(self, micros: int) -> Gaps:
        """What the lives that begin at that time (µs) have in common."""
        seconds = micros // MICROSECONDS
        return {name: str(seconds + later) for name, later in self._times} | {
            name: str(micros + later) for name, later in self._micros
        }

    def ids(self, chance: Random, micros: int) -> Gaps:
        """The ids and digests of one life."""
        gaps: Gaps = {}
        start = f"{micros // 1000:012x}7"
        for name in self._ids:
            digits = chance.randbytes(9).hex()
            gaps[name] = f"{start}{digits[:3]}{'89ab'[ord(digits[3]) & 3]}{digits[3:]}"
        for name in self._traces:
            gaps[name] = chance.randbytes(16).hex()
        for name in self._digests:
            gaps[name] = urlsafe_b64encode(chance.randbytes(32))[:43].decode()
        for name in self._tokens:
            gaps[name] = "A" + urlsafe_b64encode(chance.randbytes(16))[1:22].decode()
        return gaps

    def _event(self, event: SampleEvent) -> EventStamp:
        return EventStamp(
            self._text(event.stream).filled(),
            event.version,
            event.type,
            self._text(event.payload.decode()).filled(),
            self._text(event.metadata.decode()).filled(),
            self._index[event.position],
        )

    def _row(self, table: str, row: Mapping[str, Any]) -> TableStamp:
        return TableStamp(table, tuple(row), tuple(self._value(value) for value in row.values()))

    def _value(self, value: Any) -> Callable[[Gaps], Any]:
        if isinstance(value, str):
            return self._text(value).filled()
        if isinstance(value, int) and len(str(value)) >= 9:
            filled = self._text(str(value)).filled()
            return lambda gaps: int(filled(gaps))
        return lambda _gaps: value

    def _text(self, text: str) -> Text:
        names: list[str] = []
        pieces: list[str] = []
        end = 0
        for match in _FOUND.finditer(text):
            name = self._gap(match.group())
            if name is not None:
                pieces.append(text[end : match.start()].replace("%", "%%"))
                names.append(name)
                end = match.end()
        pieces.append(text[end:].replace("%", "%%"))
        self._names.update(names)
        return Text("%s".join(pieces), tuple(names))

    def _gap(self, found: str) -> str | None:
        if found in self._sample.same:
            return self._sample.same[found] or None
        if found.isdecimal() and len(found) <= 16:
            return self._number(int(found))
        if self._sample.verbatim:
            return None
        if len(found) == 32:
            return f"i:{found}" if _ID.fullmatch(found) else f"x:{found}"
        if len(found) == 43:
            return f"d:{found}"
        return f"t:{found}" if found in self._sample.token_ids else None

    def _number(self, number: int) -> str:
        if 0 <= number - FIRST_POSITION < _MOST_EVENTS:
            return f"p:{self._index[number]}"
        if number in self._recorded:
            return f"r:{self._recorded[number]}"
        if abs(number - self._seconds) < _FARTHEST:
            return f"s:{number - self._seconds}"
        if abs(number - self._begin) < _FARTHEST * MICROSECONDS:
            return f"u:{number - self._begin}"
        raise ValueError(f"{number} is neither a position nor a time")


def position_gaps(positions: Iterable[int]) -> Gaps:
    """The gaps of the positions of a life's events, in order."""
    return {f"p:{number}": str(position) for number, position in enumerate(positions)}
