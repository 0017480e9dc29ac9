"""The followed projection ``tree``: the tiles of the Merkle tree over the log.

It is followed like the others, but a row is made from all events before it, not from one: ``domain/tree/tiles.py`` says
how the tiles of one page are made. Nothing is decoded for it. Its saved position is the size of the tree.
"""

from typing import Final

from domain.tree.tiles import WIDTH, Coordinates, TilePath, path_of
from projections.rows import Row
from projections.tables import Table

#: The name of the saved position.
NAME: Final = "tree"
#: The key is the path of the tile as if it were full.
TILES: Final = Table("tiles", ("key", "hashes"))


def tile_key(tile: Coordinates) -> str:
    """The key of a tile's row."""
    return path_of(TilePath(tile.level, tile.number, WIDTH))


def tile_row(tile: Coordinates, hashes: bytes) -> Row:
    """The row of a tile."""
    return Row(TILES.name, "put", {"key": tile_key(tile), "hashes": hashes})
