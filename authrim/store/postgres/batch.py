"""A batch of appends as the arguments of ``append_batch``, and its answer.

The function is in ``migrations/functions/append_batch.postgres.sql``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from authrim.store.appended import appended
from authrim.store.contract import Append, AppendResult, Conflict
from projections.rows import Row, key_range

#: How many arguments ``append_batch`` takes; the same for any number of tables. The last three are the fence's.
ARGUMENTS: Final = 29

_encode = msgspec.json.Encoder().encode


class EventColumns(NamedTuple):
    """The events of a batch, a list a column; ``append`` is the number of the append an event belongs to."""

    append: list[int]
    stream: list[str]
    version: list[int]
    type: list[str]
    payload: list[bytes]
    metadata: list[bytes]
    leaf: list[bytes]


class RowColumns(NamedTuple):
    """What a batch does to rows: keys that must be free, ranges to delete and to revoke, rows to write."""

    claims: tuple[list[int], list[str], list[str]]
    drops: tuple[list[int], list[str], list[str], list[str]]
    revocations: tuple[list[int], list[str], list[str], list[int]]
    written: dict[str, dict[str, Mapping[str, Any]]]


def event_columns(appends: Sequence[Append]) -> EventColumns:
    """The events of the appends, in the order of their positions."""
    columns = EventColumns([], [], [], [], [], [], [])
    for number, append in enumerate(appends):
        for event in appended(append):
            columns.append.append(number)
            columns.stream.append(event.stream)
            columns.version.append(event.version)
            columns.type.append(event.type)
            columns.payload.append(event.payload)
            columns.metadata.append(event.metadata)
            columns.leaf.append(event.leaf)
    return columns


def arguments(appends: Sequence[Append], events: EventColumns) -> tuple[Any, ...]:
    """The arguments of ``append_batch``, in its order, without those of the fence."""
    guards = [(n, append.applied) for n, append in enumerate(appends) if append.applied is not None]
    expects = [(n, *expected) for n, append in enumerate(appends) for expected in append.expects]
    rows = _row_columns(appends)
    return (
        *events,
        [number for number, append in enumerate(appends) if append.configuration],
        *_columns(guards, 2),
        *_columns(expects, 3),
        *rows.claims,
        *rows.drops,
        *rows.revocations,
        list(rows.written),
        [_json(written) for written in rows.written.values()],
    )


def _row_columns(appends: Sequence[Append]) -> RowColumns:
    columns = RowColumns(([], [], []), ([], [], [], []), ([], [], [], []), {})
    for number, append in enumerate(appends):
        for row in append.rows:
            _add_row(columns, number, row)
    return columns


def _add_row(columns: RowColumns, number: int, row: Row) -> None:
    key = row.values["key"]
    if row.operation == "drop":
        _add(columns.drops, (number, row.table, *key_range(key)))
    elif row.operation == "revoke":
        _add(columns.revocations, (number, *key_range(key), row.values["revoked_at"]))
    else:
        if row.operation == "claim":
            _add(columns.claims, (number, row.table, key))
        # Of two rows of one append with the same key, the later one counts.
        columns.written.setdefault(row.table, {})[key] = {"append": number, **row.values}


def _add(columns: Sequence[list[Any]], values: Sequence[Any]) -> None:
    for column, value in zip(columns, values, strict=True):
        column.append(value)


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [[row[place] for row in rows] for place in range(width)]


def _json(rows: Mapping[str, Mapping[str, Any]]) -> str:
    return _encode(list(rows.values())).decode()


def results(appends: Sequence[Append], answer: Mapping[str, Any]) -> list[AppendResult | Conflict]:
    """What became of each append, from what ``append_batch`` answered."""
    conflicts = {
        number: Conflict(what, subject)
        for number, what, subject in zip(
            answer["refused"], answer["refused_what"], answer["refused_subject"], strict=True
        )
    }
    outcome: list[AppendResult | Conflict] = []
    position, recorded_at = answer["first_position"], answer["recorded"]
    for number, append in enumerate(appends):
        conflict = conflicts.get(number)
        if conflict is not None:
            outcome.append(conflict)
            continue
        following = position + sum(len(part.events) for part in append.streams)
        outcome.append(AppendResult(position, following - 1, recorded_at))
        position = following
    return outcome
