"""The log and its rows in memory, for histories by the thousand. Its clock is set by whoever writes.

It does with an append and its rows what ``authrim/store/contract.py`` says. ``test_as_of.py`` asks the real stores the
same.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from authrim.store.appended import appended
from authrim.store.contract import Append, AppendResult, Head, LookupResult, StoredEvent, StreamRead
from domain.units import MICROSECONDS
from projections.rows import key_range
from projections.tables import ACCOUNTS, CLIENTS, INLINE_TABLES, SESSIONS, TOKENS

Rows = dict[str, dict[str, Any]]


class MemoryLog:
    """The part of a store that histories and questions about the past need."""

    def __init__(self) -> None:
        self.now = 0
        self.log: list[StoredEvent] = []
        self.streams: dict[str, list[StoredEvent]] = {}
        self.tables: dict[str, Rows] = {table.name: {} for table in INLINE_TABLES}

    async def append(self, append: Append) -> AppendResult:
        """All of it, at the versions that it expects."""
        first = len(self.log) + 1
        for event in appended(append):
            known = self.streams.setdefault(event.stream, [])
            assert len(known) == event.version - 1
            *row, _leaf = event
            stored = StoredEvent(len(self.log) + 1, *row, self.now * MICROSECONDS, b"")
            self.log.append(stored)
            known.append(stored)
        for row in append.rows:
            table, key = self.tables[row.table], row.values["key"]
            if row.operation == "put":
                table[key] = dict(row.values)
                continue
            assert row.operation == "revoke"
            begin, end = key_range(key)
            for name, kept in table.items():
                if begin <= name < end and kept["revoked_at"] is None:
                    kept["revoked_at"] = row.values["revoked_at"]
        return AppendResult(first, len(self.log), self.now * MICROSECONDS)

    async def head(self) -> Head:
        return Head(len(self.log), b"", 0, self.now * MICROSECONDS)

    async def read_stream(self, stream: str) -> StreamRead:
        events = self.streams.get(stream, [])
        payloads = tuple((event.type, event.payload) for event in events)
        return StreamRead(len(events), payloads, self.now * MICROSECONDS)

    async def read_whole_stream(self, stream: str) -> Sequence[StoredEvent]:
        return self.streams.get(stream, [])

    async def read_log(
        self, after: int, limit: int, configuration_only: bool = False
    ) -> Sequence[StoredEvent]:
        return [] if configuration_only else self.log[after : after + limit]

    async def stream_names(self, prefix: str, after: str, limit: int) -> Sequence[str]:
        return sorted(name for name in self.streams if name.startswith(prefix) and name > after)[:limit]

    async def read_rows(self, table: str, after: str, limit: int) -> Sequence[Mapping[str, Any]]:
        rows = self.tables[table]
        return [rows[key] for key in sorted(rows) if key > after][:limit]

    async def find(self, lookup: str, key: str) -> LookupResult:
        """The look-ups of ``projections/lookups.py``."""
        found = getattr(self, f"_{lookup}")(key)
        return LookupResult(found, self.now * MICROSECONDS)

    def _client(self, key: str) -> Mapping[str, Any] | None:
        return self.tables[CLIENTS.name].get(key)

    def _account(self, key: str) -> Mapping[str, Any] | None:
        return self.tables[ACCOUNTS.name].get(key)

    def _session(self, key: str) -> Mapping[str, Any] | None:
        row = self.tables[SESSIONS.name].get(key)
        return (
            None if row is None else row | self._of(ACCOUNTS.name, "account", row["tenant"], row["subject"])
        )

    def _token(self, key: str) -> Mapping[str, Any] | None:
        row = self.tables[TOKENS.name].get(key)
        if row is None:
            return None
        tenant = row["tenant"]
        return (
            row
            | self._of(CLIENTS.name, "client", tenant, row["client_id"])
            | self._of(ACCOUNTS.name, "account", tenant, row["subject"])
            | self._of(SESSIONS.name, "session", tenant, row["session_id"])
        )

    def _of(self, table: str, name: str, tenant: str, identifier: str | None) -> dict[str, Any]:
        """A LEFT JOIN."""
        row = self.tables[table].get(f"{tenant}:{identifier}", {})
        return {f"{name}_{column}": row.get(column) for column in ("status", "document", "version")}
