"""The auditor's look-ups on SQLite."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from authrim.store import audit_sql as sql
from authrim.store._guard_rows import findable
from authrim.store.contract import StoredEvent
from authrim.store.read_back import AuditPage
from authrim.store.sqlite.lane import Lane
from projections.audit import TABLE
from projections.rows import key_range

_BY_ERROR: Final = sql.by_error("?")
_SEARCH: Final = {
    lead: sql.search(lead, sql.marks_of_sqlite(sql.SEARCH_PARAMETERS)) for lead in ("", *sql.CONDITIONS)
}
_HISTORY: Final = {
    column: sql.history(column, sql.marks_of_sqlite(sql.HISTORY_PARAMETERS), lateral=False)
    for column in ("subject", "session_id")
}
_STREAMS: Final = sql.streams_of(sql.marks_of_sqlite(sql.STREAMS_PARAMETERS), by_bytes="COLLATE BINARY")


class SQLiteAudit:
    """``AuditIndex`` on one file."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    async def of_error(self, error_id: str) -> Sequence[Mapping[str, Any]]:
        """The rows of an error id, in the log's order."""
        rows = await self._lane.run(_all, _BY_ERROR, (findable(error_id),))
        return [dict(zip(TABLE.columns, row, strict=True)) for row in rows]

    async def search(
        self, tenant: str, values: Mapping[str, str], after: int, until: int, limit: int
    ) -> AuditPage:
        """Events whose columns of ``audit`` have these values."""
        findable_values = {name: findable(value) for name, value in values.items()}
        asked = sql.arguments(findable_values, tenant, after, until, limit)
        rows = await self._lane.run(_all, _SEARCH[sql.lead_of(values)], asked)
        return sql.page_of(rows, until, limit)

    async def history(
        self, column: str, tenant: str, value: str, after: int, until: int, limit: int
    ) -> Sequence[StoredEvent]:
        """The next events of a person or a session."""
        asked = {"tenant": tenant, "value": findable(value), "after": after, "until": until, "limit": limit}
        return [StoredEvent(*row) for row in await self._lane.run(_all, _HISTORY[column], asked)]

    async def streams_of(self, tenant: str, subject: str, kind: str, after: str, limit: int) -> Sequence[str]:
        """The names of a person's grants or sessions."""
        first, before = key_range(f"{tenant}:{kind}:*")
        asked = {
            "tenant": tenant, "subject": findable(subject), "first": first, "before": before, "after": after,
            "limit": limit,
        }  # fmt: skip
        return [name for (name,) in await self._lane.run(_all, _STREAMS, asked)]


def _all(
    connection: sqlite3.Connection, query: str, parameters: Sequence[Any] | Mapping[str, Any]
) -> list[Any]:
    return connection.execute(query, parameters).fetchall()
