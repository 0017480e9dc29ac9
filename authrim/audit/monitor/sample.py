"""Rows in turn, compared with what the events of their streams make of them.

A row is read, then the events of its stream, then the row again: one that did not change meanwhile must be what those
events say, because both are written in one transaction. Of a row that differs only its table and key are told.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle, groupby
from secrets import token_hex
from typing import Any, NamedTuple

from authrim.audit.recorded import read
from authrim.store.codec import UnreadableEvent
from authrim.store.read_back import ReadBack
from domain.event import Event
from domain.stream import DEFAULT_TENANT, GRANT, grant_stream, parse
from projections.inline import STATE_PROJECTIONS, StateProjection, token_rows
from projections.monitor.rules import ROWS_ARE_THE_FOLD, Breach
from projections.rows import Row, key_range
from projections.tables import TOKENS, Table

_Row = Mapping[str, Any]


class Sampled(NamedTuple):
    """How many rows were compared, and those that differ."""

    rows: int
    breaches: Sequence[Breach]


class Sample:
    """Goes round the tables, a few rows at a time. Each process begins at a place of its own."""

    def __init__(self, store: ReadBack) -> None:
        self._store = store
        kinds: dict[Table, str] = {projection.table: kind for kind, projection in STATE_PROJECTIONS.items()}
        self._tables = cycle([*kinds.items(), (TOKENS, GRANT)])
        self._after = {table.name: f"{DEFAULT_TENANT}:{token_hex(16)}" for table in (*kinds, TOKENS)}

    async def next(self, limit: int) -> Sampled:
        """Compare the next rows of the next table. Raises Unavailable."""
        table, kind = next(self._tables)
        after = self._after[table.name]
        rows = await self._store.read_rows(table.name, after, limit)
        self._after[table.name] = rows[-1]["key"] if len(rows) == limit else ""
        compare = self._tokens if kind == GRANT else self._states
        differing = await compare(kind, rows)
        if not differing:
            return Sampled(len(rows), ())
        again = {row["key"]: row for row in await self._store.read_rows(table.name, after, limit)}
        return Sampled(
            len(rows),
            [
                Breach(ROWS_ARE_THE_FOLD, stream, (), f"{table.name} {row['key']} {version}")
                for stream, version, row in differing
                if again.get(row["key"]) == row
            ],
        )

    async def _states(self, kind: str, rows: Sequence[_Row]) -> list[tuple[str, int, _Row]]:
        projection = STATE_PROJECTIONS[kind]
        differing = []
        for row in rows:
            stream = f"{row['tenant']}:{kind}:{row[projection.id_column]}"
            version, events = await self._events(stream)
            if events is not None and _state_row(projection, stream, version, events) != row:
                differing.append((stream, version, row))
        return differing

    async def _tokens(self, _kind: str, rows: Sequence[_Row]) -> list[tuple[str, int, _Row]]:
        differing = []
        for (tenant, grant_id), of_grant in groupby(rows, key=lambda row: (row["tenant"], row["grant_id"])):
            stream = grant_stream(tenant, grant_id)
            version, events = await self._events(stream)
            if events is not None:
                expected = _token_rows(stream, events)
                differing += [(stream, version, row) for row in of_grant if expected.get(row["key"]) != row]
        return differing

    async def _events(self, stream: str) -> tuple[int, list[Event] | None]:
        """The version and the events of a stream; no events where one of them cannot be read: the page told of it."""
        stored = await self._store.read_whole_stream(stream)
        try:
            entries = [read(one) for one in stored]
        except (UnreadableEvent, ValueError):
            return len(stored), None
        return (stored[-1].version if stored else 0), [one.event for one in entries if one is not None]


def _state_row(projection: StateProjection, stream: str, version: int, events: Iterable[Event]) -> _Row:
    state = projection.empty
    for event in events:
        state = projection.apply(state, event)
    return projection.row(parse(stream), state, version).values


def _token_rows(stream: str, events: Iterable[Event]) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for row in token_rows(parse(stream), events):
        _write(rows, row)
    return rows


def _write(rows: dict[str, dict[str, Any]], row: Row) -> None:
    if row.operation == "put":
        rows[row.values["key"]] = dict(row.values)
        return
    first, before = key_range(row.values["key"])
    for key, known in rows.items():
        if first <= key < before and known["revoked_at"] is None:
            known["revoked_at"] = row.values["revoked_at"]
