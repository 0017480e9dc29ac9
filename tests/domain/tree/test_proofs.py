"""The Merkle tree: growth by tiles, proofs and their verification, against the definition of RFC 6962 §2.1."""

import random
from hashlib import sha256

import pytest

from domain.tree import hashing, proofs, tiles
from domain.tree.proofs import Range
from domain.tree.tiles import Coordinates, TilePath


def leaf(number: int) -> bytes:
    return hashing.event_hash(sha256(str(number).encode()).digest(), number)


LEAVES = [leaf(number) for number in range(1300)]


def defined_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word by word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256().digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + defined_root(leaves[:split]) + defined_root(leaves[split:])).digest()


def grown(sizes: list[int]) -> dict[Coordinates, bytes]:
    """The tiles after the tree grew through these sizes, one page after the other."""
    stored: dict[Coordinates, bytes] = {}
    size = 0
    for then in sizes:
        stored.update(tiles.grow(size, {tile: stored[tile] for tile in tiles.edge(size)}, LEAVES[size:then]))
        size = then
    return stored


def proof(ranges: list[Range], stored: dict[Coordinates, bytes]) -> list[bytes]:
    needed = proofs.tiles_of(ranges)
    return proofs.proof_of(ranges, {tile: stored[tile] for tile in needed})


def test_entry() -> None:
    """The leaf of an event is the RFC 6962 hash of its leaf in the hash chain and its time."""
    row = sha256(b"row").digest()
    entry = row + (1_700_000_000_000_001).to_bytes(8, "big")
    assert hashing.entry_of(row, 1_700_000_000_000_001) == entry
    assert hashing.event_hash(row, 1_700_000_000_000_001) == sha256(b"\x00" + entry).digest()
    assert hashing.leaf_hash(entry) == sha256(b"\x00" + entry).digest()


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 700, 1300])
def test_root_and_tiles(size: int) -> None:
    """The root is that of RFC 6962 §2.1, however the tree grew, and the tiles are those of tlog-tiles."""
    steps = random.Random(size)
    by_pages = grown(sorted({steps.randint(0, size) for _ in range(9)} | {size}))
    at_once = grown([size])
    assert by_pages == at_once
    assert proofs.root_of(Range(0, size), at_once) == defined_root(LEAVES[:size])
    assert {tile.coordinates: tile.width * 32 for tile in tiles.tiles_at(size)} == {
        tile: len(hashes) for tile, hashes in at_once.items()
    }


def test_tile_of_a_higher_level() -> None:
    """A hash of level 1 is the root over a full tile of level 0; a partial tile is the beginning of the later one."""
    stored = grown([1300])
    assert stored[Coordinates(1, 0)][32:64] == defined_root(LEAVES[256:512])
    assert stored[Coordinates(0, 5)].startswith(grown([1290])[Coordinates(0, 5)])


def test_growth_refuses_a_short_edge() -> None:
    """A tree does not grow on a partial tile that lacks hashes."""
    with pytest.raises(ValueError, match="0/0"):
        tiles.grow(3, {Coordinates(0, 0): LEAVES[0] + LEAVES[1]}, LEAVES[3:4])


def test_inclusion() -> None:
    """Every leaf of trees of many sizes is proved, by tiles of a later tree, and no other leaf is."""
    stored = grown([1300])
    for size in [*range(1, 40), 255, 256, 257, 513, 1300]:
        root = defined_root(LEAVES[:size])
        for index in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
            hashes = proof(proofs.inclusion_ranges(index, size), stored)
            assert proofs.verify_inclusion(index, size, LEAVES[index], hashes, root)
            assert not proofs.verify_inclusion(index, size, LEAVES[index - 1], hashes, root) or size == 1
            assert not proofs.verify_inclusion(index, size, LEAVES[index], [*hashes, root], root)
            assert not hashes or not proofs.verify_inclusion(index, size, LEAVES[index], hashes[:-1], root)
            assert not proofs.verify_inclusion(index, size, LEAVES[index], hashes, leaf(-1))


