"""What the reader threads do: the queries of the embedded store. Each runs on a snapshot of its own (WAL)."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from authrim.store.contract import Batch, StoredEvent
from projections.followed import FollowedProjection
from projections.lookups import LOOKUPS
from projections.rows import key_range
from projections.tables import INLINE_TABLES, PRIVATE_TABLES, TABLES_OF_SUBJECT

# A forged row may hold text that is no UTF-8: it has to be read before it can be named (authrim/store/chain.py).
_READ_LOG = """
    SELECT position, CAST(stream_id AS BLOB), version, CAST(type AS BLOB), payload, metadata, recorded_at, leaf
    FROM events WHERE position > ? ORDER BY position LIMIT ?
"""
#: What a follower looks at, of a part of the log: its types, or all types but some.
_READ_PART = """
    SELECT position, CAST(stream_id AS BLOB), version, CAST(type AS BLOB), payload, metadata, recorded_at, leaf
    FROM events
    WHERE position > ? AND position <= ? AND (type IN (SELECT value FROM json_each(?))) = ? ORDER BY position
"""
# The condition on the kind is the very one of the partial index.
_READ_CONFIGURATION = """
    SELECT position, CAST(stream_id AS BLOB), version, CAST(type AS BLOB), payload, metadata, recorded_at, leaf
    FROM events
    WHERE position > ? AND (substr(stream_id, instr(stream_id, ':') + 1, 7) = 'client:'
                            OR substr(stream_id, instr(stream_id, ':') + 1, 4) = 'key:'
                            OR substr(stream_id, instr(stream_id, ':') + 1, 6) = 'claim:'
                            OR substr(stream_id, instr(stream_id, ':') + 1, 9) = 'resource:'
                            OR substr(stream_id, instr(stream_id, ':') + 1, 6) = 'scope:')
    ORDER BY position LIMIT ?
"""
_READ_WHOLE_STREAM = """
    SELECT position, CAST(stream_id AS BLOB), version, CAST(type AS BLOB), payload, metadata, recorded_at, leaf
    FROM events WHERE stream_id = ? ORDER BY version
"""
_READ_STREAM_END = _READ_WHOLE_STREAM.replace("ORDER BY version", "ORDER BY version DESC LIMIT ?")
_READ_STREAM_NAMES = """
    SELECT stream_id FROM events
    WHERE stream_id >= ? AND stream_id < ? AND stream_id > ? AND version = 1
    ORDER BY stream_id LIMIT ?
"""
_READ_STREAMS = """
    SELECT e.stream_id, e.version, e.type, e.payload
    FROM json_each(?) AS wanted CROSS JOIN events AS e ON e.stream_id = wanted.value
    WHERE e.version >= coalesce(
        (SELECT max(s.version) FROM events AS s
         WHERE s.stream_id = wanted.value AND s.type = 'grant.summarized.v1'), 0)
    ORDER BY wanted.id, e.version
"""
_READ_HEAD = """
    SELECT position, chain_hash, changed_at,
           coalesce((SELECT recorded_at FROM ledger ORDER BY first_position DESC LIMIT 1), 0)
    FROM head
"""
_READ_LEDGER = """
    SELECT first_position, last_position, recorded_at, batch_hash, chain_hash
    FROM ledger WHERE first_position > ? ORDER BY first_position LIMIT ?
"""
_WAITING = """
    SELECT wanted.value, (
        SELECT e.recorded_at FROM events AS e WHERE e.position = coalesce(
            (SELECT f.position FROM followers AS f WHERE f.name = wanted.value), 0) + 1)
    FROM json_each(?) AS wanted
