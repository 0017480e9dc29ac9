"""The outbox on SQLite: changes run in the writer's thread, lists in that of scans."""

import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Final, TypeVar

from authrim.store import _deliveries_sql as sql
from authrim.store._deliveries_sql import for_sqlite
from authrim.store.contract import StoredEvent
from authrim.store.outbox_contract import (
    Chosen,
    DeliveryRow,
    FanOut,
    FanOutPage,
    NewDelivery,
    ReceiverRow,
    Retried,
    Settlement,
    TakenReceiver,
    WaitingDelivery,
)
from authrim.store.sqlite._followers import POSITION, SAVE
from authrim.store.sqlite.clock import Clock
from authrim.store.sqlite.lane import Lane
from authrim.store.sqlite.reads import read_types
from authrim.store.sqlite.writes import in_transaction

T = TypeVar("T")

_HEAD: Final = "SELECT position FROM head"


class SQLiteOutbox:
    """``OutboxStore`` on one file."""

    def __init__(self, writer: Lane, scans: Lane, clock: Clock) -> None:
        self._writer = writer
        self._scans = scans
        self._clock = clock

    async def add(self, deliveries: Sequence[NewDelivery], settled: Sequence[int] = ()) -> None:
        """Add messages and end rows of the projection."""
        await self._write(partial(_add, deliveries=deliveries, settled=settled))

    async def run_page(
        self, name: str, event_types: Collection[str], limit: int, fan_out: FanOut, *, start: int = 0
    ) -> FanOutPage:
        """One page in one transaction."""
        work = partial(_page, name=name, types=list(event_types), limit=limit, fan_out=fan_out, start=start)
        return await self._write(work)

    async def position(self, name: str) -> int:
        """A saved position."""
        rows = await self._read(sql.POSITION, name)
        return int(rows[0][0]) if rows else 0

    async def advance(self, name: str, before: int, after: int) -> bool:
        """Save another position."""
        advanced = partial(_all, query=sql.ADVANCE, parameters=(name, before, after))
        return bool(await self._write(advanced))

    async def take(
        self, holder: str, kinds: Collection[str], receivers: int, each: int, lease: int
    ) -> Sequence[TakenReceiver]:
        """Receivers that are due. The writer is asked only when there are some."""
        if not await self._read(sql.ANY_DUE, list(kinds)):
            return []
        return await self._write(
            partial(_take, wanted=(json.dumps(list(kinds)), receivers, lease, holder), each=each)
        )

    async def settle(self, key: str, holder: str, settlement: Settlement) -> bool:
        """Write down what became of a receiver, and give it back."""
        return await self._write(partial(_settle, key=key, holder=holder, settlement=settlement))

    async def find(self, key: str) -> DeliveryRow | None:
        """One message."""
        rows = await self._read(sql.FIND, key)
        return DeliveryRow(*rows[0]) if rows else None

    async def first_waiting(self, until: int) -> DeliveryRow | None:
        """The waiting message of the earliest event."""
        rows = await self._read(sql.FIRST_WAITING, until)
        return DeliveryRow(*rows[0]) if rows else None

    async def listed(self, chosen: Chosen, after: str, limit: int) -> Sequence[DeliveryRow]:
        """Messages in the order of their keys."""
        return [DeliveryRow(*row) for row in await self._read(sql.LISTED, *sql.listing(chosen, after, limit))]

    async def receivers(self, after: str, limit: int) -> Sequence[ReceiverRow]:
        """Receivers in the order of their keys."""
        return [ReceiverRow(*row) for row in await self._read(sql.RECEIVERS, after, limit)]

    async def due(self, receiver: str, limit: int) -> Sequence[WaitingDelivery]:
        """The messages of one receiver that are due."""
        return [WaitingDelivery(*row) for row in await self._read(sql.DUE, receiver, limit)]

    async def give_up(self, key: str, dead: Sequence[Retried]) -> None:  # noqa: ARG002 - nobody writes beside the writer
        """Write down that messages of a receiver are dead."""
        await self._write(partial(_give_up, dead=dead))

    async def retry(self, keys: Sequence[str]) -> Sequence[str]:
        """Let messages wait again as if they were new."""
        return await self._write(partial(_retry, keys=keys))

    async def discard(self, keys: Sequence[str]) -> Sequence[str]:
        """Take messages away."""
        return [key for (key,) in await self._write(partial(_all, query=sql.DISCARD, parameters=(keys,)))]

    async def forget(self, receiver: str) -> int:
        """Take away a receiver with all its messages."""
        return await self._write(partial(_forget, receiver=receiver))

    async def sweep(self, kept: int, limit: int) -> int:
        """Take away messages that were given up long ago."""
        return await self._write(partial(_sweep, kept=kept, limit=limit))

    async def _read(self, query: str, *parameters: Any) -> list[Any]:
        return await self._scans.run(_all, self._clock.now(), query=query, parameters=parameters)

    async def _write(self, work: Callable[[sqlite3.Connection, int], T]) -> T:
        return await self._writer.run(in_transaction, work, self._clock.now())


