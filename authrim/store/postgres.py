"""The store on PostgreSQL, for any number of server processes.

Appends go through ``append_batch`` on the writer's own connection; look-ups travel in groups through a small pool.
Connection settings behind PgBouncer in transaction mode: ``statement_cache_size=0``, and ``listen_dsn`` naming the
database itself.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from time import monotonic
from typing import Any

from authrim.store import migrate, shadow_postgres
from authrim.store import postgres_reads as sql
from authrim.store.contract import Append, Appended, Batch, Found, Head, StoredEvent, StreamRead
from authrim.store.followers_postgres import BY_ERROR, Followers
from authrim.store.group_commit import GroupCommit
from authrim.store.loader import GroupLoader
from authrim.store.postgres_changes import Changes
from authrim.store.postgres_connections import Connections
from authrim.store.postgres_writer import Writer
from authrim.store.read_back import Page, Projected, Shadow
from projections.lookups import LOOKUPS
from projections.tables import Table

#: Seconds between two sweeps of expired guard rows and counters.
SWEEP = 1.0
_MICROSECONDS = 1_000_000


class _Reservation:
    """One request to reserve a key. Two for the same key are not equal: only one of them may have it."""

    __slots__ = ("expires_at", "key")

    def __init__(self, key: str, expires_at: int) -> None:
        self.key = key
        self.expires_at = expires_at


class _Addition:
    """One request to add to a counter. Equal ones are both counted."""

    __slots__ = ("amount", "key", "window")

    def __init__(self, key: str, window: int, amount: int) -> None:
        self.key = key
        self.window = window
        self.amount = amount


class PostgresStore:
    """The contract of ``authrim/store/contract.py`` on one database schema. ``wait_limit`` is seconds."""

    def __init__(
        self,
        dsn: str,
        *,
        schema: str = migrate.SCHEMA,
        pool_size: int = 8,
        statement_cache_size: int = 100,
        listen_dsn: str | None = None,
        queue_limit: int = 4096,
        wait_limit: float = 1.0,
    ) -> None:
        self._schema = schema
        self._connections = Connections(
            dsn, schema, pool_size=pool_size, statement_cache_size=statement_cache_size
        )
        self._writer = Writer(self._connections)
        self._commits = GroupCommit(self._writer.commit_batch, queue_limit=queue_limit, wait_limit=wait_limit)
        self._followers = Followers(self._connections)
        self._changes = Changes(self._connections, listen_dsn, self._position)
        self._streams = GroupLoader(self._load_streams)
        self._rows = {lookup: GroupLoader(partial(self._load_rows, lookup)) for lookup in LOOKUPS}
        self._reservations = GroupLoader(self._reserve_many)
        self._additions = GroupLoader(self._count_many)
        self._next_sweep = 0.0

    async def open(self) -> None:
        """Connect and check the schema. Raises UnknownSchema or Unavailable."""
        try:
            await self._connections.open()
            await migrate.check_postgres(self._connections.fetch, self._schema)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what is in flight and disconnect."""
        await self._commits.close()
        loaders: tuple[GroupLoader[Any, Any], ...] = (self._streams, *self._rows.values())
        for loader in (*loaders, self._reservations, self._additions):
            await loader.close()
        await self._changes.close()
        await self._followers.close()
        await self._writer.close()
        await self._connections.close()

    async def append(self, append: Append) -> Appended:
        """Commit with the next batch. Raises Conflict, Overloaded, Unavailable or OutcomeUnknown."""
        return await self._commits.append(append)

    async def read_stream(self, stream: str) -> StreamRead:
        """A stream from its last summary on."""
        return await self._streams.load(stream)

    async def read_whole_stream(self, stream: str) -> Sequence[StoredEvent]:
        """Every event of a stream."""
        return [StoredEvent(*row) for row in await self._connections.fetch(sql.WHOLE_STREAM, stream)]

    async def read_log(
        self, after: int, limit: int, configuration_only: bool = False
    ) -> Sequence[StoredEvent]:
        """The log after a position, in order."""
        query = sql.CONFIGURATION_LOG if configuration_only else sql.LOG
        return [StoredEvent(*row) for row in await self._connections.fetch(query, after, limit)]

    async def read_ledger(self, after: int, limit: int) -> Sequence[Batch]:
        """The ledger after a first position, in order."""
        return [Batch(*row) for row in await self._connections.fetch(sql.LEDGER, after, limit)]

    async def head(self) -> Head:
        """The newest position and the database's clock."""
        (row,) = await self._connections.fetch(sql.HEAD)
        return Head(*row)

    async def find(self, lookup: str, key: str) -> Found:
        """One row by a named look-up."""
        return await self._rows[lookup].load(key)

    async def read_rows(self, table: str, after: str, limit: int) -> Sequence[Mapping[str, Any]]:
        """Rows of a table after a key, in order."""
        return [dict(row) for row in await self._connections.fetch(sql.ROWS[table], after, limit)]

    async def reserve(self, key: str, expires_at: int) -> bool:
        """Insert a guard row once; False when it is there already. ``expires_at`` in seconds."""
        return await self._reservations.load(_Reservation(key, expires_at))

    async def count(self, key: str, window: int, amount: int = 1) -> int:
        """Add to a counter that lasts ``window`` seconds; the new total. Zero reads it."""
        if amount == 0:
            rows = await self._connections.fetch(sql.TOTAL, key)
            return rows[0]["total"] if rows else 0
        return await self._additions.load(_Addition(key, window, amount))

    def changes(self) -> AsyncIterator[int]:
        """The newest position, each time it is another one."""
        return self._changes.follow()

    async def run_followed_page(
        self,
        name: str,
        table: Table,
        limit: int,
        project: Callable[[Sequence[StoredEvent]], Projected],
        *,
        wait: bool = False,
    ) -> Page:
        """One page of a follower in one transaction."""
        return await self._followers.run_page(name, table, limit, project, wait=wait)

    async def read_audit(self, error_id: str) -> Sequence[Mapping[str, Any]]:
        """The ``audit`` rows of an error id, in the log's order."""
        return [dict(row) for row in await self._connections.fetch(BY_ERROR, error_id)]

    def shadow(self, tables: Sequence[Table], *, repair: bool) -> AbstractAsyncContextManager[Shadow]:
        """Shadows of tables, for a verification or a rebuild."""
        return shadow_postgres.shadow(self._connections, tables, repair=repair)

    async def _position(self) -> int:
        return (await self.head()).position

    async def _load_streams(self, streams: list[str]) -> Mapping[str, StreamRead]:
        return {
            stream: StreamRead(version, tuple(zip(types, payloads, strict=True)), now)
            if types
            else StreamRead(0, (), now)
            for now, stream, version, types, payloads in await self._connections.fetch(sql.STREAMS, streams)
        }

    async def _load_rows(self, lookup: str, keys: list[str]) -> Mapping[str, Found]:
        rows = await self._connections.fetch(sql.FIND[lookup], keys)
        now = rows[0]["now"]
        found = {row["lookup_key"]: Found(dict(row), now) for row in rows}
        nothing = Found(None, now)
        return {key: found.get(key, nothing) for key in keys}

    async def _reserve_many(self, items: list[_Reservation]) -> Mapping[_Reservation, bool]:
        await self._sweep()
        firsts: dict[str, _Reservation] = {}
        for item in items:
            firsts.setdefault(item.key, item)
        keys = sorted(firsts)  # two processes that take the same keys in the same order never deadlock
        rows = await self._connections.fetch(sql.RESERVE, keys, [firsts[key].expires_at for key in keys])
        taken = {row["key"] for row in rows}
        return {item: firsts[item.key] is item and item.key in taken for item in items}

    async def _count_many(self, items: list[_Addition]) -> Mapping[_Addition, int]:
        await self._sweep()
        amounts: dict[str, int] = {}
        lasts: dict[str, int] = {}
        for item in items:
            amounts[item.key] = amounts.get(item.key, 0) + item.amount
            lasts[item.key] = item.window * _MICROSECONDS
        keys = sorted(amounts)
        rows = await self._connections.fetch(
            sql.COUNT, keys, [amounts[key] for key in keys], [lasts[key] for key in keys]
        )
        running = {row["key"]: row["total"] - amounts[row["key"]] for row in rows}
        totals: dict[_Addition, int] = {}
        for item in items:  # as if they had come one after the other
            running[item.key] += item.amount
            totals[item] = running[item.key]
        return totals

    async def _sweep(self) -> None:
        """Delete what has expired, now and then."""
        if monotonic() < self._next_sweep:
            return
        self._next_sweep = monotonic() + SWEEP
        await self._connections.fetch(sql.EXPIRE_GUARD)
        await self._connections.fetch(sql.EXPIRE_COUNTERS)
