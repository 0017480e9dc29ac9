"""The rows of a large log: events, ledger, and every row beside them.

The lives are those of ``sample``: stamped, not lived. Lives that begin together take their steps side by side, so a
batch holds what different people and clients did, as at a busy server.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from random import Random
from time import time
from typing import Any, Final, NamedTuple

from authrim.store.chain import GENESIS, chain_hash, leaf_hash
from bench.scale.sample import ADDRESS, PERSON, SERVICE, WEB
from bench.scale.stamp import Gaps, Sample, Stamp, position_gaps
from domain.tree.hashing import event_hash
from domain.units import DAY, HOUR, MICROSECONDS, MINUTE

_EVENT_COLUMNS: Final = (
    "position",
    "stream_id",
    "version",
    "type",
    "payload",
    "metadata",
    "recorded_at",
    "leaf",
)
_LEDGER_COLUMNS: Final = ("first_position", "last_position", "recorded_at", "batch_hash", "chain_hash")
#: Lives that take their steps together, and for how many seconds of the log they have the log to themselves.
_TOGETHER: Final = 32
_MOST_TOGETHER: Final = 512
#: Events that are copied together.
_CHUNK: Final = 40_000
#: How far back the log reaches, and the time in which the tokens were issued that have expired a moment ago.
_PAST: Final = 20 * DAY
_RECENT: Final = 5 * MINUTE
#: Addresses that requests come from.
_ADDRESSES: Final = 50_000


class Size(NamedTuple):
    """How large a log is. ``live``: grants that can be refreshed; ``expired``: access tokens that have expired so
    recently that their rows are still there; ``people``: accounts."""

    events: int
    live: int
    clients: int
    expired: int
    people: int

    @classmethod
    def of(cls, events: int) -> "Size":
        """The proportions of ten million events, 100,000 live grants, 10,000 clients, a million expired tokens."""
        return cls(events, events // 100, max(2, events // 1000), events // 10, max(2, events // 500))


class _Lives(NamedTuple):
    """Lives of one kind that begin together, with who acts in each."""

    stamp: Stamp
    gaps: Sequence[Gaps]


Rows = dict[tuple[str, tuple[str, ...]], list[tuple[Any, ...]]]


class Chunk(NamedTuple):
    """Rows to copy, by table and columns, and the leaves that the tree grows by. ``position``: the last of the log."""

    rows: Rows
    leaves: list[bytes]
    position: int


class LogMaker:
    """Makes the rows of a log that goes on from ``position`` and ``chain``."""

    def __init__(
        self, samples: Mapping[str, Sample], size: Size, *, position: int = 0, chain: bytes = GENESIS
    ) -> None:
        self._stamps = {name: Stamp(sample) for name, sample in samples.items()}
        self._size = size
        self._chance = Random(position + size.events)
        self._now = int(time() * MICROSECONDS)
        self.position, self.chain, self.changed_at = position, chain, 0
        self._at = 0
        self._who: dict[str, list[str]] = {PERSON: [], WEB: [], SERVICE: []}
        self._addresses = [self._chance.randbytes(32).hex()[:43] for _ in range(min(_ADDRESSES, size.people))]
        self._rows: Rows = {}
        self._leaves: list[bytes] = []

    def chunks(self) -> Iterator[Chunk]:
        """The whole log, some rows at a time."""
        return self._cut_in_chunks(self._groups())

    def tail(self, services: Sequence[str]) -> Iterator[Chunk]:
        """More tokens that expired a moment ago, of these clients, behind a log that is there already."""
        self._who[SERVICE] = list(services)
        return self._cut_in_chunks(self._recent())

    def _cut_in_chunks(self, groups: Iterable[tuple[int, Sequence[_Lives]]]) -> Iterator[Chunk]:
        events = 0
        for begin, lives in groups:
            events += self._write(begin, lives)
            if events >= _CHUNK:
                yield self._cut()
                events = 0
        yield self._cut()

    def _cut(self) -> Chunk:
        chunk = Chunk(self._rows, self._leaves, self.position)
        self._rows, self._leaves = {}, []
        return chunk

    def _groups(self) -> Iterator[tuple[int, Sequence[_Lives]]]:
        """What begins together, and when (µs): first the keys, people and clients, then what they did."""
        size, begin = self._size, self._now - _PAST * MICROSECONDS
        yield begin - HOUR * MICROSECONDS, [_Lives(self._stamps["ground"], [{}])]
        for gap, total in ((PERSON, size.people), (WEB, size.clients // 2), (SERVICE, size.clients // 2)):
            for first in range(0, total, _MOST_TOGETHER):
                begin += MICROSECONDS
                yield begin, [self._founders(gap, min(_MOST_TOGETHER, total - first))]
        yield from self._past(begin + HOUR * MICROSECONDS, self._now - (_RECENT + 10 * MINUTE) * MICROSECONDS)
        yield from self._recent()

    def _founders(self, gap: str, total: int) -> _Lives:
        """People or clients. Their ids are noted for those who come later."""
        made = []
        for _ in range(total):
            identifier = self._chance.randbytes(10 if gap != PERSON else 16).hex()
            self._who[gap].append(identifier)
            made.append({gap: identifier})
        return _Lives(self._stamps[gap], made)

    def _past(self, begin: int, end: int) -> Iterator[tuple[int, Sequence[_Lives]]]:
        """Everything up to some minutes ago: the live grants among what has ended long since."""
        size, stamps = self._size, self._stamps
        recent = size.expired * stamps["service_expired"].events
        live = size.live * stamps["live"].events
        ended = max(0, size.events - self.position - recent - live)
        kinds = ("ended", "service_ended", "service_ended", "abandoned")
        rounds = ended // sum(stamps[kind].events for kind in kinds)
        groups = max(1, -(-max(rounds, size.live) // _TOGETHER))
        for number in range(groups):
            counts = [
                total * (number + 1) // groups - total * number // groups for total in (rounds, size.live)
            ]
            lives = [_Lives(stamps["live"], [self._actors() for _ in range(counts[1])])]
            lives += [_Lives(stamps[kind], [self._actors() for _ in range(counts[0])]) for kind in kinds]
            yield begin + (end - begin) * number // groups, lives

    def _recent(self) -> Iterator[tuple[int, Sequence[_Lives]]]:
        """Tokens of services that have expired, and whose rows are still there."""
        total, begin = self._size.expired, self._now - (_RECENT + 2 * MINUTE) * MICROSECONDS
        for first in range(0, total, _MOST_TOGETHER):
            some = min(_MOST_TOGETHER, total - first)
            at = begin + _RECENT * MICROSECONDS * first // total
            yield at, [_Lives(self._stamps["service_expired"], [self._actors() for _ in range(some)])]

    def _actors(self) -> Gaps:
        return {gap: self._chance.choice(who) for gap, who in self._who.items() if who}

    def _write(self, begin: int, together: Sequence[_Lives]) -> int:
        """Let lives take their steps side by side, and note all their rows. How many events that were."""
        first = self.position
        alive: list[tuple[Stamp, Gaps, list[int]]] = []
        for stamp, gaps in together:
            common = stamp.of_time(begin)
            for of_life in gaps:
                address = {ADDRESS: self._chance.choice(self._addresses)} if self._addresses else {}
                alive.append((stamp, {**common, **stamp.ids(self._chance, begin), **address, **of_life}, []))
        for step in range(max((len(stamp.batches) for stamp, _ in together), default=0)):
            taking = [one for one in alive if step < len(one[0].batches)]
            if taking:
                self._at = max(self._at, begin + max(one[0].delays[step] for one in taking))
                self._batch(step, taking)
        for stamp, filled, positions in alive:
            filled.update(position_gaps(positions))
            for row in stamp.rows:
                key = row.table, row.columns
                self._rows.setdefault(key, []).append(tuple([value(filled) for value in row.values]))
        return self.position - first

    def _batch(self, step: int, taking: Sequence[tuple[Stamp, Gaps, list[int]]]) -> None:
        """One batch, with its row of the ledger. No batch is from before the last one."""
        recorded_at, recorded = self._at, {f"r:{step}": str(self._at)}
        events = self._rows.setdefault(("events", _EVENT_COLUMNS), [])
        first, leaves = self.position + 1, []
        for stamp, gaps, positions in taking:
            gaps.update(recorded)
            for event in stamp.batches[step]:
                self.position += 1
                positions.append(self.position)
                stream, payload, metadata = (
                    event.stream(gaps),
                    event.payload(gaps).encode(),
                    event.metadata(gaps).encode(),
                )
                leaf = leaf_hash(stream, event.version, event.type, payload, metadata)
                leaves.append(leaf)
                events.append(
                    (self.position, stream, event.version, event.type, payload, metadata, recorded_at, leaf)
                )
                if event.type.startswith(("client.", "key.")):
                    self.changed_at = self.position
        of_batch = sha256(b"".join(leaves)).digest()
        self.chain = chain_hash(self.chain, of_batch, first, self.position, recorded_at)
        row = (first, self.position, recorded_at, of_batch, self.chain)
        self._rows.setdefault(("ledger", _LEDGER_COLUMNS), []).append(row)
        self._leaves += [event_hash(leaf, recorded_at) for leaf in leaves]
