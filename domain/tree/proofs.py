"""Proofs that an event is in the log, and that a log is the beginning of another (RFC 6962 §2.1.1, §2.1.2).

A proof is a list of hashes. Each is the root over a range of leaves: ``inclusion_ranges`` and ``consistency_ranges``
say over which, ``tiles_of`` which tiles they need, and ``root_of`` computes one. ``verify_inclusion`` and
``verify_consistency`` (RFC 9162 §2.1.3.2, §2.1.4.2) share none of that.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from domain.tree.hashing import EMPTY_ROOT, HASH_BYTES, node_hash, perfect_root
from domain.tree.tiles import HEIGHT, WIDTH, Coordinates, hashes_of

#: The root over so few hashes of a tile is not worth remembering.
_FEW: Final = 4


class Range(NamedTuple):
    """The leaves from ``start`` to before ``end``."""

    start: int
    end: int


class MissingTile(LookupError):
    """A tile is absent or too short for the tree that it should belong to."""

    def __init__(self, tile: Coordinates) -> None:
        super().__init__(f"the tile {tile.level}/{tile.number} is missing or too short")
        self.tile = tile


class _Node(NamedTuple):
    """The root over the leaves ``number * 2**level`` to before ``(number + 1) * 2**level``."""

    level: int
    number: int

    @property
    def tile(self) -> Coordinates:
        return Coordinates(self.level // HEIGHT, self._first // WIDTH)

    @property
    def offset(self) -> int:
        return self._first % WIDTH

    @property
    def width(self) -> int:
        return 1 << (self.level % HEIGHT)

    @property
    def _first(self) -> int:
        return self.number << (self.level % HEIGHT)


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """What the proof of leaf ``index`` in a tree of ``size`` leaves is made of. Raises ValueError."""
    if not 0 <= index < size:
        raise ValueError("the tree has no such leaf")
    path: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(start, middle))
            start = middle
    return path[::-1]


def consistency_ranges(old: int, size: int) -> list[Range]:
    """What the proof is made of that ``old`` leaves are the beginning of a tree of ``size``. Raises ValueError."""
    if not 0 <= old <= size:
        raise ValueError("the tree has never been of this size")
    if old in (0, size):
        return []
    path: list[Range] = []
    start, end, known = 0, size, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(start, middle))
            start, known = middle, False
    if not known:
        path.append(Range(start, end))
    return path[::-1]


def tiles_of(ranges: Iterable[Range]) -> list[Coordinates]:
    """The tiles that the roots over some ranges are computed from, each once."""
    return list(dict.fromkeys(node.tile for part in ranges for node in _nodes(part)))


def root_of(leaves: Range, tiles: Mapping[Coordinates, bytes]) -> bytes:
    """The root over a range of leaves, from the tiles. A tile may have more hashes than are needed. Raises
    MissingTile."""
    return _root_of(leaves, tiles, {})


def proof_of(ranges: Sequence[Range], tiles: Mapping[Coordinates, bytes]) -> list[bytes]:
    """The hashes of a proof. Raises MissingTile."""
    return proofs_of([ranges], tiles)[0]


def proofs_of(proofs: Iterable[Sequence[Range]], tiles: Mapping[Coordinates, bytes]) -> list[list[bytes]]:
    """The hashes of many proofs. What they have in common is computed once. Raises MissingTile."""
    known: dict[_Node, bytes] = {}
    return [[_root_of(part, tiles, known) for part in ranges] for ranges in proofs]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether ``leaf`` is the leaf ``index`` of the tree with this size and root (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return False
    first, last, made = index, size - 1, leaf
    for hash_ in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            made = node_hash(hash_, made)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            made = node_hash(made, hash_)
        first, last = first >> 1, last >> 1
    return last == 0 and made == root


def verify_consistency(old: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes) -> bool:
    """Whether the tree of ``old`` leaves is the beginning of the one of ``size`` (RFC 9162 §2.1.4.2)."""
    if not 0 <= old <= size:
        return False
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if old == size:
        return not proof and old_root == root
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    first, last = old - 1, size - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    made_old = made = path[0]
    for hash_ in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            made_old, made = node_hash(hash_, made_old), node_hash(hash_, made)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            made = node_hash(made, hash_)
        first, last = first >> 1, last >> 1
    return last == 0 and made_old == old_root and made == root


def _split(count: int) -> int:
    """The largest power of two that is smaller than ``count``."""
    return 1 << ((count - 1).bit_length() - 1)


def _nodes(leaves: Range) -> list[_Node]:
    """The perfect subtrees that a range of a proof consists of, from left to right."""
    nodes: list[_Node] = []
    start, left = leaves.start, leaves.end - leaves.start
    while left > 0:
        level = left.bit_length() - 1
        nodes.append(_Node(level, start >> level))
        start, left = start + (1 << level), left - (1 << level)
    return nodes


def _root_of(leaves: Range, tiles: Mapping[Coordinates, bytes], known: dict[_Node, bytes]) -> bytes:
    root: bytes | None = None
    for node in reversed(_nodes(leaves)):
        hash_ = _hash_of(node, tiles, known)
        root = hash_ if root is None else node_hash(hash_, root)
    return EMPTY_ROOT if root is None else root


def _hash_of(node: _Node, tiles: Mapping[Coordinates, bytes], known: dict[_Node, bytes]) -> bytes:
    """The hash of a node, which is ``known`` afterwards unless it is over a few hashes of a tile only."""
    if node.width > _FEW:
        if node not in known:
            left, right = (_Node(node.level - 1, 2 * node.number + side) for side in (0, 1))
            known[node] = node_hash(_hash_of(left, tiles, known), _hash_of(right, tiles, known))
        return known[node]
    first = node.offset * HASH_BYTES
    piece = tiles.get(node.tile, b"")[first : first + node.width * HASH_BYTES]
    if len(piece) < node.width * HASH_BYTES:
        raise MissingTile(node.tile)
    return perfect_root(hashes_of(piece))
