"""Retention on SQLite: each step is one short transaction of the writer's thread."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Final

from authrim.store import retention_sql as sql
from authrim.store.retention_contract import TableState
from authrim.store.sqlite.clock import Clock
from authrim.store.sqlite.lane import Lane
from authrim.store.sqlite.writes import transaction
from projections.expiry import BY_KEY
from projections.rows import key_range
from projections.tables import SESSION_CLIENTS, SESSIONS, TOKENS

_MARKS: Final = {
    "now": ":now",
    "limit": ":limit",
    "default": "",
    "lock": "",
    "first": ":first",
    "before": ":before",
}
_DUE: Final = {name: text.format(**_MARKS) for name, text in sql.DUE.items()}
_PRUNED_DUE: Final = {name: text.format(**_MARKS) for name, text in sql.PRUNED_DUE.items()}
_MEASURE: Final = {name: text.format(**_MARKS) for name, text in sql.MEASURE.items()}
_KEYS: Final = sql.KEYS.format(**_MARKS)
_MEASURE_BY_KEY: Final = sql.MEASURE_BY_KEY.format(**_MARKS)
_COUNTED: Final = sql.COUNTED.format(rows="VALUES (?, ?, ?)")
#: What stood for its grant before a row that stands for it now; an encrypted token leaves at its own time.
_REPLACED: Final = """
    DELETE FROM tokens WHERE key IN (
        SELECT o.key FROM json_each(?) k JOIN tokens t ON t.key = k.value
        JOIN tokens o ON o.key >= t.tenant || ':' || t.grant_id || ':' AND o.key < t.tenant || ':' || t.grant_id || ';'
        WHERE o.key <> t.key AND o.leaves_at IS NOT NULL AND o.sent_hash IS NULL AND o.expires_at <= t.expires_at)
"""


class SQLiteRetention:
    """``Retention`` on one file."""

    def __init__(self, writer: Lane, scans: Lane, clock: Clock) -> None:
        self._writer = writer
        self._scans = scans
        self._clock = clock

    async def due(self, table: str, now: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """The rows that are due first."""
        return await self._scans.run(_named_rows, _DUE[table], {"now": now, "limit": limit})

    async def keys(self, table: str, first: str, before: str, limit: int) -> Sequence[str]:
        """The first keys within a range."""
        assert table == BY_KEY
        rows = await self._scans.run(_rows, _KEYS, {"first": first, "before": before, "limit": limit})
        return [key for (key,) in rows]

    async def prune(self, table: str, gone: Sequence[str], kept: Mapping[str, int]) -> int:
        """Delete rows, and look at others later."""
        return await self._writer.run(_prune, table, gone, kept, self._clock.now())

    async def prune_due(self, table: str, now: int, limit: int) -> int:
        """Delete the rows that are due first."""
        return await self._writer.run(_prune_due, table, now, limit, self._clock.now())

    async def measure(self, now: int, requests: tuple[str, str]) -> Sequence[TableState]:
        """What each table holds."""
        return await self._scans.run(_measure, now, requests)


def _named_rows(
    connection: sqlite3.Connection, query: str, values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    with closing(connection.execute(query, values)) as rows:
        names = [column[0] for column in rows.description]
        return [dict(zip(names, row, strict=True)) for row in rows]


def _rows(connection: sqlite3.Connection, query: str, values: Mapping[str, Any]) -> list[Any]:
    with closing(connection.execute(query, values)) as rows:
        return rows.fetchall()


def _prune(
    connection: sqlite3.Connection, table: str, gone: Sequence[str], kept: Mapping[str, int], now: int
) -> int:
    assert table in (TOKENS.name, SESSIONS.name, BY_KEY)
    by_key = f"DELETE FROM {table} WHERE key IN (SELECT value FROM json_each(?))"  # noqa: S608 - one of three names
    with transaction(connection):
        deleted = connection.execute(by_key, (json.dumps(gone),)).rowcount
        if table == SESSIONS.name:
            of_clients = f"DELETE FROM {SESSION_CLIENTS.name} WHERE key >= ? AND key < ?"  # noqa: S608 - our own name
            connection.executemany(of_clients, [key_range(f"{key}:*") for key in gone])
        if kept:
            if table == TOKENS.name:
                deleted += connection.execute(_REPLACED, (json.dumps(list(kept)),)).rowcount
            later = f"UPDATE {table} SET leaves_at = ? WHERE key = ?"  # noqa: S608 - one of three names
            connection.executemany(later, [(until, key) for key, until in kept.items()])
        _count(connection, table, deleted, now)
    return deleted


def _prune_due(connection: sqlite3.Connection, table: str, seconds: int, limit: int, now: int) -> int:
    with transaction(connection):
        connection.execute(_PRUNED_DUE[table], {"now": seconds, "limit": limit})
        (deleted,) = connection.execute("SELECT changes()").fetchone()
        _count(connection, table, deleted, now)
    return int(deleted)


def _count(connection: sqlite3.Connection, table: str, deleted: int, now: int) -> None:
    if deleted:
        connection.execute(_COUNTED, (table, deleted, now))


def _measure(connection: sqlite3.Connection, now: int, requests: tuple[str, str]) -> list[TableState]:
    pruned = {name: (total, at) for name, total, at in connection.execute(sql.PRUNED)}
    run = partial(_rows, connection)
    states = []
    for name in sql.NAMES:
        if name == BY_KEY:
            values = dict(zip(("first", "before"), requests, strict=True))
            ((rows, due, oldest),) = run(_MEASURE_BY_KEY, values)
        else:
            ((rows, due, oldest),) = run(_MEASURE[name], {"now": now})
        states.append(sql.table_state(name, rows, due, oldest, pruned.get(name)))
    return states
