"""The hashes of the Merkle tree that a bundle needs, computed by one pass over the log."""

from collections.abc import Collection, Iterable, Mapping

from authrim.audit.bundle.damage import Damaged
from authrim.audit.bundle.verify_bundle import widths
from authrim.store.chain import PAGE, Problem
from authrim.store.contract import Store
from domain.tree.hashing import event_hash
from domain.tree.proofs import Range, proof_of, tiles_of
from domain.tree.tiles import Coordinates, edge, grow


async def hashes_of(store: Store, size: int, wanted: Iterable[list[Range]]) -> list[list[bytes]]:
    """The hashes over ranges of leaves, list by list, in the tree of the first ``size`` events."""
    lists = list(wanted)
    tiles = await _tiles(store, size, set(tiles_of(part for ranges in lists for part in ranges)))
    return [proof_of(ranges, tiles) for ranges in lists]


def subtrees(start: int, end: int) -> list[Range]:
    """The subtrees that cover the leaves from ``start`` up to ``end``."""
    ranges = []
    for width in widths(start, end):
        ranges.append(Range(start, start + width))
        start += width
    return ranges


async def _tiles(store: Store, size: int, wanted: Collection[Coordinates]) -> Mapping[Coordinates, bytes]:
    """The tiles that are wanted. No other is kept longer than it grows."""
    kept: dict[Coordinates, bytes] = {}
    growing: dict[Coordinates, bytes] = {}
    position = 0
    while wanted and position < size:
        events = await store.read_log(position, min(PAGE, size - position))
        for expected, event in enumerate(events, position + 1):
            if event.position != expected:
                raise Damaged(Problem(expected, expected, "the row is missing"))
        if not events:
            raise Damaged(Problem(position + 1, size, "the end of the log is missing"))
        growing |= grow(position, growing, [event_hash(event.leaf, event.recorded_at) for event in events])
        kept |= {tile: hashes for tile, hashes in growing.items() if tile in wanted}
        position = events[-1].position
        growing = {tile: growing[tile] for tile in edge(position)}
    return kept
