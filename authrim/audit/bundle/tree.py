"""What a bundle needs of the Merkle tree over the log."""

import asyncio
from collections.abc import Iterable

from authrim.audit.bundle.damage import Damaged
from authrim.audit.bundle.verify_bundle import widths
from authrim.audit.leaves import DIFFERS, first_differing_leaf
from authrim.audit.tree import TreeFollower
from authrim.store.chain import Problem
from authrim.store.log_reading import LogReading
from authrim.store.tree_sql import LogDiffers
from domain.tree.proofs import MissingTile, Range, proofs_of, tiles_of


async def hashes_of(store: LogReading, size: int, wanted: Iterable[list[Range]]) -> list[list[bytes]]:
    """The hashes over ranges of leaves, list by list, in the tree of the first ``size`` events. Raises Damaged."""
    lists = list(wanted)
    try:
        await TreeFollower(store).catch_up()
        tiles = await store.tree.tiles(tiles_of(part for ranges in lists for part in ranges))
        return await asyncio.to_thread(proofs_of, lists, tiles)  # long, and servers make bundles too
    except LogDiffers as differs:
        position = await first_differing_leaf(store) or differs.position
        raise Damaged(Problem(position, position, DIFFERS)) from None
    except MissingTile as missing:
        raise Damaged(Problem(1, size, str(missing))) from None


def subtrees(start: int, end: int) -> list[Range]:
    """The subtrees that cover the leaves from ``start`` up to ``end``."""
    ranges = []
    for width in widths(start, end):
        ranges.append(Range(start, start + width))
        start += width
    return ranges
