# ruff: noqa: S608 - the names in these texts are constants
"""Retention on PostgreSQL. The tables that only the append function may write to are pruned by a function of their own,
without the head row: no append waits for it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg

from authrim.store import retention_sql as sql
from authrim.store.postgres.connections import LOST, Connections, unavailable
from authrim.store.retention_contract import TableState
from projections.expiry import BY_KEY

#: Whatever counts whole tables takes longer than a look-up may, in seconds.
PATIENCE: Final = 600.0

_MARKS: Final = {
    "now": "$1::BIGINT",
    "limit": "$2::BIGINT",
    "default": 'COLLATE "default"',
    "lock": "FOR UPDATE SKIP LOCKED",
}
_DUE: Final = {name: text.format(**_MARKS) for name, text in sql.DUE.items()}


def _counting(name: str, delete: str) -> str:
    """A statement that deletes, and counts what it has deleted in the same transaction."""
    counted = sql.COUNTED.format(rows=f"SELECT '{name}', rows, clock_us() FROM total WHERE rows > 0")
    return (
        f"WITH gone AS ({delete} RETURNING 1), total AS (SELECT count(*) AS rows FROM gone),"
        f" counted AS ({counted}) SELECT rows FROM total"
    )


_PRUNED_DUE: Final = {name: _counting(name, text.format(**_MARKS)) for name, text in sql.PRUNED_DUE.items()}
_KEYS: Final = sql.KEYS.format(first="$1", before="$2", limit="$3")
_MEASURE: Final = {name: text.format(**_MARKS) for name, text in sql.MEASURE.items()}
_MEASURE_BY_KEY: Final = sql.MEASURE_BY_KEY.format(first="$1", before="$2")
_PRUNE: Final = "SELECT prune_rows($1, $2::TEXT[], $3::TEXT[], $4::BIGINT[]) AS deleted"


class PostgresRetention:
    """``Retention`` on one schema."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def due(self, table: str, now: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """The rows that are due first."""
        return [dict(row) for row in await self._connections.fetch(_DUE[table], now, limit)]

    async def keys(self, table: str, first: str, before: str, limit: int) -> Sequence[str]:
        """The first keys within a range."""
        assert table == BY_KEY
        return [row["key"] for row in await self._connections.fetch(_KEYS, first, before, limit)]

    async def prune(self, table: str, gone: Sequence[str], kept: Mapping[str, int]) -> int:
        """Delete rows, and look at others later."""
        ((deleted,),) = await self._fetch(_PRUNE, table, list(gone), list(kept), list(kept.values()))
        return int(deleted)

    async def prune_due(self, table: str, now: int, limit: int) -> int:
        """Delete the rows that are due first."""
        ((deleted,),) = await self._fetch(_PRUNED_DUE[table], now, limit)
        return int(deleted)

    async def measure(self, now: int, requests: tuple[str, str]) -> Sequence[TableState]:
        """What each table holds, read on a connection of its own: whole tables are counted."""
        try:
            connection = (await self._connections.connect(patience=PATIENCE)).connection
            try:
                async with connection.transaction(readonly=True):
                    await connection.execute("SET LOCAL enable_seqscan = on")
                    return [await _measure(connection, name, now, requests) for name in sql.NAMES]
            finally:
                connection.terminate()
        except (*LOST, asyncpg.PostgresError) as failed:
            raise unavailable(failed) from None

    async def _fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        try:
            return await self._connections.fetch(statement, *arguments)
        except (
            asyncpg.InsufficientPrivilegeError
        ) as refused:  # its role was not granted again after a migration
            raise unavailable(refused) from None


async def _measure(
    connection: asyncpg.Connection, name: str, now: int, requests: tuple[str, str]
) -> TableState:
    query, values = (_MEASURE_BY_KEY, requests) if name == BY_KEY else (_MEASURE[name], (now,))
    rows, due, oldest = await connection.fetchrow(query, *values)
    pruned = await connection.fetchrow("SELECT pruned, at FROM retention WHERE name = $1", name)
    return sql.table_state(name, rows, due, oldest, None if pruned is None else tuple(pruned))
