"""The log from its beginning, with the contents that left it read from their archives."""

from collections.abc import Sequence

from authrim.audit.archives.log import ArchivedLog
from authrim.audit.bundle.damage import ContentsArchived
from authrim.store.contract import StoredEvent
from authrim.store.dropped import is_dropped
from authrim.store.log_reading import LogReading


class WholeLog:
    """Reads the log in order."""

    def __init__(self, store: LogReading, archives: ArchivedLog | None) -> None:
        self._store = store
        self._archives = archives

    async def read(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """The events after a position. Raises ContentsArchived where no archive has them, BadArchive, Unavailable."""
        events = list(await self._store.read_log(after, limit))
        at = 0
        while at < len(events):
            if not is_dropped(events[at]):
                at += 1
                continue
            found = await self._archived(events, at)
            events[at : at + len(found)] = found
            at += len(found)
        return events

    async def _archived(self, events: Sequence[StoredEvent], at: int) -> Sequence[StoredEvent]:
        """What archives have of the dropped events from a place on."""
        number = next((n for n, event in enumerate(events[at:]) if not is_dropped(event)), len(events) - at)
        position = events[at].position
        found = await self._archives.read(position - 1, number) if self._archives else ()
        if not found:
            raise ContentsArchived(position)
        return found
