"""Rows in turn, compared with what the events of their streams make of them.

A row is read, then the events of its stream, then the row again: one that did not change meanwhile must be what those
events say, because both are written in one transaction. Of a row that differs only its table and key are told.

No more than the newest events of a stream are read: a grant may be refreshed for years. Of a longer one the tokens
among those events are compared, and of a state its version; ``authrim projections verify`` compares the rest.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle, groupby
from secrets import token_hex
from typing import Any, Final, NamedTuple

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

#: Events of a stream that are read: what a sample takes from the requests is bounded.
MOST_EVENTS: Final = 500


class Sampled(NamedTuple):
    """How many rows were compared, and those that differ."""

    rows: int
    breaches: Sequence[Breach]


class _Newest(NamedTuple):
    """The newest events of a stream, and its version. ``whole``: they are all that there are."""

    version: int
    events: list[Event]
    whole: bool


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
            newest = await self._newest(stream)
            if newest is not None and not _fits(projection, stream, newest, row):
                differing.append((stream, newest.version, row))
        return differing

    async def _tokens(self, _kind: str, rows: Sequence[_Row]) -> list[tuple[str, int, _Row]]:
        differing = []
        for (tenant, grant_id), of_grant in groupby(rows, key=lambda row: (row["tenant"], row["grant_id"])):
            stream = grant_stream(tenant, grant_id)
            newest = await self._newest(stream)
            if newest is not None:
                expected = _token_rows(stream, newest.events)
                differing += [
                    (stream, newest.version, row)
                    for row in of_grant
                    if (newest.whole or row["key"] in expected) and expected.get(row["key"]) != row
                ]
        return differing

    async def _newest(self, stream: str) -> _Newest | None:
        """The newest events of a stream; None where one of them cannot be read: the page told of it."""
        stored = await self._store.read_stream_end(stream, MOST_EVENTS)
        try:
            entries = [read(one) for one in stored]
        except (UnreadableEvent, ValueError):
            return None
        events = [one.event for one in entries if one is not None]
        if not stored:
            return _Newest(0, events, whole=True)
        return _Newest(stored[-1].version, events, whole=stored[0].version == 1)


def _fits(projection: StateProjection, stream: str, newest: _Newest, row: _Row) -> bool:
    if not newest.whole:
        return bool(row["version"] == newest.version)
    state = projection.empty
    for event in newest.events:
        state = projection.apply(state, event)
    return projection.row(parse(stream), state, newest.version).values == row


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
