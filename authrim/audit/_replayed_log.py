"""The log as a replay reads it: without a gap. Events that the database lacks, and contents that left it, come from
archives, where there are some."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Protocol, TypeVar

from authrim.store.contract import StoredEvent
from authrim.store.dropped import is_dropped
from authrim.store.read_back import Shadow
from authrim.store.tree_sql import Leaf

E = TypeVar("E", StoredEvent, Leaf)


class EventSource(Protocol):
    """Where events are that the database does not have."""

    async def read(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """The events after a position; none where it does not have the next one."""


class ReplayedLog:
    """Reads the log in order. Where the next event is nowhere, there is no more."""

    def __init__(self, shadow: Shadow, archives: EventSource | None) -> None:
        self._shadow = shadow
        self._archives = archives

    async def events(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """The events after a position."""
        page = await self._shadow.read_log(after, limit)
        there = list(takewhile(_has_contents, _without_gap(after, page)))
        if there:
            return there
        lacking = next((event.position for event in page if _has_contents(event)), None)
        return await self._archived(after, limit if lacking is None else lacking - 1 - after)

    async def leaves(self, after: int, limit: int) -> Sequence[Leaf]:
        """What the tree takes of them."""
        page = await self._shadow.read_leaves(after, limit)
        found = _without_gap(after, page)
        if found:
            return found
        archived = await self._archived(after, page[0].position - 1 - after if page else limit)
        return [Leaf(event.position, event.leaf, event.recorded_at) for event in archived]

    async def _archived(self, after: int, limit: int) -> Sequence[StoredEvent]:
        return [] if self._archives is None else await self._archives.read(after, limit)


def _has_contents(event: StoredEvent) -> bool:
    return not is_dropped(event)


def _without_gap(after: int, page: Sequence[E]) -> Sequence[E]:
    """The events of a page up to the first that is missing."""
    if page and page[-1].position == after + len(page):
        return page
    return [event for at, event in enumerate(page, after + 1) if event.position == at]
