"""What a store promises. PostgreSQL and SQLite keep the same promises and pass the same tests.

* ``append`` is all or nothing over all its streams, its expectations and its rows, and returns only after the
  commit. Positions are contiguous and in commit order.
* A version that moved, a guard that moved or a unique claim that is taken is a ``Conflict``; neighbours in the
  same batch are not disturbed.
* An append whose outcome is unknown is looked up, never retried blindly.
"""

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from projections.rows import Row

#: The log's clock counts microseconds; tokens and settings count seconds (RFC 7519 §2).


class NewEvent(NamedTuple):
    """An event to be appended: its tag and its payload as JSON text (UTF-8 bytes)."""

    type: str
    payload: bytes


class StreamAppend(NamedTuple):
    """Events for one stream. ``expected_version`` is the version read before, 0 for a stream that is new.

    The events get the versions that follow it. It is a conflict when one of them is there already. ``first_metadata``
    is that of the first of them, when it has another than the append.
    """

    stream: str
    expected_version: int
    events: tuple[NewEvent, ...]
    first_metadata: bytes | None = None


class Append(msgspec.Struct, frozen=True):
    """One unit of work: every part is committed together, or none is.

    ``expects`` are read-only ``(stream, version)`` guards. ``applied`` is the position up to which this
    process has applied configuration changes (clients, keys): the append is a conflict when a newer one is in
    the log, None when it was decided on none. ``configuration`` says that the append itself is such a change.
    """

    streams: tuple[StreamAppend, ...]
    metadata: bytes
    rows: tuple[Row, ...] = ()
    expects: tuple[tuple[str, int], ...] = ()
    applied: int | None = None
    configuration: bool = False


class AppendResult(NamedTuple):
    """The positions of an append. ``recorded_at`` is the time of the database's clock, in integer µs UTC."""

    first_position: int
    last_position: int
    recorded_at: int


class StoredEvent(NamedTuple):
    """One row of the log."""

    position: int
    stream: str
    version: int
    type: str
    payload: bytes
    metadata: bytes
    recorded_at: int
    leaf: bytes


class StreamRead(NamedTuple):
    """A stream from its last summary (or its beginning), with the database's clock (µs UTC) as ``now``."""

    version: int
    payloads: tuple[tuple[str, bytes], ...]
    now: int


class Batch(NamedTuple):
    """One row of the ledger: the hash chain over the log (decisions.md 10)."""

    first_position: int
    last_position: int
    recorded_at: int
    batch_hash: bytes
    chain_hash: bytes


class Head(NamedTuple):
    """The log's newest position, the chain's newest hash, the newest configuration change, and the clock."""

    position: int
    chain_hash: bytes
    changed_at: int
    now: int


class LookupResult(NamedTuple):
    """A looked-up row, or None, with the database's clock (µs UTC)."""

    row: Mapping[str, Any] | None
    now: int


class StoreError(Exception):
    """Base of what a store may raise. Its text never holds a payload, a row or a parameter."""


class Conflict(StoreError):
    """The append was decided on a state that has moved. ``what`` is ``version``, ``guard`` or ``claim``."""

    def __init__(self, what: Literal["version", "guard", "claim"], subject: str = "") -> None:
        super().__init__(what, subject)
        self.what = what
        self.subject = subject


class Unavailable(StoreError):
    """Nothing was committed and nothing can be for now: 503 with ``Retry-After``."""


class Overloaded(Unavailable):
    """The queue is full or the deadline passed before the append was sent: 503 with ``Retry-After``."""


class OutcomeUnknown(Unavailable):
    """The database was lost during the commit and did not come back in time to be asked: committed or not."""


class UnknownSchema(StoreError):
    """The database's schema is not the one this code was made for; the text says what to run."""


class Store(Protocol):
    """The log, the rows beside it, and the guard rows that expire."""

    async def open(self) -> None:
        """Connect and check the schema. Raises UnknownSchema or Unavailable."""

    async def close(self) -> None:
        """Finish what is in flight and disconnect."""

    async def append(self, append: Append) -> AppendResult:
        """Commit, or raise Conflict, Overloaded or Unavailable with nothing committed."""

    @property
    def append_wait(self) -> float:
        """For how many seconds the oldest append has waited that was not sent yet; 0 when none waits."""

    async def read_stream(self, stream: str) -> StreamRead:
        """A stream from its last summary on; version 0 and no payloads when it is new. Group read."""

    async def read_whole_stream(self, stream: str) -> Sequence[StoredEvent]:
        """Every event of a stream, for an auditor."""

    async def read_stream_end(self, stream: str, limit: int) -> Sequence[StoredEvent]:
        """The newest events of a stream, in order, at most ``limit``, for checks."""

    async def read_log(
        self, after: int, limit: int, configuration_only: bool = False
    ) -> Sequence[StoredEvent]:
        """The log after a position, in order, at most ``limit`` events."""

    async def read_ledger(self, after: int, limit: int) -> Sequence[Batch]:
        """The ledger's batches whose first position is greater than ``after``, in order."""

    async def head(self) -> Head:
        """The newest position and the database's clock."""

    async def find(self, lookup: str, key: str) -> LookupResult:
        """One row by a named look-up of ``projections/lookups.py``. Group read."""

    async def read_rows(self, table: str, after: str, limit: int) -> Sequence[Mapping[str, Any]]:
        """Rows of a table of ``projections/tables.py`` by key after ``after``, in order, for lists and checks."""

    async def read_rows_of(
        self, table: str, tenant: str, subject: str, after: str, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """Rows of one person in one of ``TABLES_OF_SUBJECT``, by key after ``after``, in order. Reads no others."""

    async def stream_names(self, prefix: str, after: str, limit: int) -> Sequence[str]:
        """Names of the streams that begin with ``prefix``, those behind ``after``, in order, for lists."""

    def reserve(self, key: str, expires_at: int) -> Awaitable[bool]:
        """Insert a guard row once (a ``jti`` seen); False when it is there already, or when ``expires_at`` (seconds) is
        over by the database's clock: what a node with a slow clock takes for new would be kept by nobody (F13). Group
        write: whatever is begun before the first is awaited travels with it."""

    async def count(self, key: str, window: int, amount: int = 1) -> int:
        """Add ``amount`` to a counter that lasts ``window`` seconds from its first use; the new total.
        Zero reads it. A negative amount takes back; no total is below zero."""

    async def forget_counters(self, prefix: str) -> None:
        """Delete the guard rows and counters whose keys begin with ``prefix``, before they expire."""

    async def overwrite_deleted(self) -> bool:
        """Leave nothing of deleted rows on the disk, as far as the store can do that; whether it did."""

    async def changes(self) -> AsyncIterator[int]:
        """Yields a position whenever the log may have grown: a hint, with a poll behind it."""
        yield 0
