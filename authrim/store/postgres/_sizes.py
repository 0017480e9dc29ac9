"""How large a schema of PostgreSQL is."""

from collections.abc import Sequence
from typing import Final

from authrim.store.postgres.connections import Connections
from authrim.store.sizes_contract import MESSAGES, MessageDepth, TableSize

#: From the catalogue alone: the planner's estimate, and the sizes of files. -1: nobody has looked yet.
_TABLES: Final = """
    SELECT c.relname, CASE WHEN c.reltuples < 0 THEN NULL ELSE c.reltuples::BIGINT END, pg_total_relation_size(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') ORDER BY c.relname
"""
_DATABASE: Final = "SELECT pg_database_size(current_database())"
_MESSAGES: Final = MESSAGES.format(now="clock_us()")


class PostgresSizes:
    """``Sizes`` of one schema."""

    def __init__(self, connections: Connections, schema: str) -> None:
        self._connections = connections
        self._schema = schema

    async def database_bytes(self) -> int:
        """The database with all its schemas."""
        ((size,),) = await self._connections.fetch(_DATABASE)
        return int(size)

    async def tables(self) -> Sequence[TableSize]:
        """The tables of the schema."""
        return [TableSize(*row) for row in await self._connections.fetch(_TABLES, self._schema)]

    async def messages(self) -> Sequence[MessageDepth]:
        """What waits, by kind."""
        return [MessageDepth(*row) for row in await self._connections.fetch(_MESSAGES)]
