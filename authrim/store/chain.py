"""The hash chain over the log: how it is computed and verified (decisions.md 10).

``docs/audit/hash-chain.md`` says the same to an outsider, with test vectors.

What the chain cannot show by itself is a log whose tail was cut off together with the ledger's and the head
row's: that log is a true one, only older. A witness who kept an earlier chain hash sees it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from hashlib import sha256
from struct import Struct

import msgspec

from authrim.store.contract import Batch, Head, StoredEvent
from authrim.store.dropped import NO_DROPS, Drops, is_dropped
from authrim.store.log_reading import LogReading

#: The chain hash before the first batch.
GENESIS = bytes(32)

PAGE = 2000

# Big-endian. Signed, so that a forged negative number is a wrong hash and not an error of the walk.
_integer = Struct(">q").pack
_positions_and_time = Struct(">qqq").pack


def leaf_hash(stream: str, version: int, type_: str, payload: bytes, metadata: bytes) -> bytes:
    """SHA-256 over stream, version, type, payload and metadata, each preceded by its length in 8 bytes."""
    stream_bytes, type_bytes = stream.encode(), type_.encode()
    return sha256(
        b"".join(
            (
                _integer(len(stream_bytes)),
                stream_bytes,
                _integer(8),
                _integer(version),
                _integer(len(type_bytes)),
                type_bytes,
                _integer(len(payload)),
                payload,
                _integer(len(metadata)),
                metadata,
            )
        )
    ).digest()


def batch_hash(leaves: Iterable[bytes]) -> bytes:
    """SHA-256 over the leaves of one batch, in the order of their positions."""
    return sha256(b"".join(leaves)).digest()


def chain_hash(previous: bytes, batch_hash: bytes, first: int, last: int, recorded_at: int) -> bytes:
    """SHA-256 over the chain hash before, the batch hash, both positions and the time (µs UTC)."""
    return sha256(previous + batch_hash + _positions_and_time(first, last, recorded_at)).digest()


class Problem(msgspec.Struct, frozen=True):
    """The first mismatch: one position, or all positions of a batch."""

    first_position: int
    last_position: int
    what: str

    def __str__(self) -> str:
        where = (
            f"position {self.first_position}"
            if self.first_position == self.last_position
            else f"positions {self.first_position} to {self.last_position}"
        )
        return f"{where}: {self.what}"


class Verification(msgspec.Struct, frozen=True):
    """How far the log was verified: the events and batches that match, the chain hash there, and the mismatch.
    ``dropped``: the contents of so many of the events are in archives; the log has their leaf hashes alone."""

    events: int
    batches: int
    chain_hash: bytes
    problem: Problem | None = None
    dropped: int = 0

    @property
    def is_proof(self) -> bool:
        """Whether the log is not empty and everything matches."""
        return self.problem is None and self.events > 0


async def verify(
    store: LogReading,
    progress: Callable[[int, int], None] | None = None,
    look: Callable[[Sequence[StoredEvent]], Awaitable[Problem | None]] | None = None,
    drops: Drops = NO_DROPS,
) -> Verification:
    """Walk the log and its ledger up to the head and compute every hash again.

    ``progress`` is called with the position reached and the head's position. ``look`` sees each page of rows, and may
    find a problem of one of them. ``drops`` are the contents that may be gone. Memory is bounded by one batch and one
    page. Raises Unavailable when the store cannot be read.
    """
    head = await store.head()
    events = _read_events(store, look)
    proved, batches, chain = 0, 0, GENESIS
    async for batch in _read_ledger(store):
        if batch.first_position > head.position:
            break
        try:
            problem = await check_batch(batch, events, proved, chain, drops)
        except _Found as found:
            problem = found.problem
        if problem is not None:
            return Verification(proved, batches, chain, problem)
        proved, batches, chain = batch.last_position, batches + 1, batch.chain_hash
        if progress is not None:
            progress(proved, head.position)
    return Verification(proved, batches, chain, await _check_end(store, head, proved, chain))


async def check_batch(
    batch: Batch, events: AsyncIterator[StoredEvent], proved: int, chain: bytes, drops: Drops = NO_DROPS
) -> Problem | None:
    """Whether a ledger row follows the previous one and matches the rows of the log, which are the next of ``events``.
    ``proved`` is the last position before it, ``chain`` the chain hash there."""
    check = BatchCheck(batch, proved, chain, drops)
    problem = check.begin()
    while problem is None and not check.complete:
        problem = check.add(await anext(events, None))
    return check.end() if problem is None else problem


class BatchCheck:
    """Compares one ledger row with the rows of the log, which are added one by one. Each step says what is wrong."""

    def __init__(self, batch: Batch, proved: int, chain: bytes, drops: Drops = NO_DROPS) -> None:
        self._drops = drops
        self._batch = batch
        self._proved = proved
        self._chain = chain
        self._next = batch.first_position
        self._leaves = sha256()

    @property
    def complete(self) -> bool:
        """Whether all rows of the batch were added."""
        return self._next > self._batch.last_position

    def begin(self) -> Problem | None:
        """Whether the ledger row follows the previous one."""
        first, behind = self._batch.first_position, self._proved + 1
        return None if first == behind else Problem(behind, behind, f"the ledger goes on at {first}")

    def add(self, event: StoredEvent | None) -> Problem | None:
        """Whether the next row is the one that was recorded. None: there is no further row."""
        problem = _check_event(event, self._next, self._batch, self._drops)
        if event is not None and problem is None:
            self._next += 1
            self._leaves.update(event.leaf)
        return problem

    def end(self) -> Problem | None:
        """Whether the ledger row is the one of these rows, and of the ledger before it."""
        batch = self._batch
        if self._leaves.digest() != batch.batch_hash:
            return _of_batch(batch, "rows were changed or exchanged together with their leaf hashes")
        positions_and_time = batch.first_position, batch.last_position, batch.recorded_at
        if chain_hash(self._chain, batch.batch_hash, *positions_and_time) != batch.chain_hash:
            return _of_batch(batch, "the ledger row is not the one that was chained")
        return None


def _check_event(event: StoredEvent | None, position: int, batch: Batch, drops: Drops) -> Problem | None:
    """Whether the row is at its position and matches its leaf hash. What was dropped has a leaf hash that its archive
    proves, and the chain and the tree here."""
    if event is None or event.position != position:
        return Problem(position, position, "the row is missing")
    if is_dropped(event):
        if not drops.cover(position):
            return Problem(
                position, position, "its contents are gone, and the log does not say that they were dropped"
            )
    elif leaf_hash(event.stream, event.version, event.type, event.payload, event.metadata) != event.leaf:
        return Problem(position, position, "the row is not the one that was recorded")
    if event.recorded_at != batch.recorded_at:
        return Problem(position, position, "the row's time is not the time of its batch")
    return None


async def _check_end(store: LogReading, head: Head, proved: int, chain: bytes) -> Problem | None:
    """Whether the verified log reaches the head, and no row is after the head."""
    if proved < head.position:
        return Problem(proved + 1, head.position, "the end of the log is missing")
    if chain != head.chain_hash:
        return Problem(head.position, head.position, "the head's chain hash is not the ledger's")
    behind = await store.read_log(proved, 1)
    newer_head = await store.head()  # read after the row: a true row is never in front of it
    if behind and newer_head.position < behind[0].position:
        return Problem(behind[0].position, behind[0].position, "the row stands behind the head")
    return None


def _of_batch(batch: Batch, what: str) -> Problem:
    return Problem(batch.first_position, batch.last_position, what)


async def _read_ledger(store: LogReading) -> AsyncIterator[Batch]:
    after = 0
    while page := await store.read_ledger(after, PAGE):
        for batch in page:
            yield batch
        after = page[-1].first_position


class _Found(Exception):
    """A problem of the next row."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


async def _read_events(
    store: LogReading, look: Callable[[Sequence[StoredEvent]], Awaitable[Problem | None]] | None
) -> AsyncIterator[StoredEvent]:
    after = 0
    while page := await store.read_log(after, PAGE):
        problem = None if look is None else await look(page)
        for event in page:
            if problem is not None and event.position == problem.first_position:
                raise _Found(problem)
            yield event
        after = page[-1].position