def _all(connection: sqlite3.Connection, now: int, *, query: str, parameters: Sequence[Any]) -> list[Any]:
    values = [json.dumps(one) if isinstance(one, list | tuple) else one for one in parameters]
    with closing(connection.execute(for_sqlite(query), (now, *values))) as rows:
        return rows.fetchall()


def _add(
    connection: sqlite3.Connection,
    now: int,
    *,
    deliveries: Sequence[NewDelivery],
    settled: Sequence[int] = (),
) -> None:
    connection.executemany(for_sqlite(sql.WAKE), [(now, *one) for one in sql.receivers_of(deliveries)])
    connection.executemany(for_sqlite(sql.ADD), [(now, *one) for one in sql.messages_of(deliveries)])
    connection.executemany(for_sqlite(sql.END_ROW), [(now, position) for position in settled])


def _page(
    connection: sqlite3.Connection, now: int, *, name: str, types: list[str], limit: int, fan_out: FanOut, start: int
) -> FanOutPage:  # fmt: skip
    saved = connection.execute(POSITION, (name,)).fetchone()
    before = max(start, 0 if saved is None else int(saved[0]))
    until = min(connection.execute(_HEAD).fetchone()[0], before + limit)
    if until <= before:
        return FanOutPage(before, 0)
    events: Sequence[StoredEvent] = read_types(connection, before, until, types)
    made = fan_out(events)
    _add(connection, now, deliveries=made)
    connection.execute(SAVE, (name, until))
    return FanOutPage(until, until - before, len(made))


def _take(
    connection: sqlite3.Connection, now: int, *, wanted: tuple[Any, ...], each: int
) -> list[TakenReceiver]:
    taken = connection.execute(for_sqlite(sql.TAKE), (now, *wanted)).fetchall()
    return [
        TakenReceiver(key, tenant, kind, receiver, failures, now, _due(connection, now, key, each))
        for key, tenant, kind, receiver, failures, now in taken
    ]


def _due(connection: sqlite3.Connection, now: int, receiver: str, limit: int) -> list[WaitingDelivery]:
    rows = _all(connection, now, query=sql.DUE, parameters=(receiver, limit))
    return [WaitingDelivery(*row) for row in rows]


def _settle(
    connection: sqlite3.Connection, now: int, *, key: str, holder: str, settlement: Settlement
) -> bool:
    _all(connection, now, query=sql.DONE, parameters=(settlement.done,))
    connection.executemany(for_sqlite(sql.RETRY_LATER), [(now, *one) for one in sql.later_of(settlement)])
    _give_up(connection, now, dead=settlement.retried)
    released = _all(
        connection,
        now,
        query=sql.RELEASE,
        parameters=(key, holder, settlement.failures, settlement.pause),
    )
    return bool(released and released[0][0])


def _give_up(connection: sqlite3.Connection, now: int, *, dead: Sequence[Retried]) -> None:
    connection.executemany(for_sqlite(sql.DEAD), [(now, *one) for one in sql.dead_of(dead)])


def _retry(connection: sqlite3.Connection, now: int, *, keys: Sequence[str]) -> list[str]:
    retried = _all(connection, now, query=sql.RETRY, parameters=(keys,))
    _all(connection, now, query=sql.TRY_AT_ONCE, parameters=([receiver for _, receiver in retried],))
    return [key for key, _ in retried]


def _forget(connection: sqlite3.Connection, now: int, *, receiver: str) -> int:
    gone = _all(connection, now, query=sql.FORGET_MESSAGES, parameters=(receiver,))
    _all(connection, now, query=sql.FORGET, parameters=(receiver,))
    return len(gone)


def _sweep(connection: sqlite3.Connection, now: int, *, kept: int, limit: int) -> int:
    gone = _all(connection, now, query=sql.SWEEP, parameters=(kept, limit))
    connection.execute(sql.SWEEP_RECEIVERS)
    return len(gone)
