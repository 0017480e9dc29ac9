"""The outbox on PostgreSQL: receivers are taken with ``SKIP LOCKED``, so that processes do not wait for each other."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import asyncpg

from authrim.store import _deliveries_sql as sql
from authrim.store._deliveries_sql import for_postgres
from authrim.store._guard_rows import findable
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
from authrim.store.postgres._followers import POSITION, SAVE, TRY_LOCK, Followers
from authrim.store.postgres.connections import Connections
from authrim.store.postgres.reads import PART_OF_TYPES

_HEAD: Final = "SELECT position FROM head WHERE id = 1"


class PostgresOutbox:
    """``OutboxStore`` on one database schema."""

    def __init__(self, connections: Connections, followers: Followers) -> None:
        self._connections = connections
        self._followers = followers

    async def add(self, deliveries: Sequence[NewDelivery], settled: Sequence[int] = ()) -> None:
        """Add messages and end rows of the projection."""

        async def work(connection: asyncpg.Connection) -> None:
            await _add(connection, deliveries)
            await _each(connection, sql.END_ROW, [(position,) for position in settled])

        await self._connections.in_transaction(work)

    async def run_page(
        self, name: str, event_types: Collection[str], limit: int, fan_out: FanOut, *, start: int = 0
    ) -> FanOutPage:
        """One page in one transaction, on the connection of the followers."""

        async def work(connection: asyncpg.Connection) -> FanOutPage:
            async with connection.transaction():
                if not await connection.fetchval(TRY_LOCK, name):
                    return FanOutPage(0, 0, busy=True)
                before = max(start, await connection.fetchval(POSITION, name) or 0)
                until = min(await connection.fetchval(_HEAD), before + limit)
                if until <= before:
                    return FanOutPage(before, 0)
                rows = await connection.fetch(PART_OF_TYPES, before, until, list(event_types))
                made = fan_out([StoredEvent(*row) for row in rows])
                await _add(connection, made)
                await connection.execute(SAVE, name, until)
            return FanOutPage(until, until - before, len(made))

        return await self._followers.run(work)

    async def position(self, name: str) -> int:
        """A saved position."""
        rows = await self._read(sql.POSITION, name)
        return int(rows[0][0]) if rows else 0

    async def advance(self, name: str, before: int, after: int) -> bool:
        """Save another position."""
        return bool(await self._read(sql.ADVANCE, name, before, after))

    async def take(
        self, holder: str, kinds: Collection[str], receivers: int, each: int, lease: int
    ) -> Sequence[TakenReceiver]:
        """Receivers that are due."""
        taken = await self._connections.fetch(for_postgres(sql.TAKE), list(kinds), receivers, lease, holder)
        if not taken:
            return []
        due: dict[str, list[WaitingDelivery]] = {row[0]: [] for row in taken}
        for receiver, *delivery in await self._connections.fetch(sql.DUE_OF_ALL, list(due), each):
            due[receiver].append(WaitingDelivery(*delivery))
        return [
            TakenReceiver(key, tenant, kind, receiver, failures, now, due[key])
            for key, tenant, kind, receiver, failures, now in taken
        ]

    async def settle(self, key: str, holder: str, settlement: Settlement) -> bool:
        """Write down what became of a receiver, and give it back."""

        async def work(connection: asyncpg.Connection) -> bool:
            await connection.execute(for_postgres(sql.LOCK), key)
            await connection.execute(for_postgres(sql.DONE), settlement.done)
            await _each(connection, sql.RETRY_LATER, sql.later_of(settlement))
            await _each(connection, sql.DEAD, sql.dead_of(settlement.retried))
            released = (key, holder, settlement.failures, settlement.pause)
            return bool(await connection.fetchval(for_postgres(sql.RELEASE), *released))

        return await self._connections.in_transaction(work)

    async def find(self, key: str) -> DeliveryRow | None:
        """One message."""
        rows = await self._read(sql.FIND, findable(key))
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

    async def give_up(self, key: str, dead: Sequence[Retried]) -> None:
        """Write down that messages of a receiver are dead."""

        async def work(connection: asyncpg.Connection) -> None:
            await connection.execute(for_postgres(sql.LOCK), key)
            await _each(connection, sql.DEAD, sql.dead_of(dead))

        await self._connections.in_transaction(work)

    async def retry(self, keys: Sequence[str]) -> Sequence[str]:
        """Let messages wait again as if they were new."""

        async def work(connection: asyncpg.Connection) -> list[str]:
            await connection.execute(for_postgres(sql.LOCK_OF), keys)
            retried = await connection.fetch(for_postgres(sql.RETRY), keys)
            await connection.execute(for_postgres(sql.TRY_AT_ONCE), [receiver for _, receiver in retried])
            return [key for key, _ in retried]

        return await self._connections.in_transaction(work)

    async def discard(self, keys: Sequence[str]) -> Sequence[str]:
        """Take messages away."""

        async def work(connection: asyncpg.Connection) -> list[str]:
            await connection.execute(for_postgres(sql.LOCK_OF), keys)
            return [key for (key,) in await connection.fetch(for_postgres(sql.DISCARD), keys)]

        return await self._connections.in_transaction(work)

    async def forget(self, receiver: str) -> int:
        """Take away a receiver with all its messages."""

        async def work(connection: asyncpg.Connection) -> int:
            await connection.execute(for_postgres(sql.LOCK), receiver)
            gone = await connection.fetch(for_postgres(sql.FORGET_MESSAGES), receiver)
            await connection.execute(for_postgres(sql.FORGET), receiver)
            return len(gone)

        return await self._connections.in_transaction(work)

    async def sweep(self, kept: int, limit: int) -> int:
        """Take away messages that were given up long ago."""
        gone = await self._read(sql.SWEEP, kept, limit)
        await self._read(sql.SWEEP_RECEIVERS)
        return len(gone)

    async def _read(self, statement: str, *parameters: Any) -> list[Any]:
        return await self._connections.fetch(for_postgres(statement), *parameters)


async def _add(connection: asyncpg.Connection, deliveries: Sequence[NewDelivery]) -> None:
    await _each(connection, sql.WAKE, sql.receivers_of(deliveries))
    await _each(connection, sql.ADD, sql.messages_of(deliveries))


async def _each(connection: asyncpg.Connection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Execute a statement for each row. Without any, asyncpg would begin the statement and not end it: PostgreSQL waits
    then, with all locks, as long as the process stands still, and does not take that for an idle transaction (F17)."""
    if rows:
        await connection.executemany(for_postgres(statement), rows)
