"""Writes a large log to a PostgreSQL database in bulk. The indexes are made when all rows are there."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from authrim.audit.follow import FOLLOWED, NAMES, Follower
from authrim.audit.tree import TreeFollower
from authrim.store.postgres.store import PostgresStore
from bench.scale.log import Chunk, LogMaker, Size
from bench.scale.stamp import Sample
from domain.tree.tiles import Coordinates, edge, grow
from domain.units import HOUR
from projections.expiry import TOKEN_KEPT
from projections.tree import tile_key

#: Indexes that are no constraint. Those are made last.
_INDEXES: Final = """
    SELECT c.relname AS name, pg_get_indexdef(i.indexrelid) AS definition
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE c.relnamespace = 'authrim'::regnamespace AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = c.oid)
"""
_TILE: Final = """
    INSERT INTO authrim.tiles (key, hashes) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET hashes = excluded.hashes
"""
_FOLLOWER: Final = """
    INSERT INTO authrim.followers (name, position) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position
"""
_SERVICES: Final = """
    SELECT client_id FROM authrim.clients WHERE document LIKE '%"client_credentials"%' ORDER BY client_id
"""
#: What a server would have deleted in the meantime, of what the tail wrote.
_LEAVE: Final = f"""
    DELETE FROM authrim.tokens
    WHERE leaves_at IS NULL AND expires_at <= extract(epoch FROM now())::BIGINT - {TOKEN_KEPT}
"""
#: How many expired tokens will still be there in half an hour.
_STAYING: Final = f"""
    SELECT count(*) FROM authrim.tokens
    WHERE expires_at BETWEEN extract(epoch FROM now())::BIGINT - {HOUR // 2} AND extract(epoch FROM now())::BIGINT
"""


async def write(dsn: str, samples: Mapping[str, Sample], size: Size) -> int:
    """Write a log of that size to a database that has the schema and nothing else; its last position."""
    maker = LogMaker(samples, size)
    async with _connections(dsn) as connections:
        one = connections[0]
        indexes = await one.fetch(_INDEXES)
        for index in indexes:
            await one.execute(f"DROP INDEX authrim.{index['name']}")
        await _Writer(connections).write(maker.chunks())
        for index in indexes:
            await one.execute(index["definition"])
        await _finish(one, maker)
    return maker.position


async def refresh(dsn: str, samples: Mapping[str, Sample], size: Size) -> int:
    """Write the tokens that expired a moment ago again, in a log that was made some time ago, unless they are still
    there; the last position. The older ones have left, as they do."""
    await _follow(dsn)
    async with _connections(dsn) as connections:
        one = connections[0]
        head = await one.fetchrow("SELECT position, chain_hash, changed_at FROM authrim.head")
        if await one.fetchval(_STAYING) >= size.expired:
            return int(head["position"])
        await one.execute(_LEAVE)
        maker = LogMaker(samples, size, position=head["position"], chain=head["chain_hash"])
        maker.changed_at = head["changed_at"]
        keys = {tile_key(tile): tile for tile in edge(maker.position)}
        stored = await one.fetch("SELECT key, hashes FROM authrim.tiles WHERE key = ANY($1)", list(keys))
        writer = _Writer(connections, maker.position, {keys[row["key"]]: row["hashes"] for row in stored})
        services = [row["client_id"] for row in await one.fetch(_SERVICES)]
        await writer.write(maker.tail(services))
        await _finish(one, maker)
    return maker.position


async def _follow(dsn: str) -> None:
    """Bring up to date what a server left behind when it was stopped. What the monitor had not seen, it passes over."""
    store = PostgresStore(dsn)
    await store.open()
    try:
        for projection in FOLLOWED:
            await Follower(store, projection).catch_up()
        await TreeFollower(store).catch_up()
    finally:
        await store.close()


class _Writer:
    """Copies rows, and lets the tree grow."""

    def __init__(
        self, connections: Sequence[Any], size: int = 0, partial: Mapping[Coordinates, bytes] | None = None
    ) -> None:
        self._connections = connections
        self._size = size
        self._partial = dict(partial or {})

    async def write(self, chunks: Iterator[Chunk]) -> None:
        """Copy all chunks. The next one is made while PostgreSQL writes."""
        gc.disable()  # millions of rows without a cycle
        try:
            chunk = await asyncio.to_thread(next, chunks, None)
            while chunk is not None:
                following = asyncio.create_task(asyncio.to_thread(next, chunks, None))
                await self._copy(chunk)
                chunk = await following
        finally:
            gc.enable()

    async def _copy(self, chunk: Chunk) -> None:
        (events, others) = self._connections
        first = [item for item in chunk.rows.items() if item[0][0] == "events"]
        rest = [item for item in chunk.rows.items() if item[0][0] != "events"]
        await asyncio.gather(_copy_rows(events, first), self._copy_beside(others, rest, chunk.leaves))

    async def _copy_beside(self, connection: Any, items: Any, leaves: list[bytes]) -> None:
        await _copy_rows(connection, items)
        tiles = grow(self._size, self._partial, leaves)
        self._size += len(leaves)
        ends = set(edge(self._size))
        self._partial = {tile: hashes for tile, hashes in {**self._partial, **tiles}.items() if tile in ends}
        await connection.executemany(_TILE, [(tile_key(tile), hashes) for tile, hashes in tiles.items()])


async def _copy_rows(connection: Any, items: Any) -> None:
    for (table, columns), rows in items:
        if rows:
            await connection.copy_records_to_table(
                table, records=rows, columns=columns, schema_name="authrim"
            )


async def _finish(connection: Any, maker: LogMaker) -> None:
    """Say how far everything is, and let PostgreSQL look at what it has."""
    await connection.execute(
        "UPDATE authrim.head SET position = $1, chain_hash = $2, changed_at = $3",
        maker.position, maker.chain, maker.changed_at,
    )  # fmt: skip
    await connection.executemany(_FOLLOWER, [(name, maker.position) for name in NAMES])
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")


@asynccontextmanager
async def _connections(dsn: str) -> AsyncIterator[list[Any]]:
    """Two connections for bulk work."""
    settings = {"synchronous_commit": "off", "maintenance_work_mem": "1GB", "jit": "off"}
    opened = [await asyncpg.connect(dsn, server_settings=settings) for _ in range(2)]
    try:
        yield opened
    finally:
        for connection in opened:
            await connection.close()
