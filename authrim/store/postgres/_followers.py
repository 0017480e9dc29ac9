"""Followers on PostgreSQL.

Only ``pg_advisory_xact_lock`` is used: through a pooler in transaction mode a session lock would stay with
somebody else's session (decisions.md 8).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Final, TypeVar

import asyncpg

from authrim.store import _shadow_sql as shadow_sql
from authrim.store.contract import StoredEvent
from authrim.store.postgres.connections import LOST, Connections, unavailable
from authrim.store.postgres.reads import LOG
from authrim.store.read_back import Failure, Page, ProjectionResult
from projections.rows import Row, key_range
from projections.tables import Table

T = TypeVar("T")

#: No schema shares its followers with another in the same database.
_LOCK_KEYS = "hashtext('authrim follower'), hashtext(current_schema() || ' ' || $1)"
TRY_LOCK = f"SELECT pg_try_advisory_xact_lock({_LOCK_KEYS})"
LOCK = f"SELECT pg_advisory_xact_lock({_LOCK_KEYS})"

POSITION = "SELECT position FROM followers WHERE name = $1"
SAVE = """
    INSERT INTO followers (name, position) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position
"""
_FAIL = """
    INSERT INTO failed_events (projection, position, kind, failed_at) VALUES ($1, $2, $3, clock_us())
    ON CONFLICT (projection, position) DO UPDATE SET kind = excluded.kind, failed_at = excluded.failed_at
"""
#: What is wrong with a row itself, and would be again. Any other refusal (a missing right, a full disk) may pass.
_ROWS_OWN_FAULT: Final = (
    asyncpg.exceptions.DataError,
    asyncpg.exceptions.IntegrityConstraintViolationError,
    asyncpg.exceptions.ProgramLimitExceededError,  # too long for an index
)


class Followers:
    """Runs pages of followers on a connection of its own, which is made by the first and again when it is lost."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._connection: asyncpg.Connection | None = None
        self._one_at_a_time = asyncio.Lock()

    async def run_page(
        self,
        name: str,
        table: Table,
        limit: int,
        project: Callable[[Sequence[StoredEvent]], ProjectionResult],
        *,
        wait: bool,
    ) -> Page:
        """One page of a follower. Raises Unavailable."""
        return await self.run(lambda connection: run_page(connection, name, table, limit, project, wait=wait))

    async def run(self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Work of a follower on its connection. Raises Unavailable."""
        async with self._one_at_a_time:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = (await self._connections.connect()).connection
                return await work(self._connection)
            except LOST as lost:
                self._disconnect()
                raise unavailable(lost) from None
            except asyncpg.PostgresError as refused:
                raise unavailable(refused) from None

    async def close(self) -> None:
        """Wait for the page that is under way, and disconnect."""
        async with self._one_at_a_time:
            self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def run_page(
    connection: asyncpg.Connection,
    name: str,
    table: Table,
    limit: int,
    project: Callable[[Sequence[StoredEvent]], ProjectionResult],
    *,
    wait: bool,
) -> Page:
    """One page of a follower in one transaction, whose advisory lock keeps out every other process."""
    async with connection.transaction():
        if wait:
            await connection.execute(LOCK, name)
        elif not await connection.fetchval(TRY_LOCK, name):
            return Page(0, 0, busy=True)
        position = await connection.fetchval(POSITION, name) or 0
        events = [StoredEvent(*row) for row in await connection.fetch(LOG, position, limit)]
        if not events:
            return Page(position, 0)
        projected = project(events)
        position = events[-1].position
        failures = [*projected.failures, *await _write_acceptable(connection, table, projected.rows)]
        await connection.executemany(_FAIL, [(name, failure.position, failure.kind) for failure in failures])
        await connection.execute(SAVE, name, position)
    return Page(position, len(events), failures)


async def _write_acceptable(
    connection: asyncpg.Connection, table: Table, rows: Sequence[Row]
) -> Sequence[Failure]:
    """Write the rows together, or one by one when PostgreSQL refuses one; the refused ones (F19).

    Each attempt has a savepoint, because an error would end the transaction of the page.
    """
    try:
        async with connection.transaction():
            await write_rows(connection, table.name, table, rows)
    except _ROWS_OWN_FAULT as refused:
        if len(rows) == 1:
            return [Failure(rows[0].values["position"], type(refused).__name__)]
        return [failure for row in rows for failure in await _write_acceptable(connection, table, [row])]
    return []


async def write_rows(connection: asyncpg.Connection, name: str, table: Table, rows: Sequence[Row]) -> None:
    """Apply ``put`` and ``revoke`` rows, in order, to ``name``, which has the columns of ``table``."""
    put = _put_together(name, table)
    revoke = f"UPDATE {name} SET revoked_at = $1 WHERE key >= $2 AND key < $3 AND revoked_at IS NULL"  # noqa: S608
    for operation, run in groupby(rows, lambda row: row.operation):
        if operation == "revoke":
            await connection.executemany(
                revoke, [(row.values["revoked_at"], *key_range(row.values["key"])) for row in run]
            )
        else:
            together = list(run)
            # One statement cannot write a row twice.
            key = table.columns[0]
            one_by_one = len({row.values[key] for row in together}) < len(together)
            for part in [[row] for row in together] if one_by_one else [together]:
                await connection.execute(
                    put, *([row.values[column] for row in part] for column in table.columns)
                )


@cache
def _put_together(name: str, table: Table) -> str:
    """Insert or replace many rows at once: a parameter per column, which is much less work than a statement per row."""
    arrays = (
        f"${number}::{table.column_type(column)}[]" for number, column in enumerate(table.columns, start=1)
    )
    return shadow_sql.put_selected(name, table, f"SELECT * FROM unnest({', '.join(arrays)})")  # noqa: S608 - our own names


async def documents(connection: asyncpg.Connection, name: str, keys: Sequence[str]) -> Mapping[str, str]:
    """The ``document`` column of rows of ``name``, by key."""
    rows = await connection.fetch(f"SELECT key, document FROM {name} WHERE key = ANY($1)", keys)  # noqa: S608
    return {row["key"]: row["document"] for row in rows}
