"""Hashes of the Merkle tree (RFC 6962 §2.1), and what a leaf is the hash of."""

from collections.abc import Sequence
from hashlib import sha256
from struct import Struct
from typing import Final

HASH_BYTES: Final = 32
#: The root of a tree without leaves.
EMPTY_ROOT: Final = sha256().digest()

_integer: Final = Struct(">q").pack


def entry_of(row_leaf: bytes, recorded_at: int) -> bytes:
    """The log entry of an event: its leaf hash of the hash chain, and its time (µs UTC) in 8 bytes."""
    return row_leaf + _integer(recorded_at)


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf. The first byte keeps a leaf from passing for a node."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two children."""
    return sha256(b"\x01" + left + right).digest()


def event_hash(row_leaf: bytes, recorded_at: int) -> bytes:
    """The leaf of an event in the tree."""
    return sha256(b"\x00" + row_leaf + _integer(recorded_at)).digest()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root over 1, 2, 4, 8 … hashes of one level."""
    level = hashes
    while len(level) > 1:
        level = [node_hash(level[i], level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]
