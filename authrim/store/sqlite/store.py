"""The embedded store: one SQLite file, one writer thread, group commit (decisions.md 12).

Set-up is a file name. Each batch is durable (WAL, ``synchronous = FULL``) before its appends are answered. One
server process; the command line may write beside it.
"""

import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from authrim.store._guard_rows import Addition, Reservation, findable, guard_key
from authrim.store.contract import (
    Append,
    AppendResult,
    Batch,
    Conflict,
    Head,
    LookupResult,
    StoredEvent,
    StoreError,
    StreamRead,
    Unavailable,
)
from authrim.store.group_commit import GroupCommit, QueueLimits
from authrim.store.loader import GroupLoader
from authrim.store.read_back import Delivery, DeliveryState, Page, ProjectionResult, Shadow
from authrim.store.sqlite import _followers as followers
from authrim.store.sqlite import _outbox as outbox_sqlite
from authrim.store.sqlite import _shadow as shadow_sqlite
from authrim.store.sqlite import reads, wal, writes
from authrim.store.sqlite._changes import Changes
from authrim.store.sqlite._deliveries import SQLiteOutbox
from authrim.store.sqlite._monitor import SQLiteMonitor
from authrim.store.sqlite._reseal import SQLiteResealing
from authrim.store.sqlite._retention import SQLiteRetention
from authrim.store.sqlite._sizes import SQLiteSizes
from authrim.store.sqlite.audit_index import SQLiteAudit
from authrim.store.sqlite.clock import Clock
from authrim.store.sqlite.dropped import SQLiteDroppedContents
from authrim.store.sqlite.lane import Lane
from authrim.store.sqlite.restored import SQLiteRestoreMark
from authrim.store.sqlite.schema import check_sqlite
from authrim.store.sqlite.tree import SQLiteTree
from authrim.store.sqlite.wal import WriteAheadLog
from domain.units import MICROSECONDS
from projections.followed import FollowedProjection
from projections.lookups import LOOKUPS
from projections.rows import key_range
from projections.tables import Table

#: The write-ahead log is folded into the file when it is longer than this, in bytes.
WAL_LIMIT = 64 * 1024 * 1024
#: How long to leave a checkpoint alone that a reader was in the way of, in seconds.
CHECKPOINT_PAUSE = 10.0


