"""Shadow tables on PostgreSQL: temporary tables of one transaction, gone when it ends.

A server may go on writing. A verification sees the log and the live tables as they were at one moment (REPEATABLE
READ); a repair holds the head row, which every append needs, for its last step only. It needs the owner's role.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from authrim.store import _shadow_sql as shadow_sql
from authrim.store._shadow_sql import shadow_of
from authrim.store.contract import StoredEvent
from authrim.store.postgres import _followers as followers_postgres
from authrim.store.postgres.connections import LOST, Connections, unavailable
from authrim.store.postgres.reads import LOG
from authrim.store.postgres.tree import LEAVES
from authrim.store.tree_sql import Leaf
from projections.rows import Row
from projections.tables import Table

#: Whatever concerns whole tables takes longer than a look-up may, in seconds.
PATIENCE = 3600.0


@asynccontextmanager
async def shadow(
    connections: Connections, tables: Sequence[Table], *, repair: bool
) -> AsyncIterator["PostgresShadow"]:
    """Shadows of tables in one transaction of a connection of their own. Raises Unavailable."""
    try:
        connection = (await connections.connect(patience=PATIENCE)).connection
        try:
            isolation = "read_committed" if repair else "repeatable_read"
            async with connection.transaction(isolation=isolation):
                await _create(connection, tables)
                yield PostgresShadow(connection)
        finally:
            connection.terminate()
    except (*LOST, asyncpg.PostgresError) as failed:
        raise unavailable(failed) from None


class PostgresShadow:
    """The shadows of one run."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def read_log(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """The log after a position, in order."""
        rows = await self._connection.fetch(LOG, after, limit, timeout=PATIENCE)
        return [StoredEvent(*row) for row in rows]

    async def head_position(self) -> int:
        """The newest position."""
        return int(await self._connection.fetchval("SELECT position FROM head"))

    async def read_leaves(self, after: int, limit: int) -> Sequence[Leaf]:
        """What the tree takes of the events after a position, in order."""
        return [Leaf(*row) for row in await self._connection.fetch(LEAVES, after, limit, timeout=PATIENCE)]

    async def follower_position(self, follower: str) -> int:
        """The saved position of a follower."""
        return int(await self._connection.fetchval(followers_postgres.POSITION, follower) or 0)

    async def save_position(self, follower: str, position: int) -> None:
        """Save another position of a follower."""
        await self._execute(followers_postgres.SAVE, follower, position)

    async def documents(self, table: Table, keys: Sequence[str]) -> Mapping[str, str]:
        """The ``document`` column of shadow rows, by key."""
        return await followers_postgres.documents(self._connection, shadow_of(table), keys)

    async def write(self, table: Table, rows: Sequence[Row]) -> None:
        """Apply rows of one table to its shadow, in order."""
        await followers_postgres.write_rows(self._connection, shadow_of(table), table, rows)

    async def hold_writers(self) -> None:
        """Lock the head row and the followers until the end: appends are answered 503 meanwhile."""
        await self._execute("SELECT position FROM head WHERE id = 1 FOR UPDATE")
        await self._execute("LOCK TABLE followers IN SHARE ROW EXCLUSIVE MODE")

    async def forget_ahead(self, table: Table, follower: str) -> None:
        """Take away shadow rows that the follower has not come to yet."""
        await self._execute(shadow_sql.forget_ahead(table).format(name="$1"), follower)

    async def differences(self, table: Table, limit: int, now: int) -> Sequence[Mapping[str, Any]]:
        """Rows that differ, by key and columns."""
        await self._execute(f"ANALYZE {shadow_of(table)}")
        statement = f"{shadow_sql.differences(table, now)} LIMIT $1"
        return [dict(row) for row in await self._connection.fetch(statement, limit, timeout=PATIENCE)]

    async def replace(self, table: Table) -> None:
        """Make the live table what its shadow is."""
        await self._execute(shadow_sql.remove_extra(table))
        await self._execute(shadow_sql.put_differing(table))

    async def forget_failures(self, follower: str) -> None:
        """Forget the failed events of a follower."""
        await self._execute("DELETE FROM failed_events WHERE projection = $1", follower)

    async def _execute(self, statement: str, *arguments: object) -> None:
        await self._connection.execute(statement, *arguments, timeout=PATIENCE)


async def _create(connection: asyncpg.Connection, tables: Sequence[Table]) -> None:
    # The server's sessions are set for look-ups by an index; here whole tables are compared.
    for setting in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
        await connection.execute(f"SET LOCAL {setting} = on")
    # Between two pages, rows may be computed and archives read for as long as it takes.
    await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    for table in tables:
        name = shadow_of(table)
        await connection.execute(
            f"CREATE TEMP TABLE {name} ON COMMIT DROP AS SELECT * FROM {table.name} WHERE false"  # noqa: S608
        )
        await connection.execute(shadow_sql.index(table))
