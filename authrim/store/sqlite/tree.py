"""The tree over the log on SQLite."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from authrim.store import tree_sql as sql
from authrim.store.read_back import SignedCheckpoint, TreePage
from authrim.store.sqlite._followers import POSITION, SAVE, write_rows
from authrim.store.sqlite.lane import Lane
from authrim.store.tree_sql import Leaf
from domain.tree.tiles import Coordinates
from projections.tree import NAME, TILES, tile_key

LEAVES: Final = sql.LEAVES.format(after="?", limit="?")
_TILES: Final = sql.TILES.format(keys="IN (SELECT value FROM json_each(?))")
_LAST_CHECKPOINT: Final = sql.LAST_CHECKPOINT.format(cosignatures="?")


class SQLiteTree:
    """``LogTree`` on one file."""

    def __init__(self, writer: Lane, scans: Lane) -> None:
        self._writer = writer
        self._scans = scans

    async def grow(self, limit: int, *, wait: bool = False) -> TreePage:  # noqa: ARG002 - whoever writes has waited
        """Add the next leaves, in one transaction."""
        return await self._writer.run(_grow, limit)

    async def size(self) -> int:
        """The size of the tree."""
        rows = await self._scans.run(_all, POSITION, (NAME,))
        return int(rows[0][0]) if rows else 0

    async def tiles(self, wanted: Sequence[Coordinates]) -> Mapping[Coordinates, bytes]:
        """The hashes of tiles."""
        return sql.by_coordinates(wanted, await self._scans.run(_stored, wanted))

    async def leaf(self, position: int) -> Leaf | None:
        """What the tree takes of an event."""
        rows = await self._scans.run(_all, LEAVES, (position - 1, 1))
        return Leaf(*rows[0]) if rows and rows[0][0] == position else None

    async def clear(self) -> None:
        """Take away all tiles."""
        await self._writer.run(_clear)

    async def last_checkpoint(self, cosignatures: int = 0) -> SignedCheckpoint | None:
        """The newest checkpoint with at least so many cosignatures."""
        rows = await self._scans.run(_all, _LAST_CHECKPOINT, (cosignatures,))
        return SignedCheckpoint(*rows[0]) if rows else None


def _grow(connection: sqlite3.Connection, limit: int) -> TreePage:
    connection.execute("BEGIN IMMEDIATE")
    try:
        saved = _all(connection, POSITION, (NAME,))
        size = int(saved[0][0]) if saved else 0
        again = 1 if size else 0
        leaves = [Leaf(*row) for row in _all(connection, LEAVES, (size - again, limit + again))]
        added = len(leaves) - again
        if added < 0:
            raise sql.LogDiffers(size)
        if added == 0:
            return TreePage(size, 0)
        stored = _stored(connection, sql.needed_tiles(size))
        write_rows(connection, TILES.name, TILES, sql.next_tiles(size, stored, leaves))
        connection.execute(SAVE, (NAME, size + added))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return TreePage(size + added, added)


def _clear(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(sql.NO_TILES)
        connection.execute(SAVE, (NAME, 0))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _stored(connection: sqlite3.Connection, wanted: Sequence[Coordinates]) -> dict[str, bytes]:
    return dict(_all(connection, _TILES, (json.dumps([tile_key(tile) for tile in wanted]),)))


def _all(connection: sqlite3.Connection, statement: str, values: Sequence[object]) -> list[Any]:
    with closing(connection.execute(statement, values)) as rows:
        return rows.fetchall()
