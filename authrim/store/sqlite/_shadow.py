"""Shadow tables on SQLite: temporary tables of one connection, so that filling them locks nobody out."""

import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from itertools import groupby
from pathlib import Path
from typing import Any

from authrim.store import _shadow_sql as shadow_sql
from authrim.store._shadow_sql import shadow_of
from authrim.store.contract import StoredEvent
from authrim.store.sqlite import _followers as followers_sqlite
from authrim.store.sqlite import reads as sqlite_reads
from authrim.store.sqlite.lane import Lane
from authrim.store.sqlite.tree import LEAVES
from authrim.store.tree_sql import Leaf
from projections.rows import Row, key_range
from projections.tables import Table


@asynccontextmanager
async def shadow(path: Path, tables: Sequence[Table], *, repair: bool) -> AsyncIterator["SQLiteShadow"]:
    """Shadows of tables on a connection of their own.

    A verification is one read transaction: a snapshot (WAL). A repair reads freely, and begins its one write
    transaction with ``hold_writers``.
    """
    lane = Lane(path, "authrim-shadow")
    try:
        await lane.run(_create, tables)
        if not repair:
            await lane.run(_execute, "BEGIN")
        yield SQLiteShadow(lane)
        await lane.run(_end, "COMMIT")
    finally:
        await lane.run(_end, "ROLLBACK")
        await lane.close()


class SQLiteShadow:
    """The shadows of one run."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    async def read_log(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """The log after a position, in order."""
        return await self._lane.run(sqlite_reads.read_log, after, limit, configuration_only=False)

    async def head_position(self) -> int:
        """The newest position."""
        return (await self._lane.run(sqlite_reads.read_head)).position

    async def read_leaves(self, after: int, limit: int) -> Sequence[Leaf]:
        """What the tree takes of the events after a position, in order."""
        return [Leaf(*row) for row in await self._lane.run(_all, LEAVES, after, limit)]

    async def follower_position(self, follower: str) -> int:
        """The saved position of a follower."""
        rows = await self._lane.run(_all, followers_sqlite.POSITION, follower)
        return int(rows[0][0]) if rows else 0

    async def save_position(self, follower: str, position: int) -> None:
        """Save another position of a follower."""
        await self._lane.run(_execute, followers_sqlite.SAVE, follower, position)

    async def documents(self, table: Table, keys: Sequence[str]) -> Mapping[str, str]:
        """The ``document`` column of shadow rows, by key."""
        return await self._lane.run(followers_sqlite.documents, shadow_of(table), keys)

    async def write(self, table: Table, rows: Sequence[Row]) -> None:
        """Apply rows of one table to its shadow, in order."""
        await self._lane.run(_write, table, rows)

    async def hold_writers(self) -> None:
        """Take the file's write lock until the end."""
        await self._lane.run(_execute, "BEGIN IMMEDIATE")

    async def forget_ahead(self, table: Table, follower: str) -> None:
        """Take away shadow rows that the follower has not come to yet."""
        await self._lane.run(_execute, shadow_sql.forget_ahead(table).format(name="?"), follower)

    async def differences(self, table: Table, limit: int, now: int) -> Sequence[Mapping[str, Any]]:
        """Rows that differ, by key and columns."""
        return await self._lane.run(_differences, table, limit, now)

    async def replace(self, table: Table) -> None:
        """Make the live table what its shadow is."""
        await self._lane.run(_execute, shadow_sql.remove_extra(table))
        await self._lane.run(_execute, shadow_sql.put_differing(table))

    async def forget_failures(self, follower: str) -> None:
        """Forget the failed events of a follower."""
        await self._lane.run(_execute, "DELETE FROM failed_events WHERE projection = ?", follower)


def _create(connection: sqlite3.Connection, tables: Sequence[Table]) -> None:
    for table in tables:
        name = shadow_of(table)
        connection.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM {table.name} WHERE false")  # noqa: S608
        connection.execute(shadow_sql.index(table))


def _execute(connection: sqlite3.Connection, statement: str, *arguments: object) -> None:
    connection.execute(statement, arguments)


def _all(connection: sqlite3.Connection, statement: str, *values: object) -> list[Any]:
    with closing(connection.execute(statement, values)) as rows:
        return rows.fetchall()


def _end(connection: sqlite3.Connection, statement: str) -> None:
    if connection.in_transaction:
        connection.execute(statement)


def _write(connection: sqlite3.Connection, table: Table, rows: Sequence[Row]) -> None:
    revoke = f"UPDATE {shadow_of(table)} SET revoked_at = ? WHERE key >= ? AND key < ? AND revoked_at IS NULL"  # noqa: S608
    for operation, run in groupby(rows, lambda row: row.operation):
        if operation == "revoke":
            connection.executemany(
                revoke, [(row.values["revoked_at"], *key_range(row.values["key"])) for row in run]
            )
        else:
            followers_sqlite.write_rows(connection, shadow_of(table), table, list(run))


def _differences(
    connection: sqlite3.Connection, table: Table, limit: int, now: int
) -> list[Mapping[str, Any]]:
    cursor = connection.execute(f"{shadow_sql.differences(table, now)} LIMIT ?", (limit,))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
