"""Compares the rows of the log with the leaves that the Merkle tree has of them.

Whoever computes the whole chain again leaves a log that is consistent in itself. The tree still has the leaves of the
log as it was, so it names the first row that is another one.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from authrim.store import chain
from authrim.store.chain import Problem, Verification
from authrim.store.contract import StoredEvent
from authrim.store.dropped import is_dropped, recorded_drops
from authrim.store.log_reading import LogReading
from domain.tree.hashing import HASH_BYTES, event_hash
from domain.tree.tiles import WIDTH, Coordinates

DIFFERS: Final = "the row is not the one that the Merkle tree has"
_PAGE: Final = 8 * WIDTH


async def verify_log(store: LogReading, progress: Callable[[int, int], None] | None = None) -> Verification:
    """Verify the hash chain, and that the log is the one that the tree was made of, as far as the tree has come. Raises
    Unavailable."""
    size = await store.tree.size()

    dropped = 0

    async def look(events: Sequence[StoredEvent]) -> Problem | None:
        nonlocal dropped
        dropped += sum(map(is_dropped, events))
        position = await differing_leaf(store, events, size)
        return None if position is None else Problem(position, position, DIFFERS)

    drops = await recorded_drops(store, store.dropped)
    verified = msgspec.structs.replace(await chain.verify(store, progress, look, drops), dropped=dropped)
    if verified.problem is None and verified.events < size:
        missing = Problem(
            verified.events + 1, size, "the end of the log is missing, which the Merkle tree has"
        )
        return msgspec.structs.replace(verified, problem=missing)
    return verified


async def differing_leaf(store: LogReading, events: Sequence[StoredEvent], size: int) -> int | None:
    """The position of the first of some events, in order, that is not the leaf of a tree of ``size`` leaves. Later ones
    are not looked at."""
    known = [event for event in events if 0 < event.position <= size]
    if not known:
        return None
    first, last = (known[at].position - 1 for at in (0, -1))
    indexes = range(first // WIDTH, last // WIDTH + 1)
    tiles = await store.tree.tiles([Coordinates(0, index) for index in indexes])
    for event in known:
        index, offset = divmod(event.position - 1, WIDTH)
        leaf = tiles.get(Coordinates(0, index), b"")[offset * HASH_BYTES :][:HASH_BYTES]
        if leaf != event_hash(event.leaf, event.recorded_at):
            return event.position
    return None


async def first_differing_leaf(store: LogReading) -> int | None:
    """The position of the first row of the whole log that is not the tree's leaf."""
    size, position = await store.tree.size(), 0
    while position < size and (events := await store.read_log(position, min(_PAGE, size - position))):
        differs = await differing_leaf(store, events, size)
        if differs is not None:
            return differs
        position = events[-1].position
    return None
