"""Roots and proofs from the stored tiles."""

from typing import NamedTuple

from authrim.store.read_back import LogTree
from domain.tree.proofs import (
    Range,
    consistency_ranges,
    inclusion_ranges,
    proof_of,
    root_of,
    tiles_of,
    verify_consistency,
)


class Consistency(NamedTuple):
    """That the tree of ``old`` leaves is the beginning of the one of ``size``."""

    old: int
    size: int
    old_root: bytes
    root: bytes
    proof: list[bytes]

    @property
    def holds(self) -> bool:
        """Whether the proof is one: also our own is not taken on trust."""
        return verify_consistency(self.old, self.size, self.proof, self.old_root, self.root)


async def read_root(tree: LogTree, size: int) -> bytes:
    """The root of the tree when it had ``size`` leaves. Raises MissingTile."""
    whole = Range(0, size)
    return root_of(whole, await tree.tiles(tiles_of([whole])))


async def prove_inclusion(tree: LogTree, index: int, size: int) -> list[bytes]:
    """The proof of a leaf in the tree of ``size`` leaves. Raises ValueError and MissingTile."""
    ranges = inclusion_ranges(index, size)
    return proof_of(ranges, await tree.tiles(tiles_of(ranges)))


async def prove_consistency(tree: LogTree, old: int, size: int) -> Consistency:
    """The proof from one size to another. Raises ValueError and MissingTile."""
    ranges = consistency_ranges(old, size)
    whole, before = Range(0, size), Range(0, old)
    tiles = await tree.tiles(tiles_of([*ranges, whole, before]))
    return Consistency(old, size, root_of(before, tiles), root_of(whole, tiles), proof_of(ranges, tiles))
