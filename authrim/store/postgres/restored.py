"""The mark of a restored database on PostgreSQL."""

import asyncio
from contextlib import suppress
from typing import Final

import asyncpg

from authrim.store import restored as sql
from authrim.store.postgres.connections import LOST, Connections
from authrim.store.restored import Restored, ahead, marked_again, restored_of

_SAVE: Final = sql.SAVE.format(document="$1")
#: Seconds until a mark that could not be written is tried again.
_AGAIN: Final = 1.0
_COMPARED: Final = """
    SELECT position, (SELECT chain_hash FROM ledger WHERE last_position = $1) AS chain_hash FROM head WHERE id = 1
"""
#: The server that gets the mark may have none.
_WITHOUT_STANDBY: Final = "SET LOCAL synchronous_commit = local"
_FOLLOW_AGAIN: Final = sql.FOLLOW_AGAIN.format(position="$1::BIGINT")


class PostgresRestoreMark:
    """``RestoreMark`` on PostgreSQL."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def read(self) -> Restored | None:
        """What was restored."""
        rows = await self._connections.fetch(sql.READ)
        return restored_of(rows[0]["document"]) if rows else None

    async def mark(self, restored: Restored) -> None:
        """Mark a database that other tools have restored."""

        async def again(connection: asyncpg.Connection) -> None:
            await mark(connection, marked_again(await _read(connection), restored))

        await self._connections.in_transaction(again)

    async def forget(self) -> None:
        """Take the mark away."""
        await self._connections.fetch(sql.FORGET)

    async def furthest(self) -> int:
        """The furthest position of a follower."""
        return int((await self._connections.fetch(sql.FURTHEST))[0]["position"])

    async def follow_again(self, position: int) -> None:
        """Let followers that are ahead go on from a position."""

        async def pull_back(connection: asyncpg.Connection) -> None:
            furthest = await connection.fetchval(sql.FURTHEST)
            if furthest > position:
                before = await _read(connection)
                await connection.execute(_FOLLOW_AGAIN, position)
                await mark(connection, ahead(before, position, furthest))

        await self._connections.in_transaction(pull_back)


async def mark(connection: asyncpg.Connection, restored: Restored) -> None:
    """Mark a database, in a transaction whose search path has the schema."""
    await connection.execute(sql.FORGET)
    await connection.execute(_SAVE, restored.document())


async def mark_longer(connections: Connections, known: int, chain_hash: bytes) -> None:
    """Mark a database whose log is known to have come to a position with a hash, and lacks that, however long it takes
    until one can be written. A database that has it, where the address leads meanwhile, is not marked."""
    while True:
        with suppress(*LOST, asyncpg.PostgresError):
            line = await connections.connect(admit=False)
            try:
                async with line.connection.transaction():
                    await line.connection.execute(_WITHOUT_STANDBY)
                    there = await line.connection.fetchrow(_COMPARED, known)
                    if there["chain_hash"] != chain_hash:
                        before = await _read(line.connection)
                        await mark(line.connection, ahead(before, there["position"], known))
                return
            finally:
                line.connection.terminate()
        await asyncio.sleep(_AGAIN)


async def _read(connection: asyncpg.Connection) -> Restored | None:
    document = await connection.fetchval(sql.READ)
    return None if document is None else restored_of(document)
