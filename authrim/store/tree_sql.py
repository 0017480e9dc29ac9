# ruff: noqa: S608 - the names in these texts are constants
"""The tree over the log for both engines: what is read for a page of it, and what the tiles are after that."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from authrim.store.contract import StoreError
from domain.tree.hashing import HASH_BYTES, event_hash
from domain.tree.tiles import WIDTH, Coordinates, edge, grow
from projections.checkpoints import TABLE as CHECKPOINTS
from projections.rows import Row
from projections.tree import tile_key, tile_row

#: Nothing of an event is read but what its leaf is made of.
LEAVES: Final = (
    "SELECT position, leaf, recorded_at FROM events WHERE position > {after} ORDER BY position LIMIT {limit}"
)
TILES: Final = "SELECT key, hashes FROM tiles WHERE key {keys}"
NO_TILES: Final = "DELETE FROM tiles"
#: Of the newest thousand, so that a demand that none meets does not read all that there ever were.
LAST_CHECKPOINT: Final = f"""
    SELECT position, size, cosignatures, note
    FROM (SELECT {", ".join(CHECKPOINTS.columns)} FROM checkpoints ORDER BY position DESC LIMIT 1000) AS newest
    WHERE cosignatures >= {{cosignatures}} ORDER BY position DESC LIMIT 1
"""


class LogDiffers(StoreError):
    """The log is not the one that its tree was made of: its rows were changed, or its end was cut off."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the log is not the one that its tree was made of, at position {position}")
        self.position = position


class Leaf(NamedTuple):
    """What the tree takes of an event."""

    position: int
    leaf: bytes
    recorded_at: int

    @property
    def hash(self) -> bytes:
        """The leaf of the tree."""
        return event_hash(self.leaf, self.recorded_at)


def needed_tiles(size: int) -> list[Coordinates]:
    """The tiles that must be read to let a tree of ``size`` leaves grow: the partial ones, and its last leaf's."""
    last = [Coordinates(0, (size - 1) // WIDTH)] if size else []
    return list(dict.fromkeys([*edge(size), *last]))


def next_tiles(size: int, stored: Mapping[str, bytes], leaves: Sequence[Leaf]) -> list[Row]:
    """The rows that change with the next leaves. The first of ``leaves`` is the last one of the tree again, when there
    is a tree: so a log whose end was cut off and written again is not taken for a continuation.

    Raises LogDiffers.
    """
    if size:
        if not leaves or leaves[0].position != size or leaves[0].hash != _last_hash(size, stored):
            raise LogDiffers(size)
        leaves = leaves[1:]
    for position, leaf in enumerate(leaves, size + 1):
        if leaf.position != position:
            raise LogDiffers(position)
    partial = {tile: stored.get(tile_key(tile), b"") for tile in edge(size)}
    try:
        changed = grow(size, partial, (leaf.hash for leaf in leaves))
    except ValueError:
        raise LogDiffers(size) from None
    return [tile_row(tile, hashes) for tile, hashes in changed.items()]


def by_coordinates(wanted: Iterable[Coordinates], stored: Mapping[str, bytes]) -> dict[Coordinates, bytes]:
    """The tiles that were found."""
    return {tile: hashes for tile in wanted if (hashes := stored.get(tile_key(tile)))}


def _last_hash(size: int, stored: Mapping[str, bytes]) -> bytes:
    tile = stored.get(tile_key(Coordinates(0, (size - 1) // WIDTH)), b"")
    first = (size - 1) % WIDTH * HASH_BYTES
    return tile[first : first + HASH_BYTES]
