"""The place of an event in the log: its position, and the leaf hash by which the chain covers it.

Whoever has a place can have it checked later: the row at that position has that leaf hash, or the log was changed
(``docs/audit/hash-chain.md``).
"""

from collections.abc import Iterator

import msgspec

from authrim.store.appended import appended
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
    for position, event in enumerate(appended(append), result.first_position):
        yield Place(position, event.stream, event.type, event.leaf, result.recorded_at)
