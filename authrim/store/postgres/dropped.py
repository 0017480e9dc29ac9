"""Dropped contents on PostgreSQL."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from authrim.store import dropped as sql
from authrim.store.dropped import Range
from authrim.store.postgres.connections import Connections
from authrim.store.postgres.log import Fetching

_FORGET: Final = sql.FORGET.format(recorded="(SELECT unnest($1::TEXT[]))")
_ADD: Final = "INSERT INTO dropped (first_position, last_position, digest, waiting) VALUES ($1, $2, $3, TRUE)"
_DONE: Final = sql.DONE.format(last="$1")
_EMPTY: Final = sql.EMPTY.format(nothing="''", first="$1", last="$2")


class PostgresDrops:
    """What left the log."""

    def __init__(self, fetching: Fetching) -> None:
        self._fetching = fetching

    async def ranges(self) -> Sequence[Range]:
        """All ranges."""
        return [Range(*row) for row in await self._fetching.fetch(sql.READ)]


class PostgresDroppedContents(PostgresDrops):
    """``DroppedContents`` on PostgreSQL. Only the owner of the tables may take contents away."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._connections = connections

    async def waiting(self) -> Sequence[Range]:
        """The ranges that are not done."""
        return [Range(*row) for row in await self._connections.fetch(sql.WAITING)]

    async def begin(self, ranges: Sequence[Range], recorded: Sequence[str]) -> None:
        """Add the ranges of a drop."""

        async def add(connection: asyncpg.Connection) -> None:
            await connection.execute(_FORGET, list(recorded))
            await connection.executemany(_ADD, ranges)

        await self._connections.in_transaction(add)

    async def empty(self, first: int, last: int, *, ends: bool) -> None:
        """Take the contents of some events."""

        async def take(connection: asyncpg.Connection) -> None:
            await connection.execute(_EMPTY, first, last)
            if ends:
                await connection.execute(_DONE, last)

        await self._connections.in_transaction(take)
