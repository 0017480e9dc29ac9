"""The events of the log that tokens are made of, found by the auditor's index: no other event is read."""

import asyncio
from typing import Final, NamedTuple

from authrim.audit.follow import Follower
from authrim.core.parts import Core
from authrim.signals.event_types import TYPES
from authrim.store.contract import StoredEvent
from authrim.store.dropped import is_dropped
from projections.audit import AUDIT

#: Events that are looked for at once.
PAGE: Final = 200


class Candidates(NamedTuple):
    """Events in the log's order, and the position up to which there are no others."""

    events: list[StoredEvent]
    read_to: int


async def indexed_to(core: Core) -> int:
    """The position that the index has reached: the head of the log. Raises Unavailable."""
    return await Follower(core.store, AUDIT).catch_up()


async def candidates(core: Core, tenant: str, after: int, until: int) -> Candidates:
    """The next events after a position, and not after ``until``, that a token may be made of: their contents are there.
    What left the log was told, or nobody is told of it any more (``log_reader.py``)."""
    pages = await asyncio.gather(
        *(core.store.audit.search(tenant, {"type": tag}, after, until, PAGE) for tag in TYPES)
    )
    read_to = min([until, *(page.position for page in pages if not page.done)])
    found = (event for page in pages for event in page.events if event.position <= read_to)
    events = sorted(event for event in found if not is_dropped(event))
    return Candidates(events, read_to)
