"""What the writer thread does: a batch of appends, of guard rows or of counters, each in one transaction.

Every batch begins with ``BEGIN IMMEDIATE`` and reads the head inside it, because the command line may write
beside a running server (decisions.md 12).
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, NamedTuple, TypeVar

from authrim.store.appended import appended
from authrim.store.chain import batch_hash, chain_hash
from authrim.store.contract import Append, AppendResult, Conflict, OutcomeUnknown
from authrim.store.sqlite.clock import Clock
from authrim.store.sqlite.lane import BUSY_TIMEOUT
from domain.units import MICROSECONDS
from projections.rows import Row, key_range
from projections.tables import INLINE_TABLES, PRIVATE_TABLES, Table

T = TypeVar("T")

#: How long a checkpoint waits for readers, in ms; appends wait behind it.
CHECKPOINT_TIMEOUT = 50

_INSERT_EVENT = """
    INSERT INTO events (position, stream_id, version, type, payload, metadata, recorded_at, leaf)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_INSERT_BATCH = """
    INSERT INTO ledger (first_position, last_position, recorded_at, batch_hash, chain_hash) VALUES (?, ?, ?, ?, ?)
"""
#: A key that is there is taken again only when it has expired, and none for a time that is over (F13).
_RESERVE = """
    INSERT INTO guard (key, expires_at) SELECT :key, :expires_at WHERE :expires_at > :now
    ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at WHERE guard.expires_at <= :now
"""
#: What is taken back after its window must not become room in the next one: no total is below zero.
_COUNT = """
    INSERT INTO counters (key, total, expires_at) VALUES (:key, max(:amount, 0), :expires_at)
    ON CONFLICT (key) DO UPDATE SET
        total = max(CASE WHEN counters.expires_at > :now THEN counters.total ELSE 0 END + :amount, 0),
        expires_at = CASE WHEN counters.expires_at > :now THEN counters.expires_at ELSE :expires_at END
    RETURNING total
"""


class _Head(NamedTuple):
    position: int
    chain_hash: bytes
    changed_at: int


def commit_batch(
    connection: sqlite3.Connection, appends: Sequence[Append], clock: Clock
) -> list[AppendResult | Conflict]:
    """Commit all appends but the ones that conflict. None hangs on another (``GroupCommit``).

    Raises sqlite3.Error with nothing committed.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        head = _Head(*connection.execute("SELECT position, chain_hash, changed_at FROM head").fetchone())
        recorded_at = max(clock.now(), _last_recorded_at(connection))
        results: list[AppendResult | Conflict] = []
        events: list[tuple[int, str, int, str, bytes, bytes, int, bytes]] = []
        rows: list[Row] = []
        changed_at = head.changed_at
        for append in appends:
            conflict = _conflict(connection, append, head.changed_at)
            if conflict is not None:
                results.append(conflict)
                continue
            first = head.position + len(events) + 1
            events.extend(_event_rows(append, first, recorded_at))
            rows.extend(append.rows)
            last = head.position + len(events)
            changed_at = last if append.configuration else changed_at
            results.append(AppendResult(first, last, recorded_at))
        connection.executemany(_INSERT_EVENT, events)
        _write_rows(connection, rows)
        leaves = [event[-1] for event in events]
        of_chain = _chain(connection, head, leaves, recorded_at, changed_at) if leaves else b""
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    _commit(connection, head.position + 1, of_chain)
    clock.not_before(recorded_at)
    return results


def reserve(connection: sqlite3.Connection, items: Sequence[tuple[str, int]], now: int) -> list[bool]:
    """Insert guard rows ``(key, expires_at in seconds)``; False for each that is there already, or is over."""
    seconds = now // MICROSECONDS
    with transaction(connection):
        return [
            connection.execute(_RESERVE, {"key": key, "expires_at": expires_at, "now": seconds}).rowcount == 1
            for key, expires_at in items
        ]


def count(connection: sqlite3.Connection, items: Sequence[tuple[str, int, int]], now: int) -> list[int]:
    """Add to counters ``(key, window in seconds, amount)``; each new total."""
    with transaction(connection):
        return [
            connection.execute(
                _COUNT,
                {"key": key, "amount": amount, "expires_at": now + window * MICROSECONDS, "now": now},
            ).fetchone()[0]
            for key, window, amount in items
        ]


def forget(connection: sqlite3.Connection, first: str, end: str) -> None:
    """Delete guard rows and counters with keys from ``first`` to before ``end``."""
    with transaction(connection):
        connection.execute("DELETE FROM guard WHERE key >= ? AND key < ?", (first, end))
        connection.execute("DELETE FROM counters WHERE key >= ? AND key < ?", (first, end))


def _conflict(connection: sqlite3.Connection, append: Append, changed_at: int) -> Conflict | None:
    """What the append was decided on and has moved, if anything."""
    if append.applied is not None and append.applied < changed_at:
        return Conflict("guard")
    for stream, version in append.expects:
        newest = connection.execute(
            "SELECT max(version) FROM events WHERE stream_id = ?", (stream,)
        ).fetchone()[0]
        if (newest or 0) != version:
            return Conflict("version", stream)
    for part in append.streams:
        versions = (part.stream, part.expected_version + 1, part.expected_version + len(part.events))
        if connection.execute(
            "SELECT 1 FROM events WHERE stream_id = ? AND version BETWEEN ? AND ?", versions
        ).fetchone():
            return Conflict("version", part.stream)
    for row in append.rows:
        if (
            row.operation == "claim"
            and connection.execute(_SQL[row.table].find, (row.values["key"],)).fetchone()
        ):
            return Conflict("claim", row.table)
    return None


def _event_rows(
    append: Append, first: int, recorded_at: int
) -> Iterator[tuple[int, str, int, str, bytes, bytes, int, bytes]]:
    """The rows of an append's events, from position ``first`` on."""
    for position, (stream, version, type_, payload, metadata, leaf) in enumerate(appended(append), first):
        yield position, stream, version, type_, payload, metadata, recorded_at, leaf