"""
_FIND = {name: text.format(keys="IN (SELECT value FROM json_each(?))") for name, text in LOOKUPS.items()}
_READ_ROWS = {
    # Names of projections/tables.py, nothing from outside.
    table.name: f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE key > ? ORDER BY key LIMIT ?"  # noqa: S608
    for table in INLINE_TABLES + PRIVATE_TABLES
}
# By indexes of their own.
_READ_ROWS_OF = {
    table.name: f"SELECT {', '.join(table.columns)} FROM {table.name} "  # noqa: S608
    "WHERE tenant = ? AND subject = ? AND key > ? ORDER BY key LIMIT ?"
    for table in TABLES_OF_SUBJECT
}


class LogHead(NamedTuple):
    """The head row, with the newest time in the log."""

    position: int
    chain_hash: bytes
    changed_at: int
    recorded_at: int


class Stream(NamedTuple):
    """A stream from its last summary on."""

    version: int
    payloads: tuple[tuple[str, bytes], ...]


def find_rows(
    connection: sqlite3.Connection, lookup: str, keys: Sequence[str]
) -> dict[str, Mapping[str, Any]]:
    """The rows of a named look-up that are there, by their key."""
    return {row["lookup_key"]: row for row in _select(connection, _FIND[lookup], (json.dumps(keys),))}


def read_streams(connection: sqlite3.Connection, streams: Sequence[str]) -> dict[str, Stream]:
    """Streams from their last summary on; those without an event are not among them."""
    versions: dict[str, int] = {}
    payloads: dict[str, list[tuple[str, bytes]]] = {}
    for stream, version, type_, payload in connection.execute(_READ_STREAMS, (json.dumps(streams),)):
        versions[stream] = version
        payloads.setdefault(stream, []).append((type_, payload))
    return {stream: Stream(versions[stream], tuple(parts)) for stream, parts in payloads.items()}


def read_whole_stream(connection: sqlite3.Connection, stream: str) -> list[StoredEvent]:
    """Every event of a stream."""
    return _events(connection.execute(_READ_WHOLE_STREAM, (stream,)))


def read_stream_end(connection: sqlite3.Connection, stream: str, limit: int) -> list[StoredEvent]:
    """The newest events of a stream, in order."""
    return _events(connection.execute(_READ_STREAM_END, (stream, limit)))[::-1]


def read_stream_names(connection: sqlite3.Connection, prefix: str, after: str, limit: int) -> list[str]:
    """Names of streams by their beginning, in order."""
    parameters = (*key_range(f"{prefix}*"), after, limit)
    return [name for (name,) in connection.execute(_READ_STREAM_NAMES, parameters)]


def read_log(
    connection: sqlite3.Connection, after: int, limit: int, configuration_only: bool
) -> list[StoredEvent]:
    """Events after a position, in order."""
    query = _READ_CONFIGURATION if configuration_only else _READ_LOG
    return _events(connection.execute(query, (after, limit)))


def read_part(
    connection: sqlite3.Connection, projection: FollowedProjection, after: int, until: int
) -> list[StoredEvent]:
    """The events of a part of the log that the projection looks at, in order."""
    types = list(projection.only or projection.passes_over)
    return read_types(connection, after, until, types, only=bool(projection.only))


def read_types(
    connection: sqlite3.Connection, after: int, until: int, types: list[str], *, only: bool = True
) -> list[StoredEvent]:
    """The events of a part of the log that have one of some types, or none of them, in order."""
    return _events(connection.execute(_READ_PART, (after, until, json.dumps(types), only)))


def _events(rows: sqlite3.Cursor) -> list[StoredEvent]:
    return [
        StoredEvent(position, stream.decode(errors="replace"), version, type_.decode(errors="replace"), *rest)
        for position, stream, version, type_, *rest in rows
    ]


def read_ledger(connection: sqlite3.Connection, after: int, limit: int) -> list[Batch]:
    """Batches after a first position, in order."""
    return [Batch(*row) for row in connection.execute(_READ_LEDGER, (after, limit))]


def read_head(connection: sqlite3.Connection) -> LogHead:
    """The head row, with the newest time in the log."""
    return LogHead(*connection.execute(_READ_HEAD).fetchone())


def read_waiting(connection: sqlite3.Connection, followers: Sequence[str]) -> dict[str, int | None]:
    """When the oldest event was recorded that waits for each follower; None at the head."""
    return dict(connection.execute(_WAITING, (json.dumps(followers),)).fetchall())


def read_rows(connection: sqlite3.Connection, table: str, after: str, limit: int) -> list[Mapping[str, Any]]:
    """Rows of a table after a key, in order."""
    return _select(connection, _READ_ROWS[table], (after, limit))


def read_rows_of(
    connection: sqlite3.Connection, table: str, tenant: str, subject: str, after: str, limit: int
) -> list[Mapping[str, Any]]:
    """Rows of one person after a key, in order."""
    return _select(connection, _READ_ROWS_OF[table], (tenant, subject, after, limit))


def read_total(connection: sqlite3.Connection, key: str, now: int) -> int:
    """A counter's total, 0 when its window is over."""
    row = connection.execute(
        "SELECT total FROM counters WHERE key = ? AND expires_at > ?", (key, now)
    ).fetchone()
    return 0 if row is None else int(row[0])


def data_version(connection: sqlite3.Connection) -> int:
    """A number that changes when another connection, of any process, has committed."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def _select(connection: sqlite3.Connection, query: str, parameters: Sequence[Any]) -> list[Mapping[str, Any]]:
    """Rows as mappings by column name."""
    cursor = connection.execute(query, parameters)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
