"""The auditor's look-ups on PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from authrim.store import audit_sql as sql
from authrim.store._guard_rows import findable
from authrim.store.contract import StoredEvent
from authrim.store.postgres.log import Fetching
from authrim.store.read_back import AuditPage
from projections.rows import key_range

BY_ERROR: Final = sql.by_error("$1")
SEARCH: Final = {
    lead: sql.search(lead, sql.marks_of_postgres(sql.SEARCH_PARAMETERS)) for lead in ("", *sql.CONDITIONS)
}
HISTORY: Final = {
    column: sql.history(column, sql.marks_of_postgres(sql.HISTORY_PARAMETERS), lateral=True)
    for column in ("subject", "session_id")
}
STREAMS: Final = sql.streams_of(
    sql.marks_of_postgres(sql.STREAMS_PARAMETERS, ("limit",)), by_bytes='COLLATE "C"'
)


class PostgresAudit:
    """``AuditIndex`` on one database schema."""

    def __init__(self, fetching: Fetching) -> None:
        self._fetching = fetching

    async def of_error(self, error_id: str) -> Sequence[Mapping[str, Any]]:
        """The rows of an error id, in the log's order."""
        return [dict(row) for row in await self._fetching.fetch(BY_ERROR, findable(error_id))]

    async def search(
        self, tenant: str, values: Mapping[str, str], after: int, until: int, limit: int
    ) -> AuditPage:
        """Events whose columns of ``audit`` have these values."""
        findable_values = {name: findable(value) for name, value in values.items()}
        asked = sql.arguments(findable_values, tenant, after, until, limit)
        rows = await self._fetching.fetch_planned(SEARCH[sql.lead_of(values)], *asked.values())
        return sql.page_of(rows, until, limit)

    async def history(
        self, column: str, tenant: str, value: str, after: int, until: int, limit: int
    ) -> Sequence[StoredEvent]:
        """The next events of a person or a session."""
        rows = await self._fetching.fetch_planned(
            HISTORY[column], tenant, findable(value), after, until, limit
        )
        return [StoredEvent(*row) for row in rows]

    async def streams_of(self, tenant: str, subject: str, kind: str, after: str, limit: int) -> Sequence[str]:
        """The names of a person's grants or sessions."""
        between = key_range(f"{tenant}:{kind}:*")
        rows = await self._fetching.fetch(STREAMS, tenant, findable(subject), *between, after, limit)
        return [row["stream"] for row in rows]
