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
import msgspec

from authrim.store import _shadow_sql as shadow_sql
from authrim.store.contract import StoredEvent
from authrim.store.postgres.connections import LOST, Connections, unavailable
from authrim.store.postgres.reads import PART_OF_TYPES, PART_WITHOUT_TYPES
from authrim.store.read_back import Failure, Page, ProjectionResult
from projections.followed import FollowedProjection
from projections.rows import Row, key_range
from projections.tables import Table

T = TypeVar("T")

#: No schema shares its followers with another in the same database.
_LOCK_KEYS = "hashtext('authrim follower'), hashtext(current_schema() || ' ' || $1)"
TRY_LOCK = f"SELECT pg_try_advisory_xact_lock({_LOCK_KEYS})"
LOCK = f"SELECT pg_advisory_xact_lock({_LOCK_KEYS})"

POSITION = "SELECT position FROM followers WHERE name = $1"
#: How far the follower is and the log reaches. Asked for after the lock was taken: a statement sees what was committed
#: before it began.
_POSITIONS = """
    SELECT coalesce((SELECT position FROM followers WHERE name = $1), 0), (SELECT position FROM head WHERE id = 1)
"""
SAVE = """
    INSERT INTO followers (name, position) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position
"""
_FAIL = """
    INSERT INTO failed_events (projection, position, kind, failed_at) VALUES ($1, $2, $3, clock_us())
    ON CONFLICT (projection, position) DO UPDATE SET kind = excluded.kind, failed_at = excluded.failed_at
"""
_json = msgspec.json.Encoder().encode

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
        projection: FollowedProjection,
        limit: int,
        project: Callable[[Sequence[StoredEvent]], ProjectionResult],
        *,
        wait: bool,
    ) -> Page:
        """One page of a follower. Raises Unavailable."""
        return await self.run(lambda connection: run_page(connection, projection, limit, project, wait=wait))

    async def run(self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Work of a follower on its connection. Raises Unavailable."""
        async with self._one_at_a_time:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = (await self._connections.connect(bounded=True)).connection
                return await work(self._connection)
            except LOST as lost:
                self._disconnect()
                raise unavailable(lost) from None
            except asyncpg.PostgresError as refused:
                raise unavailable(refused) from None
            except asyncio.CancelledError:
                self._disconnect()  # as in Connections.in_transaction
                raise

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
    projection: FollowedProjection,
    limit: int,
    project: Callable[[Sequence[StoredEvent]], ProjectionResult],
    *,
    wait: bool,
) -> Page:
    """One page of a follower in one transaction, whose advisory lock keeps out every other process."""
    name = projection.name
    async with connection.transaction():
        if wait:
            await connection.execute(LOCK, name)
        elif not await connection.fetchval(TRY_LOCK, name):
            return Page(0, 0, busy=True)
        before, head = await connection.fetchrow(_POSITIONS, name)
        until = min(head, before + limit)
        if until <= before:
            return Page(before, 0)
        projected = project(await _read_part(connection, projection, before, until))
        failures = list(projected.failures)
        if projected.rows:
            failures += await _write_acceptable(connection, projection.table, projected.rows)
        if failures:
            await connection.executemany(_FAIL, [(name, one.position, one.kind) for one in failures])
        await connection.execute(SAVE, name, until)
    return Page(until, until - before, failures)


async def _read_part(
    connection: asyncpg.Connection, projection: FollowedProjection, after: int, until: int
) -> list[StoredEvent]:
    """The events of a part of the log that the projection looks at: the others are not worth their way here."""
    if projection.only:
        rows = await connection.fetch(PART_OF_TYPES, after, until, list(projection.only))
    else:
        rows = await connection.fetch(PART_WITHOUT_TYPES, after, until, list(projection.passes_over))
    return [StoredEvent(*row) for row in rows]


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
    put, binary = _put_together(name, table), _binary_columns(table)
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
                await connection.execute(put, _as_json(part, binary))


@cache
def _put_together(name: str, table: Table) -> str:
    """Insert or replace many rows at once. They are one JSON text: the driver looks at each value of an array twice,
    and takes five times as long for arrays of columns."""
    columns = ", ".join(f"{column} {table.column_type(column)}" for column in table.columns)
    return shadow_sql.put_selected(name, table, f"SELECT * FROM json_to_recordset($1) AS rows ({columns})")  # noqa: S608 - our own names


@cache
def _binary_columns(table: Table) -> tuple[str, ...]:
    return tuple(column for column in table.columns if table.column_type(column) == "BYTEA")


def _as_json(rows: Sequence[Row], binary: Sequence[str]) -> str:
    """The rows as JSON. JSON has no bytes, so the ``binary`` columns are in PostgreSQL's hex format."""
    values = [row.values for row in rows]
    if binary:
        values = [{**one, **{name: _hex(one[name]) for name in binary}} for one in values]
    return _json(values).decode()


def _hex(value: bytes | None) -> str | None:
    return None if value is None else f"\\x{value.hex()}"


async def documents(connection: asyncpg.Connection, name: str, keys: Sequence[str]) -> Mapping[str, str]:
    """The ``document`` column of rows of ``name``, by key."""
    rows = await connection.fetch(f"SELECT key, document FROM {name} WHERE key = ANY($1)", keys)  # noqa: S608
    return {row["key"]: row["document"] for row in rows}
