"""Makes messages for the outbox of the events of the log, page by page, from a saved position.

The messages of a page and the new position are one transaction, so each event has its messages exactly once, also when
the process is killed in between (F18). One process at a time is at it.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final, Protocol

import structlog

from authrim.metrics.catalogue import FOLLOWED
from authrim.store.contract import StoredEvent, StoreError
from authrim.store.outbox_contract import NewDelivery
from authrim.store.read_back import ReadBack

log = structlog.get_logger(__name__)

#: Positions a transaction.
PAGE: Final = 500
#: Seconds after a page that was not full, and before a store is asked again that is away.
PAUSE: Final = 1.0


class Recipients(Protocol):
    """Who is told of which events, as of some position of the log."""

    @property
    def event_types(self) -> Collection[str]:
        """The types of events that somebody is told of; none: nobody is told of anything."""

    @property
    def start(self) -> int:
        """The position after which the first of them is told of anything."""

    def messages(self, event: StoredEvent) -> Sequence[NewDelivery]:
        """The messages of one event."""

    def is_outdated_by(self, event: StoredEvent) -> bool:
        """Whether the event changes who is told, and is not considered yet. Events of ``changes`` are asked about."""


class Source(Protocol):
    """Where recipients come from."""

    @property
    def name(self) -> str:
        """The name of the saved position."""

    @property
    def changes(self) -> Collection[str]:
        """The types of events that change who is told."""

    async def read(self) -> Recipients:
        """The recipients now."""


class _Outdated(Exception):
    """The page holds a change of the recipients that they were read before."""


async def fan_out_until_cancelled(store: ReadBack, source: Source) -> None:
    """Make messages as the log grows. A store that is away is waited for."""
    while True:
        try:
            async for _position in store.changes():
                await catch_up(store, source)
                await asyncio.sleep(PAUSE)
        except StoreError as error:
            log.warning("fan_out.store_unavailable", name=source.name, reason=str(error))
            await asyncio.sleep(PAUSE)


async def catch_up(store: ReadBack, source: Source) -> None:
    """Make messages up to the end of the log, or wait for another process to do so."""
    recipients = await source.read()
    while recipients.event_types:
        types = {*recipients.event_types, *source.changes}

        def messages(events: Sequence[StoredEvent], to: Recipients = recipients) -> Sequence[NewDelivery]:
            if any(to.is_outdated_by(event) for event in events if event.type in source.changes):
                raise _Outdated
            return [message for event in events for message in to.messages(event)]

        try:
            page = await store.outbox.run_page(source.name, types, PAGE, messages, start=recipients.start)
        except _Outdated:
            recipients = await source.read()
            continue
        FOLLOWED.add_more(page.handled, source.name)
        if not page.busy and page.handled < PAGE:
            return
        # The other process may be killed before it commits. Between our own pages, requests come first.
        await asyncio.sleep(PAUSE if page.busy else 0)
