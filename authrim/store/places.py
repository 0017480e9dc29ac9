"""The place of an event in the log: its position, and the leaf hash by which the chain covers it.

Whoever has a place can have it checked later: the row at that position has that leaf hash, or the log was changed
(``docs/audit/hash-chain.md``).
"""

from collections.abc import Iterator

import msgspec

from authrim.store.chain import leaf_hash
from authrim.store.contract import Append, AppendResult, StoredEvent


class Place(msgspec.Struct, frozen=True):
    """An event, its stream, and where it is. ``recorded_at`` is µs UTC."""

    position: int
    stream: str
    type: str
    leaf: bytes
    recorded_at: int


def place_of(event: StoredEvent) -> Place:
    """The place of an event that was read."""
    return Place(event.position, event.stream, event.type, event.leaf, event.recorded_at)


def places_of(append: Append, result: AppendResult) -> Iterator[Place]:
    """The places of the events of an append, in order. Computed from what was appended: nothing is read."""
    position = result.first_position
    for stream, version, events in append.streams:
        for number, event in enumerate(events, version + 1):
            leaf = leaf_hash(stream, number, event.type, event.payload, append.metadata)
            yield Place(position, stream, event.type, leaf, result.recorded_at)
            position += 1
