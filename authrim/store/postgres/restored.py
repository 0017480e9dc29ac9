"""The mark of a restored database on PostgreSQL."""

from typing import Final

import asyncpg

from authrim.store import restored as sql
from authrim.store.postgres.connections import Connections
from authrim.store.restored import Restored, restored_of

_SAVE: Final = sql.SAVE.format(document="$1")


class PostgresRestoreMark:
    """``RestoreMark`` on PostgreSQL."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def read(self) -> Restored | None:
        """What was restored."""
        rows = await self._connections.fetch(sql.READ)
        return restored_of(rows[0]["document"]) if rows else None

    async def forget(self) -> None:
        """Take the mark away."""
        await self._connections.fetch(sql.FORGET)


async def mark(connection: asyncpg.Connection, restored: Restored) -> None:
    """Mark a database, in a transaction whose search path has the schema."""
    await connection.execute(sql.FORGET)
    await connection.execute(_SAVE, restored.document())
