"""The tree over the log on PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg

from authrim.store import tree_sql as sql
from authrim.store.postgres._followers import LOCK, POSITION, SAVE, TRY_LOCK, Followers, write_rows
from authrim.store.postgres.connections import Connections
from authrim.store.postgres.log import Fetching
from authrim.store.read_back import SignedCheckpoint, TreePage
from authrim.store.tree_sql import Leaf
from domain.tree.tiles import Coordinates
from projections.tree import NAME, TILES, tile_key

LEAVES: Final = sql.LEAVES.format(after="$1::BIGINT", limit="$2")
_TILES: Final = sql.TILES.format(keys="= ANY($1::TEXT[])")
_LAST_CHECKPOINT: Final = sql.LAST_CHECKPOINT.format(cosignatures="$1::BIGINT")


class PostgresTiles:
    """The tiles and leaves of the tree."""

    def __init__(self, fetching: Fetching) -> None:
        self._fetching = fetching

    async def tiles(self, wanted: Sequence[Coordinates]) -> Mapping[Coordinates, bytes]:
        """The hashes of tiles."""
        rows = await self._fetching.fetch(_TILES, [tile_key(tile) for tile in wanted])
        return sql.by_coordinates(wanted, dict(rows))

    async def leaf(self, position: int) -> Leaf | None:
        """What the tree takes of an event."""
        rows = await self._fetching.fetch(LEAVES, position - 1, 1)
        return Leaf(*rows[0]) if rows and rows[0]["position"] == position else None


class PostgresTree(PostgresTiles):
    """``LogTree`` on PostgreSQL. Pages run on the followers' own connection."""

    def __init__(self, connections: Connections, followers: Followers) -> None:
        super().__init__(connections)
        self._connections = connections
        self._followers = followers

    async def grow(self, limit: int, *, wait: bool = False) -> TreePage:
        """Add the next leaves, in one transaction."""

        async def page(connection: asyncpg.Connection) -> TreePage:
            return await _grow(connection, limit, wait=wait)

        return await self._followers.run(page)

    async def size(self) -> int:
        """The size of the tree."""
        rows = await self._connections.fetch(POSITION, NAME)
        return rows[0]["position"] if rows else 0

    async def clear(self) -> None:
        """Take away all tiles."""

        async def all_tiles(connection: asyncpg.Connection) -> None:
            async with connection.transaction():
                await connection.execute(LOCK, NAME)
                await connection.execute(sql.NO_TILES)
                await connection.execute(SAVE, NAME, 0)

        await self._followers.run(all_tiles)

    async def last_checkpoint(self, cosignatures: int = 0) -> SignedCheckpoint | None:
        """The newest checkpoint with at least so many cosignatures."""
        rows = await self._connections.fetch(_LAST_CHECKPOINT, cosignatures)
        return SignedCheckpoint(*rows[0]) if rows else None


async def _grow(connection: asyncpg.Connection, limit: int, *, wait: bool) -> TreePage:
    async with connection.transaction():
        if wait:
            await connection.execute(LOCK, NAME)
        elif not await connection.fetchval(TRY_LOCK, NAME):
            return TreePage(0, 0, busy=True)
        size = await connection.fetchval(POSITION, NAME) or 0
        again = 1 if size else 0
        leaves = [Leaf(*row) for row in await connection.fetch(LEAVES, size - again, limit + again)]
        added = len(leaves) - again
        if added < 0:
            raise sql.LogDiffers(size)
        if added == 0:
            return TreePage(size, 0)
        keys = [tile_key(tile) for tile in sql.needed_tiles(size)]
        stored = dict(await connection.fetch(_TILES, keys))
        await write_rows(connection, TILES.name, TILES, sql.next_tiles(size, stored, leaves))
        await connection.execute(SAVE, NAME, size + added)
    return TreePage(size + added, added)
