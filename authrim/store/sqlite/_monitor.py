"""The monitor on SQLite: its pages are written by the writer's thread, its state is read by that of scans."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Final, TypeVar

from authrim.store import _monitor_sql as sql
from authrim.store.monitor_contract import (
    MONITOR,
    MOST_OPEN,
    Check,
    KnownBreach,
    MonitorPage,
    MonitorState,
)
from authrim.store.sqlite._followers import POSITION, SAVE
from authrim.store.sqlite.clock import Clock
from authrim.store.sqlite.lane import Lane
from authrim.store.sqlite.writes import in_transaction
from projections.monitor.questions import Answers, Checked, LogRow, Question, States, Streams
from projections.monitor.rules import Breach
from projections.rows import key_range

T = TypeVar("T")

# Text that is no UTF-8 has to be read before it can be named (authrim/store/sqlite/reads.py).
_EVENT: Final = "position, CAST(stream_id AS BLOB), version, CAST(type AS BLOB), payload, recorded_at"
_LOG: Final = f"SELECT {_EVENT} FROM events WHERE position > ? ORDER BY position LIMIT ?"  # noqa: S608
_STREAMS: Final = f"""
    SELECT {_EVENT} FROM events
    WHERE stream_id IN (SELECT value FROM json_each(?)) AND position < ? ORDER BY stream_id, version
"""  # noqa: S608
_STATES: Final = (
    "SELECT stream, document FROM monitor_states WHERE stream IN (SELECT value FROM json_each(?))"
)
_ACTIVE: Final = "SELECT key FROM tokens WHERE key >= ? AND key < ? AND revoked_at IS NULL"
_WAITING: Final = "SELECT recorded_at FROM events WHERE position = ?"
_ROWS: Final = "SELECT (SELECT position FROM head), (SELECT count(*) FROM monitor_states)"


_MARKS: Final = tuple(f"?{number}" for number in range(1, 8))
_ADD: Final = sql.marked(sql.ADD, *_MARKS)
_TELL: Final = sql.marked(sql.TELL, *_MARKS)
_MARK: Final = sql.marked(sql.MARK, *_MARKS)
_ACKNOWLEDGE: Final = sql.marked(sql.ACKNOWLEDGE, *_MARKS)
_PUT: Final = sql.PUT.format(rows="VALUES (?, ?, ?)")


class SQLiteMonitor:
    """``MonitorStore`` on one file."""

    def __init__(self, writer: Lane, scans: Lane, clock: Clock) -> None:
        self._writer = writer
        self._scans = scans
        self._clock = clock

    async def run_page(
        self,
        limit: int,
        check: Check,
        *,
        wait: bool = False,  # noqa: ARG002 - whoever writes has always waited for the file's write lock
    ) -> MonitorPage:
        """One page in one transaction."""
        return await self._write(partial(_page, limit=limit, check=check))

    async def state(self) -> MonitorState:
        """How far the monitor is."""
        return await self._scans.run(_state, self._clock.now())

    async def breaches(
        self, limit: int, *, untold: bool = False, closed: bool = False
    ) -> Sequence[KnownBreach]:
        """Open breaches, those that are not in the log yet, or all."""
        query = sql.marked(sql.reading(untold=untold, closed=closed), *_MARKS)
        return [sql.known_breach(row) for row in await self._scans.run(_all, query, (limit,))]

    async def breach(self, breach: str) -> KnownBreach | None:
        """One breach by its id."""
        rows = await self._scans.run(_all, sql.marked(sql.ONE, *_MARKS), (breach,))
        return sql.known_breach(rows[0]) if rows else None

    async def add(self, breaches: Sequence[Breach]) -> Sequence[Breach]:
        """Keep breaches; those that were not known before."""
        return await self._write(partial(_add, breaches=breaches))

    async def mark_told(self, breach: str, position: int) -> None:
        """The alarm of a breach is in the log."""
        await self._write(lambda connection, _now: connection.execute(_MARK, (breach, position)).rowcount)

    async def begin_again(self) -> None:
        """Forget the rows and the position."""
        await self._write(lambda connection, _now: _forget(connection))

    async def _write(self, work: Callable[[sqlite3.Connection, int], T]) -> T:
        return await self._writer.run(in_transaction, work, self._clock.now())


def _page(connection: sqlite3.Connection, now: int, *, limit: int, check: Check) -> MonitorPage:
    saved = connection.execute(POSITION, (MONITOR,)).fetchone()
    position = 0 if saved is None else int(saved[0])
    events = _events(connection, _LOG, (position, limit))
    if not events:
        return MonitorPage(position, 0)
    checked = _answered(connection, check(events))
    new = _keep(connection, checked, now)
    position = events[-1].position
    connection.execute(SAVE, (MONITOR, position))
    return MonitorPage(position, len(events), new)


def _events(connection: sqlite3.Connection, query: str, parameters: Sequence[Any]) -> list[LogRow]:
    return [
        LogRow(at, stream.decode(errors="replace"), version, type_.decode(errors="replace"), *rest)
        for at, stream, version, type_, *rest in _all(connection, query, parameters)
    ]


def _answered(connection: sqlite3.Connection, answers: Answers) -> Checked:
    """Run a check, answering what it asks for."""
    try:
        question = next(answers)
        while True:
            question = answers.send(_answer(connection, question))
    except StopIteration as done:
        checked: Checked = done.value
        return checked


def _answer(connection: sqlite3.Connection, question: Question) -> Any:
    match question:
        case States():
            return dict(_all(connection, _STATES, (json.dumps(question.streams),)))
        case Streams():
            return _events(connection, _STREAMS, (json.dumps(question.streams), question.before))
        case _:
            return [
                key for wanted in question.keys for (key,) in _all(connection, _ACTIVE, key_range(wanted))
            ]


def _keep(connection: sqlite3.Connection, checked: Checked, now: int) -> Sequence[Breach]:
    connection.executemany(_PUT, checked.puts)
    connection.executemany("DELETE FROM monitor_states WHERE stream = ?", [(key,) for key in checked.drops])
    new = _add(connection, now, breaches=checked.breaches)
    told = [(*sql.breach_row(told.breach), now, told.position) for told in checked.told]
    connection.executemany(_TELL, told)
    connection.executemany(_ACKNOWLEDGE, [(breach, now) for breach in checked.acknowledged])
    return new


def _add(connection: sqlite3.Connection, now: int, *, breaches: Sequence[Breach]) -> Sequence[Breach]:
    added = []
    for breach in breaches:
        if connection.execute(_ADD, (*sql.breach_row(breach), now, MOST_OPEN)).fetchall():
            added.append(breach)
    return added


def _forget(connection: sqlite3.Connection) -> None:
    states, position = sql.FORGET
    connection.execute(states)
    connection.execute(sql.marked(position, *_MARKS), (MONITOR,))


def _state(connection: sqlite3.Connection, now: int) -> MonitorState:
    saved = connection.execute(POSITION, (MONITOR,)).fetchone()
    position = 0 if saved is None else int(saved[0])
    waiting = connection.execute(_WAITING, (position + 1,)).fetchone()
    head, rows = connection.execute(_ROWS).fetchone()
    return MonitorState(position, None if waiting is None else int(waiting[0]), head, now, rows)


def _all(connection: sqlite3.Connection, query: str, parameters: Sequence[Any]) -> list[Any]:
    with closing(connection.execute(query, parameters)) as rows:
        return rows.fetchall()