def _chain(
    connection: sqlite3.Connection, head: _Head, leaves: list[bytes], recorded_at: int, changed_at: int
) -> bytes:
    """Write the ledger row of the batch and move the head; the chain hash."""
    first, last = head.position + 1, head.position + len(leaves)
    of_batch = batch_hash(leaves)
    of_chain = chain_hash(head.chain_hash, of_batch, first, last, recorded_at)
    connection.execute(_INSERT_BATCH, (first, last, recorded_at, of_batch, of_chain))
    connection.execute(
        "UPDATE head SET position = ?, chain_hash = ?, changed_at = ?", (last, of_chain, changed_at)
    )
    return of_chain


def _last_recorded_at(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT recorded_at FROM ledger ORDER BY first_position DESC LIMIT 1").fetchone()
    return 0 if row is None else int(row[0])


class _TableSql(NamedTuple):
    """The statements of one table, made once."""

    columns: tuple[str, ...]
    put: str
    claim: str
    drop: str
    revoke: str
    find: str


def _table_sql(table: Table) -> _TableSql:
    """The statements, made of the names in ``projections/tables.py`` and nothing from outside."""
    names = ", ".join(table.columns)
    values = ", ".join("?" for _ in table.columns)
    updates = ", ".join(f"{column} = excluded.{column}" for column in table.columns[1:])
    insert = f"INSERT INTO {table.name} ({names}) VALUES ({values})"  # noqa: S608
    return _TableSql(
        table.columns,
        put=f"{insert} ON CONFLICT (key) DO UPDATE SET {updates}",
        claim=insert,
        drop=f"DELETE FROM {table.name} WHERE key >= ? AND key < ?",  # noqa: S608
        revoke=f"UPDATE {table.name} SET revoked_at = ?"  # noqa: S608
        " WHERE key >= ? AND key < ? AND revoked_at IS NULL",
        find=f"SELECT 1 FROM {table.name} WHERE key = ?",  # noqa: S608
    )


_SQL: Mapping[str, _TableSql] = {table.name: _table_sql(table) for table in INLINE_TABLES + PRIVATE_TABLES}


def _write_rows(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Write the rows in order; neighbours of one kind in one call."""
    for (table, operation), run in groupby(rows, lambda row: (row.table, row.operation)):
        sql = _SQL[table]
        if operation == "drop":
            connection.executemany(sql.drop, [key_range(row.values["key"]) for row in run])
        elif operation == "revoke":
            connection.executemany(
                sql.revoke, [(row.values["revoked_at"], *key_range(row.values["key"])) for row in run]
            )
        else:
            statement = sql.put if operation == "put" else sql.claim
            connection.executemany(statement, [_values(row, sql.columns) for row in run])


def _values(row: Row, columns: tuple[str, ...]) -> list[Any]:
    return [row.values[column] for column in columns]


def _commit(connection: sqlite3.Connection, first: int, of_chain: bytes) -> None:
    """COMMIT. When it fails, the outcome is what the ledger says afterwards."""
    try:
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if not _is_in_ledger(connection, first, of_chain):
            raise


def _is_in_ledger(connection: sqlite3.Connection, first: int, of_chain: bytes) -> bool:
    query = "SELECT 1 FROM ledger WHERE first_position = ? AND chain_hash = ?"
    try:
        return connection.execute(query, (first, of_chain)).fetchone() is not None
    except sqlite3.Error:
        raise OutcomeUnknown("the disk failed during the commit") from None


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One write transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def in_transaction(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection, int], T], now: int
) -> T:
    """Some work in one write transaction. ``now`` is the time of the log's clock."""
    with transaction(connection):
        return work(connection, now)


def checkpoint(connection: sqlite3.Connection) -> None:
    """Fold the write-ahead log into the file and empty it; a reader in the way leaves it as it is."""
    connection.execute(f"PRAGMA busy_timeout = {CHECKPOINT_TIMEOUT}")
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