def test_many_proofs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proofs of many leaves are those of each leaf, and what they share is hashed once."""
    stored = grown([1300])
    ranges = [proofs.inclusion_ranges(index, 1300) for index in range(1300)]
    one_by_one = [proofs.proof_of(one, stored) for one in ranges]
    hashed = []

    def counted(content: bytes = b"") -> object:
        hashed.append(1)
        return sha256(content)

    monkeypatch.setattr(hashing, "sha256", counted)
    assert proofs.proofs_of(ranges, stored) == one_by_one
    assert len(hashed) < 20 * 1300


def test_consistency() -> None:
    """Every earlier tree is proved to be the beginning of a later one, and no other tree is."""
    stored = grown([1300])
    for size in [*range(1, 40), 256, 300, 1300]:
        root = defined_root(LEAVES[:size])
        for old in {0, 1, 2, 3, size // 2, size - 1, size} & set(range(size + 1)):
            old_root = defined_root(LEAVES[:old])
            hashes = proof(proofs.consistency_ranges(old, size), stored)
            assert proofs.verify_consistency(old, size, hashes, old_root, root)
            assert not proofs.verify_consistency(old, size, hashes, leaf(-1), root)
            assert not proofs.verify_consistency(old, size, hashes, old_root, leaf(-1)) or old == 0
            assert not proofs.verify_consistency(old, size, [*hashes, root], old_root, root)
            assert not hashes or not proofs.verify_consistency(old, size, hashes[:-1], old_root, root)


def test_a_flipped_bit_breaks_a_proof() -> None:
    """A228: no bit of a proof can be changed."""
    stored = grown([1300])
    root, old_root = defined_root(LEAVES), defined_root(LEAVES[:1000])
    inclusion = proof(proofs.inclusion_ranges(700, 1300), stored)
    consistency = proof(proofs.consistency_ranges(1000, 1300), stored)
    for number in range(len(inclusion)):
        assert not proofs.verify_inclusion(700, 1300, LEAVES[700], flipped(inclusion, number), root)
    for number in range(len(consistency)):
        assert not proofs.verify_consistency(1000, 1300, flipped(consistency, number), old_root, root)


def flipped(hashes: list[bytes], number: int) -> list[bytes]:
    changed = bytearray(hashes[number])
    changed[5] ^= 4
    return [*hashes[:number], bytes(changed), *hashes[number + 1 :]]


def test_proofs_of_what_is_not_there() -> None:
    """A proof needs a leaf of the tree, an earlier size, and all its tiles."""
    with pytest.raises(ValueError, match="no such leaf"):
        proofs.inclusion_ranges(3, 3)
    with pytest.raises(ValueError, match="never been"):
        proofs.consistency_ranges(4, 3)
    with pytest.raises(proofs.MissingTile, match="0/0"):
        proofs.root_of(Range(0, 3), {Coordinates(0, 0): LEAVES[0]})


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (TilePath(0, 0, 256), "0/000"),
        (TilePath(1, 1_234_067, 256), "1/x001/x234/067"),
        (TilePath(2, 1000, 17), "2/x001/000.p/17"),
        (TilePath(0, 999, 255), "0/999.p/255"),
    ],
)
def test_paths(tile: TilePath, path: str) -> None:
    """The path of a tile is that of tlog-tiles, both ways."""
    assert tiles.path_of(tile) == path
    assert tiles.read_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "", "0", "00/000", "0/0", "0/1000", "0/x000/001", "0/x001/x000", "0/000.p/0", "0/000.p/256", "0/000.p/01",
        "0/000/", "-1/000", "0/x0１0/001", "0/../000", "64/000.p/1x", "0/000.p/",
    ],
)  # fmt: skip
def test_other_paths(path: str) -> None:
    """A path that is spelled in any other way names no tile."""
    assert tiles.read_path(path) is None