class SQLiteStore:
    """The contract of ``authrim/store/contract.py`` on one file.

    ``exclusive`` is for a server: it holds a lock file beside the database, so that a second server is refused.
    """

    def __init__(
        self, path: Path | str, *, exclusive: bool = False, queue_limits: QueueLimits | None = None
    ) -> None:
        self._path = Path(path)
        self._exclusive = exclusive
        self._lock: int | None = None
        self._clock = Clock()
        self._writer = Lane(self._path, "authrim-write")
        # A long scan of the log must not hold up the look-ups of requests.
        self._lookups = Lane(self._path, "authrim-look-up")
        self._scans = Lane(self._path, "authrim-scan")
        self._commits = GroupCommit(self._commit_batch, queue_limits)
        self._streams = GroupLoader(self._load_streams)
        self._rows = {lookup: GroupLoader(partial(self._load_rows, lookup)) for lookup in LOOKUPS}
        self._reservations = GroupLoader(self._reserve_many)
        self._additions = GroupLoader(self._count_many)
        self._changes = Changes(self._scans, self._head_position)
        self._next_checkpoint = 0.0
        self._wal = WriteAheadLog(self._path)
        self.audit = SQLiteAudit(self._scans)
        self.monitor = SQLiteMonitor(self._writer, self._scans, self._clock)
        self.outbox = SQLiteOutbox(self._writer, self._scans, self._clock)
        self.resealing = SQLiteResealing(self._writer, self._scans)
        self.dropped = SQLiteDroppedContents(self._writer, self._scans)
        self.restored = SQLiteRestoreMark(self._writer, self._scans)
        self.retention = SQLiteRetention(self._writer, self._scans, self._clock)
        self.sizes = SQLiteSizes(self._path, self._scans, self._clock)
        self.tree = SQLiteTree(self._writer, self._scans)
        self.doubt = ""

    async def open(self) -> None:
        """Lock the file, check its schema, and learn the newest time in the log."""
        found = self._wal.found()
        if self._exclusive:
            self._lock = _lock(self._path)
        try:
            await self._scans.run(check_sqlite)
            await self.head()
            self.doubt = await self._wal.doubt(found)
            if self._exclusive:
                await self._wal.begin()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what is in flight and close the file."""
        await self._commits.close()
        await self._streams.close()
        for loader in self._rows.values():
            await loader.close()
        await self._reservations.close()
        await self._additions.close()
        await self._wal.close()
        await self._changes.close()
        for lane in (self._lookups, self._scans, self._writer):
            await lane.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def measure(self) -> None:
        """Set the gauges of the queue."""
        self._commits.measure()

    async def append(self, append: Append) -> AppendResult:
        """Commit with the next batch. Raises Conflict, Overloaded or Unavailable with nothing committed."""
        return await self._commits.append(append)

    @property
    def append_wait(self) -> float:
        """For how many seconds the oldest append has waited that was not sent yet."""
        return self._commits.oldest_wait

    async def read_stream(self, stream: str) -> StreamRead:
        """A stream from its last summary on."""
        return await self._streams.load(findable(stream))

    async def read_whole_stream(self, stream: str) -> Sequence[StoredEvent]:
        """Every event of a stream."""
        return await self._scans.run(reads.read_whole_stream, stream)

    async def read_stream_end(self, stream: str, limit: int) -> Sequence[StoredEvent]:
        """The newest events of a stream."""
        return await self._scans.run(reads.read_stream_end, stream, limit)

    async def read_log(
        self, after: int, limit: int, configuration_only: bool = False
    ) -> Sequence[StoredEvent]:
        """The log after a position, in order."""
        return await self._scans.run(reads.read_log, after, limit, configuration_only)

    async def read_ledger(self, after: int, limit: int) -> Sequence[Batch]:
        """The ledger after a first position, in order."""
        return await self._scans.run(reads.read_ledger, after, limit)

    async def head(self) -> Head:
        """The newest position and the clock."""
        head = await self._scans.run(reads.read_head)
        self._clock.not_before(head.recorded_at)
        return Head(head.position, head.chain_hash, head.changed_at, self._clock.now())

    async def _head_position(self) -> int:
        return (await self.head()).position

    async def find(self, lookup: str, key: str) -> LookupResult:
        """One row by a named look-up."""
        return await self._rows[lookup].load(findable(key))

    async def read_rows(self, table: str, after: str, limit: int) -> Sequence[Mapping[str, Any]]:
        """Rows of a table after a key, in order."""
        return await self._scans.run(reads.read_rows, table, after, limit)

    async def read_rows_of(
        self, table: str, tenant: str, subject: str, after: str, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """Rows of one person, in order."""
        return await self._scans.run(reads.read_rows_of, table, tenant, subject, after, limit)

    async def stream_names(self, prefix: str, after: str, limit: int) -> Sequence[str]:
        """Names of streams by their beginning, in order."""
        return await self._scans.run(reads.read_stream_names, prefix, after, limit)

    def reserve(self, key: str, expires_at: int) -> Awaitable[bool]:
        """Insert a guard row once; False when it is there already. ``expires_at`` in seconds."""
        return self._reservations.load(Reservation(key, expires_at))

    async def count(self, key: str, window: int, amount: int = 1) -> int:
        """Add to a counter that lasts ``window`` seconds; the new total. Zero reads it."""
        if amount == 0:
            return await self._lookups.run(reads.read_total, guard_key(key), self._clock.now())
        return await self._additions.load(Addition(key, window, amount))

    async def forget_counters(self, prefix: str) -> None:
        """Delete guard rows and counters by the beginning of their keys."""
        await self._writer.run(writes.forget, *key_range(f"{prefix}*"))

    async def overwrite_deleted(self) -> bool:
        """Deleted rows are overwritten in the file (``secure_delete``); what the write-ahead log still has of them goes
        with it. False when a reader was in the way."""
        return await self._writer.run(wal.empty)

    def changes(self) -> AsyncIterator[int]:
        """The head's position whenever it has moved: at once for our own commits, by polling for others'."""
        return self._changes.follow()

    async def run_followed_page(
        self,
        projection: FollowedProjection,
        limit: int,
        project: Callable[[Sequence[StoredEvent]], ProjectionResult],
        *,
        wait: bool = False,  # noqa: ARG002 - whoever writes has always waited for the file's write lock
    ) -> Page:
        """One page of a follower in one transaction."""
        return await self._writer.run(followers.run_page, projection, limit, project, self._clock.now())

    async def lags(self, followers: Sequence[str]) -> Mapping[str, int]:
        """The age of the oldest event that waits for each follower."""
        waiting, now = await self._scans.run(reads.read_waiting, followers), self._clock.now()
        return {name: 0 if since is None else max(0, now - since) for name, since in waiting.items()}

    async def end_standing_still(self) -> int:
        """Nobody can end what another process does to a file."""
        return 0

    async def take_deliveries(self, limit: int, lease_seconds: int) -> Sequence[Delivery]:
        """Rows of the outbox that are due."""
        now = self._clock.now()
        if not await self._scans.run(outbox_sqlite.any_due, now):
            return []
        return await self._writer.run(outbox_sqlite.take, limit, lease_seconds * MICROSECONDS, now)

    async def read_delivery(self, position: int) -> DeliveryState | None:
        """The state of an outbox row."""
        return await self._lookups.run(outbox_sqlite.state, position)

    def shadow(self, tables: Sequence[Table], *, repair: bool) -> AbstractAsyncContextManager[Shadow]:
        """Shadows of tables, for a verification or a rebuild."""
        return shadow_sqlite.shadow(self._path, tables, repair=repair)

    async def _commit_batch(self, appends: list[Append]) -> Sequence[AppendResult | Conflict]:
        await self._bound_wal()
        try:
            results = await self._writer.run(writes.commit_batch, appends, self._clock)
        except sqlite3.Error as refused:
            # One append contradicts itself, or holds what SQLite cannot store: GroupCommit tries each alone.
            if len(appends) > 1:
                raise
            raise _own_fault(refused) from None
        self._wal.grown()
        self._changes.wake_all()
        return results

    async def _bound_wal(self) -> None:
        """Fold a long write-ahead log into the file; try again later when a reader is in the way (F12)."""
        if monotonic() < self._next_checkpoint or self._wal.size < WAL_LIMIT:
            return
        self._next_checkpoint = monotonic() + CHECKPOINT_PAUSE
        await self._writer.run(writes.checkpoint)

    async def _load_streams(self, streams: list[str]) -> Mapping[str, StreamRead]:
        found = await self._lookups.run(reads.read_streams, streams)
        now = self._clock.now()
        nothing = reads.Stream(0, ())
        return {stream: StreamRead(*found.get(stream, nothing), now) for stream in streams}

    async def _load_rows(self, lookup: str, keys: list[str]) -> Mapping[str, LookupResult]:
        rows = await self._lookups.run(reads.find_rows, lookup, keys)
        now = self._clock.now()
        return {key: LookupResult(rows.get(key), now) for key in keys}

    async def _reserve_many(self, items: list[Reservation]) -> Mapping[Reservation, bool]:
        wanted = [(item.key, item.expires_at) for item in items]
        reserved = await self._writer.run(writes.reserve, wanted, self._clock.now())
        return dict(zip(items, reserved, strict=True))

    async def _count_many(self, items: list[Addition]) -> Mapping[Addition, int]:
        wanted = [(item.key, item.window, item.amount) for item in items]
        totals = await self._writer.run(writes.count, wanted, self._clock.now())
        return dict(zip(items, totals, strict=True))


def _lock(path: Path) -> int:
    """Hold ``<path>.lock`` until the process ends. Raises Unavailable when another server has it."""
    try:
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as failed:
        raise Unavailable(
            f"no lock file can be made beside {path}: {failed.strerror}: correct `database`"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise Unavailable(f"another server has {path} open: SQLite takes one server process") from None
    return lock


def _own_fault(refused: sqlite3.Error) -> StoreError:
    """The answer to a single append that the database refused."""
    if isinstance(refused, sqlite3.IntegrityError):
        return Conflict("version")
    return StoreError(f"SQLite refused the append: {type(refused).__name__}")
