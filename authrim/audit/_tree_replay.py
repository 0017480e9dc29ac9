"""Makes the tree again from the log, in a shadow of its tiles."""

from typing import Final

from authrim.audit._replayed_log import ReplayedLog
from authrim.store.read_back import Shadow
from domain.tree.tiles import WIDTH, Coordinates, edge, grow
from projections.tree import NAME, TILES, tile_row

#: Leaves read at a time; with the partial tiles, what memory is bounded by.
PAGE: Final = 64 * WIDTH


class TreeReplay:
    """The tree up to where its follower has come: later leaves would be no difference."""

    def __init__(self, shadow: Shadow, log: ReplayedLog) -> None:
        self._shadow = shadow
        self._log = log
        self._size = 0
        self._edge: dict[Coordinates, bytes] = {}

    async def advance(self) -> None:
        """Add the leaves up to the follower's position as it is now, or as many as the log has."""
        position = await self._shadow.follower_position(NAME)
        while self._size < position and (
            leaves := await self._log.leaves(self._size, min(PAGE, position - self._size))
        ):
            changed = grow(self._size, self._edge, (leaf.hash for leaf in leaves))
            await self._shadow.write(TILES, [tile_row(tile, hashes) for tile, hashes in changed.items()])
            self._size += len(leaves)
            known = self._edge | changed
            self._edge = {tile: known[tile] for tile in edge(self._size)}

    async def save_size(self) -> None:
        """Let the follower go on from here: it may have been in front of a log whose end is gone."""
        await self._shadow.save_position(NAME, self._size)
