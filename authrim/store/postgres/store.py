"""The store on PostgreSQL, for any number of server processes.

Appends go through ``append_batch`` on the writer's own connection; look-ups travel in groups through a small pool.
Connection settings behind PgBouncer in transaction mode: ``statement_cache_size=0``, and ``listen_dsn`` naming the
database itself. ``standby``: a commit must wait for a standby, else nothing is appended (F05).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, NamedTuple

from authrim.store import _outbox_sql as outbox_sql
from authrim.store._guard_rows import findable
from authrim.store.contract import Append, AppendResult, Head, LookupResult, StoredEvent, StreamRead
from authrim.store.group_commit import GroupCommit, QueueLimits
from authrim.store.loader import GroupLoader
from authrim.store.postgres import _shadow as shadow_postgres
from authrim.store.postgres import reads as sql
from authrim.store.postgres import schema as schemas
from authrim.store.postgres import standing_still
from authrim.store.postgres._changes import Changes
from authrim.store.postgres._deliveries import PostgresOutbox
from authrim.store.postgres._followers import Followers
from authrim.store.postgres._guard import Guard
from authrim.store.postgres._monitor import PostgresMonitor
from authrim.store.postgres._reseal import PostgresResealing
from authrim.store.postgres._retention import PostgresRetention
from authrim.store.postgres._sizes import PostgresSizes
from authrim.store.postgres.audit_index import PostgresAudit
from authrim.store.postgres.connections import POOL_SIZE, Connections
from authrim.store.postgres.dropped import PostgresDroppedContents
from authrim.store.postgres.fence import Fence
from authrim.store.postgres.log import PostgresLog
from authrim.store.postgres.restored import PostgresRestoreMark, mark_longer
from authrim.store.postgres.tree import PostgresTree
from authrim.store.postgres.writer import Writer
from authrim.store.read_back import Delivery, DeliveryState, Page, ProjectionResult, Shadow
from authrim.tasks.cancellation import end_tasks
from domain.units import MICROSECONDS
from projections.followed import FollowedProjection
from projections.lookups import LOOKUPS
from projections.rows import key_range
from projections.tables import Table


class Compared(NamedTuple):
    """What the primary has beside a batch that a copy has: its newest position and its clock (µs UTC), the chain hash
    of the batch that ends there, and when the event after it was recorded (µs UTC). None: there is none."""

    position: int
    now: int
    chain_hash: bytes | None
    next_at: int | None


class PostgresStore(PostgresLog):
    """The contract of ``authrim/store/contract.py`` on one database schema."""

    def __init__(
        self,
        dsn: str,
        *,
        schema: str = schemas.SCHEMA,
        pool_size: int = POOL_SIZE,
        statement_cache_size: int = 100,
        listen_dsn: str | None = None,
        queue_limits: QueueLimits | None = None,
        standby: bool = False,
    ) -> None:
        self.doubt = ""  # nobody copies a PostgreSQL database file by file and can start it
        self._schema = schema
        self._fence = Fence(standby=standby)
        self._fence.on_lost = self._mark
        self._marking: asyncio.Task[None] | None = None
        self._connections = Connections(
            dsn, schema, pool_size=pool_size, statement_cache_size=statement_cache_size, fence=self._fence
        )
        super().__init__(self._connections)
        self._writer = Writer(self._connections)
        self._commits = GroupCommit(self._writer.commit_batch, queue_limits)
        self._followers = Followers(self._connections)
        self._changes = Changes(self._connections, listen_dsn, self._position)
        self._streams = GroupLoader(self._load_streams)
        self._rows = {lookup: GroupLoader(partial(self._load_rows, lookup)) for lookup in LOOKUPS}
        self._guard = Guard(self._connections)
        self.audit = PostgresAudit(self._connections)
        self.monitor = PostgresMonitor(self._connections, self._followers)
        self.outbox = PostgresOutbox(self._connections, self._followers)
        self.resealing = PostgresResealing(self._connections)
        self.dropped = PostgresDroppedContents(self._connections)
        self.restored = PostgresRestoreMark(self._connections)
        self.retention = PostgresRetention(self._connections)
        self.sizes = PostgresSizes(self._connections, schema)
        self.tree = PostgresTree(self._connections, self._followers)

    async def open(self) -> None:
        """Connect and check the schema. Raises UnknownSchema or Unavailable."""
        try:
            await self._connections.open()
            await schemas.check_postgres(self._connections.fetch, self._schema)
            await self._fence.refuse_without_standby(self._connections.fetch)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what is in flight and disconnect."""
        await self._commits.close()
        loaders: tuple[GroupLoader[Any, Any], ...] = (self._streams, *self._rows.values())
        for loader in loaders:
            await loader.close()
        await self._guard.close()
        if self._marking is not None:
            await end_tasks(self._marking)
        await self._changes.close()
        await self._followers.close()
        await self._writer.close()
        await self._connections.close()

    def measure(self) -> None:
        """Set the gauges of the queue and of the pool."""
        self._commits.measure()
        self._connections.measure()

    async def append(self, append: Append) -> AppendResult:
        """Commit with the next batch. Raises Conflict, Overloaded, Unavailable or OutcomeUnknown."""
        return await self._commits.append(append)

    @property
    def append_wait(self) -> float:
        """For how many seconds the oldest append has waited that was not sent yet."""
        return self._commits.oldest_wait

    async def read_stream(self, stream: str) -> StreamRead:
        """A stream from its last summary on."""
        return await self._streams.load(findable(stream))

    async def head(self) -> Head:
        """The newest position and the database's clock."""
        asked = self._fence.primary
        (row,) = await self._connections.fetch(sql.HEAD)
        head = Head(*row)
        self._fence.saw(asked, head.position, head.chain_hash)
        return head

    async def compare(self, position: int) -> Compared:
        """What the log has at a position, for whoever reads a copy of it. Raises Unavailable."""
        (row,) = await self._connections.fetch(sql.COMPARED, position)
        return Compared(*row)

    async def find(self, lookup: str, key: str) -> LookupResult:
        """One row by a named look-up."""
        return await self._rows[lookup].load(findable(key))

    async def read_rows(self, table: str, after: str, limit: int) -> Sequence[Mapping[str, Any]]:
        """Rows of a table after a key, in order."""
        return [dict(row) for row in await self._connections.fetch(sql.ROWS[table], after, limit)]

    async def read_rows_of(
        self, table: str, tenant: str, subject: str, after: str, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """Rows of one person, in order."""
        of_person = (tenant, findable(subject), after, limit)
        return [dict(row) for row in await self._connections.fetch(sql.ROWS_OF[table], *of_person)]

    def reserve(self, key: str, expires_at: int) -> Awaitable[bool]:
        """Insert a guard row once; False when it is there already. ``expires_at`` in seconds."""
        return self._guard.reserve(key, expires_at)

    async def count(self, key: str, window: int, amount: int = 1) -> int:
        """Add to a counter that lasts ``window`` seconds; the new total. Zero reads it."""
        return await self._guard.count(key, window, amount)

    async def forget_counters(self, prefix: str) -> None:
        """Delete guard rows and counters by the beginning of their keys."""
        await self._guard.forget(*key_range(f"{prefix}*"))

    async def overwrite_deleted(self) -> bool:
        """PostgreSQL overwrites deleted rows when it needs the place. Only the owner of the tables can do it before
        that, with ``VACUUM FULL``."""
        return False

    def changes(self) -> AsyncIterator[int]:
        """The newest position, each time it is another one."""
        return self._changes.follow()

    async def run_followed_page(
        self,
        projection: FollowedProjection,
        limit: int,
        project: Callable[[Sequence[StoredEvent]], ProjectionResult],
        *,
        wait: bool = False,
    ) -> Page:
        """One page of a follower in one transaction."""
        return await self._followers.run_page(projection, limit, project, wait=wait)

    async def lags(self, followers: Sequence[str]) -> Mapping[str, int]:
        """The age of the oldest event that waits for each follower."""
        return {name: max(0, lag) for name, lag in await self._connections.fetch(sql.LAGS, list(followers))}

    async def end_standing_still(self) -> int:
        """End sessions that wait for the rest of a statement."""
        return await standing_still.end_standing_still(self._connections)

    async def take_deliveries(self, limit: int, lease_seconds: int) -> Sequence[Delivery]:
        """Rows of the outbox that are due."""
        rows = await self._connections.fetch(outbox_sql.TAKE_POSTGRES, lease_seconds * MICROSECONDS, limit)
        return [Delivery(*row) for row in rows]

    async def read_delivery(self, position: int) -> DeliveryState | None:
        """The state of an outbox row."""
        rows = await self._connections.fetch(outbox_sql.STATE_POSTGRES, position)
        return DeliveryState(*rows[0]) if rows else None

    def shadow(self, tables: Sequence[Table], *, repair: bool) -> AbstractAsyncContextManager[Shadow]:
        """Shadows of tables, for a verification or a rebuild."""
        return shadow_postgres.shadow(self._connections, tables, repair=repair)

    def _mark(self, known: int, chain_hash: bytes) -> None:
        if self._marking is not None:
            self._marking.cancel()  # what is known now is more
        self._marking = asyncio.create_task(mark_longer(self._connections, known, chain_hash), name="mark")

    async def _position(self) -> int:
        return (await self.head()).position

    async def _load_streams(self, streams: list[str]) -> Mapping[str, StreamRead]:
        return {
            stream: StreamRead(version, tuple(zip(types, payloads, strict=True)), now)
            if types
            else StreamRead(0, (), now)
            for now, stream, version, types, payloads in await self._connections.fetch(sql.STREAMS, streams)
        }

    async def _load_rows(self, lookup: str, keys: list[str]) -> Mapping[str, LookupResult]:
        rows = await self._connections.fetch(sql.FIND[lookup], keys)
        now = rows[0]["now"]
        found = {row["lookup_key"]: LookupResult(dict(row), now) for row in rows}
        nothing = LookupResult(None, now)
        return {key: found.get(key, nothing) for key in keys}
