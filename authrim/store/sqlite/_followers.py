"""Followers on SQLite: each function runs in a thread of the store."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing

from authrim.store import _shadow_sql as shadow_sql
from authrim.store.contract import StoredEvent
from authrim.store.read_back import Failure, Page, ProjectionResult
from authrim.store.sqlite.reads import read_part
from projections.followed import FollowedProjection
from projections.rows import Row
from projections.tables import Table

POSITION = "SELECT position FROM followers WHERE name = ?"
_POSITIONS = (
    "SELECT coalesce((SELECT position FROM followers WHERE name = ?), 0), (SELECT position FROM head)"
)
SAVE = """
    INSERT INTO followers (name, position) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET position = excluded.position
"""
_FAIL = """
    INSERT INTO failed_events (projection, position, kind, failed_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (projection, position) DO UPDATE SET kind = excluded.kind, failed_at = excluded.failed_at
"""
#: What is wrong with a row itself, and would be again.
_ROWS_OWN_FAULT = (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeEncodeError)


def run_page(
    connection: sqlite3.Connection,
    projection: FollowedProjection,
    limit: int,
    project: Callable[[Sequence[StoredEvent]], ProjectionResult],
    now: int,
) -> Page:
    """One page of a follower in one transaction, whose write lock keeps out every other process."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        name = projection.name
        before, head = connection.execute(_POSITIONS, (name,)).fetchone()
        until = min(head, before + limit)
        if until <= before:
            return Page(before, 0)
        projected = project(read_part(connection, projection, before, until))
        failures = [*projected.failures, *_write_acceptable(connection, projection.table, projected.rows)]
        failed = [(name, failure.position, failure.kind, now) for failure in failures]
        connection.executemany(_FAIL, failed)
        connection.execute(SAVE, (name, until))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return Page(until, until - before, failures)


def _write_acceptable(connection: sqlite3.Connection, table: Table, rows: Sequence[Row]) -> Sequence[Failure]:
    """Write the rows together, or one by one when SQLite refuses one; the refused ones (F19).

    An error undoes one row only. Those before it are written a second time, which changes nothing.
    """
    try:
        write_rows(connection, table.name, table, rows)
    except _ROWS_OWN_FAULT as refused:
        if len(rows) == 1:
            return [Failure(rows[0].values["position"], type(refused).__name__)]
        return [failure for row in rows for failure in _write_acceptable(connection, table, [row])]
    return []


def write_rows(connection: sqlite3.Connection, name: str, table: Table, rows: Sequence[Row]) -> None:
    """Write ``put`` rows into ``name``, which has the columns of ``table``."""
    statement = shadow_sql.put(name, table, ", ".join("?" for _ in table.columns))
    connection.executemany(statement, [[row.values[column] for column in table.columns] for row in rows])


def documents(connection: sqlite3.Connection, name: str, keys: Sequence[str]) -> dict[str, str]:
    """The ``document`` column of rows of ``name``, by key."""
    query = f"SELECT key, document FROM {name} WHERE key IN (SELECT value FROM json_each(?))"  # noqa: S608
    with closing(connection.execute(query, (json.dumps(keys),))) as rows:
        return dict(rows.fetchall())
