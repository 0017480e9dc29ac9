"""Where an answer that may lag is read: from the replica up to one position, or from the primary.

What is read from the replica ends at a position that the primary has in the same chain. Should the replica fail in the
middle, the rest is read from the primary up to the same position, so no answer has events of two states of the log.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import structlog

from authrim.audit.past.moments import Time
from authrim.metrics import catalogue as metrics
from authrim.store.contract import Batch, Head, StoredEvent, StreamRead
from authrim.store.dropped import DroppedRanges, Range
from authrim.store.log_reading import AuditReading, LogSource, TreeReading
from authrim.store.read_back import AuditPage, Page, ProjectionResult, ReadBack, TreePage
from authrim.store.tree_sql import Leaf
from domain.errors import Refusal
from domain.event import tag_of
from domain.grant.events import GrantSummarized
from domain.tree.tiles import Coordinates
from domain.units import MICROSECONDS
from projections.followed import FollowedProjection

if TYPE_CHECKING:
    from authrim.store.postgres.replica import Reached, Replica, ReplicaConnection

log = structlog.get_logger(__name__)

T = TypeVar("T")

#: Seconds that a question waits for a position which the replica does not have yet, and between two looks.
WAIT: Final = 2.0
_PAUSE: Final = 0.1
#: Seconds for which nobody tries a replica that cannot be read.
REST: Final = 10.0

_SUMMARY: Final = tag_of(GrantSummarized)
#: What is said of answers that the replica does not give, by the reason.
_WORDS: Final[Mapping[str, str]] = {
    "down": "the replica cannot be reached",
    "not_standby": "the replica is no standby",
    "other_log": "the replica has another log",
    "lost": "the replica was lost",
    "conflict": "the replica's recovery was in the way",
    "behind": "the replica is too far behind",
    "late": "the replica does not have the asked position yet",
    "absent": "the replica does not have it",
}


class Readings:
    """The readings of a process. ``lag_limit``: how many seconds the replica may be behind."""

    def __init__(self, primary: ReadBack, replica: "Replica | None" = None, lag_limit: int = 0) -> None:
        self.primary = primary
        self.replica = replica
        self._lag_limit = lag_limit
        self._rests_until = 0.0
        self._trouble = ""

    def reading(self) -> "Reading":
        """For one answer."""
        return Reading(self, self.primary)

    async def begin(self, places: Sequence[int | Time]) -> "tuple[ReplicaConnection, Reached] | str":
        """A connection to the replica, which has these places of the log; or the reason why it is not read. Raises
        Unavailable when the primary cannot be asked."""
        assert self.replica is not None
        if monotonic() < self._rests_until:
            return self._trouble
        from authrim.store.postgres.replica import ReplicaFailed

        try:
            connection = await self.replica.connect()
            try:
                reached = await self._await(connection, places)
            except BaseException:
                connection.close()
                raise
        except ReplicaFailed as failed:
            self.note(failed.reason, str(failed))
            return failed.reason
        if not isinstance(reached, str):
            self.note("")
            return connection, reached
        connection.close()
        if reached != "late":  # that is about the question, not the replica
            self.note(reached)
        return reached

    async def look(self) -> "Reached | None":
        """How far the replica is now; None where there is none, or where it cannot be read. Raises Unavailable."""
        if self.replica is None:
            return None
        from authrim.store.postgres.replica import ReplicaFailed

        try:
            connection = await self.replica.connect()
            try:
                return await connection.look()
            finally:
                connection.close()
        except ReplicaFailed as failed:
            self.note(failed.reason, str(failed))
            return None

    def note(self, trouble: str, words: str = "") -> None:
        """How the replica is now; said once for each trouble."""
        rests = trouble not in ("", "behind", "conflict")
        self._rests_until = monotonic() + REST if rests else 0.0
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if trouble:
            log.warning("replica.not_read", reason=trouble, cause=words or _WORDS[trouble])
        else:
            log.info("replica.read_again")

    async def _await(self, connection: "ReplicaConnection", places: Sequence[int | Time]) -> "Reached | str":
        """How far the replica is, once it has these places; or why it is of no use."""
        until = monotonic() + WAIT
        while True:
            reached = await connection.look()
            if reached.lag > self._lag_limit * MICROSECONDS:
                return "behind"
            if all(_has(reached, place) for place in places):
                return reached
            if monotonic() >= until or not all(_is_written(reached, place) for place in places):
                return "late"
            await asyncio.sleep(_PAUSE)


def _has(reached: "Reached", place: int | Time) -> bool:
    """Whether everything up to a place is there."""
    return place.micros <= reached.until if isinstance(place, Time) else place <= reached.position


def _is_written(reached: "Reached", place: int | Time) -> bool:
    """Whether the primary has it by now, so that the replica will."""
    if isinstance(place, Time):
        return place.micros <= reached.until + reached.lag
    return place <= reached.position + reached.behind


class Reading:
    """One answer's reading, which begins with the first thing that is read. It is a ``LogReading``.

    ``reached`` is how far the replica was; None for an answer of the primary alone.
    """

    def __init__(self, readings: Readings, primary: ReadBack) -> None:
        self._readings = readings
        self._primary = primary
        self._places: tuple[int | Time, ...] = ()
        self._begun = readings.replica is None
        self._beginning = asyncio.Lock()
        self._connection: ReplicaConnection | None = None
        self.reached: Reached | None = None
        self.fallback = ""
        self.audit: AuditReading = _Audit(self)
        self.tree: TreeReading = _Tree(self)
        self.dropped: DroppedRanges = _Drops(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect from the replica."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def needs(self, *places: int | Time | Refusal | None) -> None:
        """The question is about these places of the log: the replica must have them. To be said before anything is
        read. A place that is refused has no answer."""
        self._places += tuple(place for place in places if isinstance(place, int | Time))

    def stay_at_primary(self) -> None:
        """Read nothing from the replica: something is decided by this answer, or it is about the primary itself. To be
        said before anything is read."""
        self._begun = True

    async def found(self, look: Callable[[], Awaitable[T]], is_there: Callable[[T], bool] = bool) -> T:
        """What ``look`` finds. Nobody is told that something does not exist because the replica does not have it yet:
        it is looked for once more, at the primary."""
        answer = await look()
        if is_there(answer) or self.reached is None or not self.reached.behind:
            return answer
        self._fall_back("absent")
        self.close()
        self.reached = None
        return await look()

    @property
    def said(self) -> str:
        """Where the answer was read, for people; nothing where there is no replica, or nothing was read."""
        if self.reached is None:
            return f"Read from the primary: {_WORDS[self.fallback]}." if self.fallback else ""
        said = f"Read from the replica, up to position {self.reached.position}."
        if self.fallback:
            said += f" The rest was read from the primary, up to the same position: {_WORDS[self.fallback]}."
        return said

    @property
    def doubt(self) -> str:
        """Why the database may lack its newest events."""
        return self._primary.doubt

    async def head(self) -> Head:
        """The newest position that is read."""
        await self._begin()
        reached = self.reached
        if reached is None:
            return await self._primary.head()
        return Head(reached.position, reached.chain_hash, reached.changed_at, reached.until)

    async def read_whole_stream(self, stream: str) -> Sequence[StoredEvent]:
        """Every event of a stream."""
        return self.within(await self.read(lambda source: source.read_whole_stream(stream)))

    async def read_stream(self, stream: str) -> StreamRead:
        """A stream from its last summary on."""
        await self._begin()
        if self.reached is None:
            return await self._primary.read_stream(stream)
        events = await self.read_whole_stream(stream)
        summaries = [number for number, event in enumerate(events) if event.type == _SUMMARY]
        payloads = tuple((event.type, event.payload) for event in events[summaries[-1] if summaries else 0 :])
        return StreamRead(events[-1].version if events else 0, payloads, self.reached.until)

    async def read_log(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """The log after a position, in order."""
        return self.within(await self.read(lambda source: source.read_log(after, limit)))

    async def read_ledger(self, after: int, limit: int) -> Sequence[Batch]:
        """The ledger's batches after a first position, in order."""
        batches = await self.read(lambda source: source.read_ledger(after, limit))
        if self.reached is None:
            return batches
        return [batch for batch in batches if batch.last_position <= self.reached.position]

    async def stream_names(self, prefix: str, after: str, limit: int) -> Sequence[str]:
        """Names of streams by their beginning; some may have begun later."""
        return await self.read(lambda source: source.stream_names(prefix, after, limit))

    def changes(self) -> AsyncIterator[int]:
        """Yields whenever the log may have grown."""
        return self._primary.changes()

    async def run_followed_page(
        self,
        projection: FollowedProjection,
        limit: int,
        project: Callable[[Sequence[StoredEvent]], ProjectionResult],
        *,
        wait: bool = False,
    ) -> Page:
        """One page of a follower of the primary. At the replica, all has been followed that is read."""
        await self._begin()
        if self.reached is None:
            return await self._primary.run_followed_page(projection, limit, project, wait=wait)
        return Page(self.reached.position, 0)

    async def read(self, work: Callable[[LogSource], Awaitable[T]]) -> T:
        """What some work reads, from the replica or, when it fails, from the primary. Raises Unavailable."""
        await self._begin()
        connection = self._connection
        if connection is None:
            return await work(self._primary)
        from authrim.store.postgres.replica import ReplicaFailed

        try:
            return await work(connection)
        except ReplicaFailed as failed:
            if connection is self._connection:  # others may have been reading at the same time
                self._readings.note(failed.reason, str(failed))
                self._fall_back(failed.reason)
                self.close()
        return await work(self._primary)

    async def primary_alone(self) -> ReadBack | None:
        """The primary, when all of the answer is read there."""
        await self._begin()
        return self._primary if self.reached is None else None

    def within(self, events: Iterable[StoredEvent]) -> Sequence[StoredEvent]:
        """The events up to the position that is read."""
        if self.reached is None:
            return [*events]
        last = self.reached.position
        return [event for event in events if event.position <= last]

    async def _begin(self) -> None:
        if self._begun:
            return
        async with self._beginning:
            if self._begun:
                return
            begun = await self._readings.begin(self._places)
            if isinstance(begun, str):
                self._fall_back(begun)
            else:
                self._connection, self.reached = begun
            self._begun = True

    def _fall_back(self, reason: str) -> None:
        self.fallback = reason
        metrics.REPLICA_FALLBACKS.add(reason)


