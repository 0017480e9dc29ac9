"""Tiles: the hashes of the tree in pieces of 256 (C2SP tlog-tiles).

A tile of level 0 holds leaves. Each hash of a tile above it is the root over a full tile of the level below.
The last tile of a level is partial. It only ever grows at its end, so an earlier partial tile is the beginning of it.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from domain.tree.hashing import HASH_BYTES, perfect_root

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
#: Positions of the log have 63 bits, so no tile stands higher than this (tlog-tiles allows 63).
HIGHEST_LEVEL: Final = 7

_PATH: Final = re.compile(
    r"(0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


class Coordinates(NamedTuple):
    """Where a tile is: its level, and its number within the level."""

    level: int
    number: int


class TilePath(NamedTuple):
    """What ``tile/<level>/<number>[.p/<width>]`` asks for. ``width`` is 256 for a full tile."""

    level: int
    number: int
    width: int

    @property
    def coordinates(self) -> Coordinates:
        """Where the tile is."""
        return Coordinates(self.level, self.number)


def path_of(tile: TilePath) -> str:
    """The path of a tile behind ``tile/``: ``0/x001/x234/067.p/8``."""
    digits = f"{tile.number:03d}"
    digits = digits.zfill(-len(digits) % 3 + len(digits))
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    index = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    partial = "" if tile.width == WIDTH else f".p/{tile.width}"
    return f"{tile.level}/{index}{partial}"


def read_path(path: str) -> TilePath | None:
    """The tile that a path asks for, None unless it is spelled as ``path_of`` spells it."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    level, number, width = match.groups()
    tile = TilePath(int(level), int(number.replace("x", "").replace("/", "")), int(width or WIDTH))
    return tile if path_of(tile) == path and tile.width <= WIDTH else None


def width_at(tile: Coordinates, size: int) -> int:
    """How many hashes a tile has in a tree of ``size`` leaves: 0 when it is not there, 256 when it is full."""
    return max(0, min(WIDTH, (size >> (HEIGHT * tile.level)) - tile.number * WIDTH))


def tiles_at(size: int) -> Iterable[TilePath]:
    """All tiles of a tree of ``size`` leaves, with their widths."""
    level = 0
    while (hashes := size >> (HEIGHT * level)) > 0:
        for index in range((hashes + WIDTH - 1) // WIDTH):
            yield TilePath(level, index, width_at(Coordinates(level, index), size))
        level += 1


def edge(size: int) -> list[Coordinates]:
    """The partial tiles of a tree of ``size`` leaves: what must be known to let it grow."""
    partial = []
    level = 0
    while (hashes := size >> (HEIGHT * level)) > 0:
        if hashes % WIDTH:
            partial.append(Coordinates(level, hashes // WIDTH))
        level += 1
    return partial


def grow(
    size: int, partial: Mapping[Coordinates, bytes], leaves: Iterable[bytes]
) -> dict[Coordinates, bytes]:
    """The tiles that change when leaves are added to a tree of ``size`` leaves, as they are afterwards.

    ``partial`` holds the tiles of ``edge(size)``. Raises ValueError when one is not as wide as it has to be.
    """
    changed: dict[Coordinates, bytearray] = {}
    tails = {tile.level: bytearray(_checked(tile, partial, size)) for tile in edge(size)}
    added = list(leaves)
    level, first = 0, size
    while added:
        tail = tails.get(level, bytearray())
        full: list[bytes] = []
        index = first // WIDTH
        for leaf in added:
            tail += leaf
            if len(tail) == WIDTH * HASH_BYTES:
                changed[Coordinates(level, index)] = tail
                full.append(perfect_root(hashes_of(tail)))
                tail, index = bytearray(), index + 1
        if tail:
            changed[Coordinates(level, index)] = tail
        added, level, first = full, level + 1, first // WIDTH
    return {tile: bytes(hashes) for tile, hashes in changed.items()}


def hashes_of(tile: bytes | bytearray) -> list[bytes]:
    """The hashes of a tile, one by one."""
    return [bytes(tile[i : i + HASH_BYTES]) for i in range(0, len(tile), HASH_BYTES)]


def _checked(tile: Coordinates, partial: Mapping[Coordinates, bytes], size: int) -> bytes:
    hashes = partial.get(tile, b"")
    if len(hashes) != width_at(tile, size) * HASH_BYTES:
        raise ValueError(f"the tile {tile.level}/{tile.number} has not the hashes of {size} leaves")
    return hashes
