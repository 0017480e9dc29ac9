"""Reading the log on PostgreSQL: over the pool of a store, or over one connection to a replica."""

from collections.abc import Sequence
from typing import Any, Protocol

import asyncpg

from authrim.store._guard_rows import findable
from authrim.store.contract import Batch, StoredEvent
from authrim.store.postgres import reads as sql
from projections.rows import key_range


class Fetching(Protocol):
    """Whatever statements are sent over. Raises Unavailable."""

    async def fetch(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        """The rows of one statement."""

    async def fetch_planned(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        """The rows of one statement that is planned for its arguments."""


class PostgresLog:
    """The log and its ledger, as the contract has them."""

    def __init__(self, fetching: Fetching) -> None:
        self._fetching = fetching

    async def read_whole_stream(self, stream: str) -> Sequence[StoredEvent]:
        """Every event of a stream."""
        rows = await self._fetching.fetch(sql.WHOLE_STREAM, findable(stream))
        return [StoredEvent(*row) for row in rows]

    async def read_stream_end(self, stream: str, limit: int) -> Sequence[StoredEvent]:
        """The newest events of a stream."""
        rows = await self._fetching.fetch(sql.STREAM_END, findable(stream), limit)
        return [StoredEvent(*row) for row in reversed(rows)]

    async def read_log(
        self, after: int, limit: int, configuration_only: bool = False
    ) -> Sequence[StoredEvent]:
        """The log after a position, in order."""
        query = sql.CONFIGURATION_LOG if configuration_only else sql.LOG
        return [StoredEvent(*row) for row in await self._fetching.fetch(query, after, limit)]

    async def read_ledger(self, after: int, limit: int) -> Sequence[Batch]:
        """The ledger after a first position, in order."""
        return [Batch(*row) for row in await self._fetching.fetch(sql.LEDGER, after, limit)]

    async def stream_names(self, prefix: str, after: str, limit: int) -> Sequence[str]:
        """Names of streams by their beginning, in order."""
        rows = await self._fetching.fetch(sql.STREAM_NAMES, *key_range(f"{prefix}*"), after, limit)
        return [row["stream_id"] for row in rows]