class _Audit:
    """The index, up to the position that is read."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def of_error(self, error_id: str) -> Sequence[Mapping[str, Any]]:
        rows = await self._reading.read(lambda source: source.audit.of_error(error_id))
        reached = self._reading.reached
        return rows if reached is None else [row for row in rows if row["position"] <= reached.position]

    async def search(
        self, tenant: str, values: Mapping[str, str], after: int, until: int, limit: int
    ) -> AuditPage:
        return await self._reading.read(
            lambda source: source.audit.search(tenant, values, after, self._bounded(until), limit)
        )

    async def history(
        self, column: str, tenant: str, value: str, after: int, until: int, limit: int
    ) -> Sequence[StoredEvent]:
        return await self._reading.read(
            lambda source: source.audit.history(column, tenant, value, after, self._bounded(until), limit)
        )

    def _bounded(self, until: int) -> int:
        reached = self._reading.reached
        return until if reached is None else min(until, reached.position)


class _Tree:
    """The tree, up to the position that is read."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def size(self) -> int:
        primary = await self._reading.primary_alone()
        return self._position if primary is None else await primary.tree.size()

    async def grow(self, limit: int, *, wait: bool = False) -> TreePage:
        primary = await self._reading.primary_alone()
        return TreePage(self._position, 0) if primary is None else await primary.tree.grow(limit, wait=wait)

    async def tiles(self, wanted: Sequence[Coordinates]) -> Mapping[Coordinates, bytes]:
        return await self._reading.read(lambda source: source.tree.tiles(wanted))

    async def leaf(self, position: int) -> Leaf | None:
        leaf = await self._reading.read(lambda source: source.tree.leaf(position))
        return None if self._reading.reached is not None and position > self._position else leaf

    @property
    def _position(self) -> int:
        reached = self._reading.reached
        assert reached is not None
        return reached.position


class _Drops:
    """What left the log."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def ranges(self) -> Sequence[Range]:
        return await self._reading.read(lambda source: source.dropped.ranges())
