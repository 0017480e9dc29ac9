"""The monitor on PostgreSQL: its pages share the connection of the followers, and one process is at it at a time."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import asyncpg
import msgspec

from authrim.store import _monitor_sql as sql
from authrim.store._guard_rows import findable
from authrim.store.monitor_contract import (
    MONITOR,
    MOST_OPEN,
    Check,
    KnownBreach,
    MonitorPage,
    MonitorState,
)
from authrim.store.postgres._followers import LOCK, POSITION, SAVE, TRY_LOCK, Followers
from authrim.store.postgres.connections import Connections
from projections.monitor.questions import Answers, Checked, LogRow, Question, States, Streams
from projections.monitor.rules import Breach
from projections.rows import key_range

_EVENT: Final = "position, stream_id, version, type, payload, recorded_at"
_LOG: Final = f"SELECT {_EVENT} FROM events WHERE position > $1 ORDER BY position LIMIT $2"  # noqa: S608
_STREAMS: Final = f"""
    SELECT {_EVENT} FROM events WHERE stream_id = ANY($1) AND position < $2 ORDER BY stream_id, version
"""  # noqa: S608
_STATES: Final = "SELECT stream, document FROM monitor_states WHERE stream = ANY($1)"
_ACTIVE: Final = """
    SELECT t.key FROM unnest($1::TEXT[], $2::TEXT[]) AS r(from_key, before_key)
    JOIN tokens t ON t.key >= r.from_key COLLATE "C" AND t.key < r.before_key COLLATE "C"
    WHERE t.revoked_at IS NULL
"""
_STATE: Final = """
    SELECT p.position, (SELECT e.recorded_at FROM events e WHERE e.position = p.position + 1),
           (SELECT h.position FROM head h), clock_us(), (SELECT count(*) FROM monitor_states)
    FROM (SELECT coalesce((SELECT position FROM followers WHERE name = $1), 0) AS position) AS p
"""


_ADD: Final = sql.marked(
    sql.ADD, "$1::TEXT", "$2::TEXT", "$3::TEXT", "$4::TEXT", "$5::TEXT", "clock_us()", "$6::BIGINT"
)
_TELL: Final = sql.marked(sql.TELL, "$1", "$2", "$3", "$4", "$5", "clock_us()", "$6")
_ACKNOWLEDGE: Final = sql.marked(sql.ACKNOWLEDGE, "$1", "clock_us()")
_MARK: Final = sql.marked(sql.MARK, "$1", "$2")
#: As one JSON text, which costs the driver less than arrays.
_PUT: Final = sql.PUT.format(
    rows="SELECT r->>0, r->>1, (r->>2)::BIGINT FROM json_array_elements($1::JSON) AS rows (r)"
)
_DROP: Final = "DELETE FROM monitor_states WHERE stream = ANY($1)"


_encode: Final = msgspec.json.Encoder().encode


class PostgresMonitor:
    """``MonitorStore`` on one schema."""

    def __init__(self, connections: Connections, followers: Followers) -> None:
        self._connections = connections
        self._followers = followers

    async def run_page(self, limit: int, check: Check, *, wait: bool = False) -> MonitorPage:
        """One page in one transaction, whose advisory lock keeps out every other process."""
        return await self._followers.run(partial(_page, limit=limit, check=check, wait=wait))

    async def state(self) -> MonitorState:
        """How far the monitor is."""
        (row,) = await self._connections.fetch(_STATE, MONITOR)
        return MonitorState(*row)

    async def breaches(
        self, limit: int, *, untold: bool = False, closed: bool = False
    ) -> Sequence[KnownBreach]:
        """Open breaches, those that are not in the log yet, or all."""
        query = sql.marked(sql.reading(untold=untold, closed=closed), "$1")
        return [sql.known_breach(row) for row in await self._connections.fetch(query, limit)]

    async def breach(self, breach: str) -> KnownBreach | None:
        """One breach by its id."""
        rows = await self._connections.fetch(sql.marked(sql.ONE, "$1"), findable(breach))
        return sql.known_breach(rows[0]) if rows else None

    async def add(self, breaches: Sequence[Breach]) -> Sequence[Breach]:
        """Keep breaches; those that were not known before."""
        return await self._followers.run(partial(_add, breaches=breaches))

    async def mark_told(self, breach: str, position: int) -> None:
        """The alarm of a breach is in the log."""
        await self._connections.fetch(_MARK, breach, position)

    async def begin_again(self) -> None:
        """Forget the rows and the position."""
        await self._followers.run(_forget)


async def _page(connection: asyncpg.Connection, *, limit: int, check: Check, wait: bool) -> MonitorPage:
    async with connection.transaction():
        if wait:
            await connection.execute(LOCK, MONITOR)
        elif not await connection.fetchval(TRY_LOCK, MONITOR):
            return MonitorPage(0, 0, busy=True)
        position = await connection.fetchval(POSITION, MONITOR) or 0
        events = [LogRow(*row) for row in await connection.fetch(_LOG, position, limit)]
        if not events:
            return MonitorPage(position, 0)
        checked = await _answered(connection, check(events))
        new = await _keep(connection, checked)
        position = events[-1].position
        await connection.execute(SAVE, MONITOR, position)
    return MonitorPage(position, len(events), new)


async def _answered(connection: asyncpg.Connection, answers: Answers) -> Checked:
    """Run a check, answering what it asks for."""
    try:
        question = next(answers)
        while True:
            question = answers.send(await _answer(connection, question))
    except StopIteration as done:
        checked: Checked = done.value
        return checked


async def _answer(connection: asyncpg.Connection, question: Question) -> Any:
    """What an event names may be text that no row can have, such as NUL: it must not stop the page (F19)."""
    match question:
        case States():
            rows: Mapping[str, str] = dict(await connection.fetch(_STATES, _findable(question.streams)))
            return rows
        case Streams():
            streams = _findable(question.streams)
            return [LogRow(*row) for row in await connection.fetch(_STREAMS, streams, question.before)]
        case _:
            ranges = [key_range(key) for key in _findable(question.keys)]
            first, before = [first for first, _ in ranges], [before for _, before in ranges]
            return [key for (key,) in await connection.fetch(_ACTIVE, first, before)]


def _findable(names: Sequence[str]) -> list[str]:
    return [name for name in names if findable(name)]


async def _keep(connection: asyncpg.Connection, checked: Checked) -> Sequence[Breach]:
    if checked.puts:
        await connection.execute(_PUT, _encode(checked.puts).decode())
    if checked.drops:
        await connection.execute(_DROP, checked.drops)
    new = await _add(connection, breaches=checked.breaches)
    for breach, position in checked.told:
        await connection.execute(_TELL, *sql.breach_row(breach), position)
    for acknowledged in checked.acknowledged:
        await connection.execute(_ACKNOWLEDGE, acknowledged)
    return new


async def _add(connection: asyncpg.Connection, *, breaches: Sequence[Breach]) -> Sequence[Breach]:
    return [breach for breach in breaches if await connection.fetch(_ADD, *sql.breach_row(breach), MOST_OPEN)]


async def _forget(connection: asyncpg.Connection) -> None:
    states, position = sql.FORGET
    async with connection.transaction():
        await connection.execute(LOCK, MONITOR)
        await connection.execute(states)
        await connection.execute(sql.marked(position, "$1"), MONITOR)
