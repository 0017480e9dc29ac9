"""Reads events of the log from archives where the database does not have them.

What is in a bundle counts only when its chain of hashes ends as the ledger of the database says. That row covers every
event before it, so nothing else than what was recorded comes out of an archive (F34).
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path

from authrim.audit.archives.events import events_of
from authrim.audit.archives.folder import Archived, BadArchive, archives_in, bundle_of, unpacked
from authrim.audit.bundle.damage import Damaged
from authrim.audit.bundle.selection import batch_of
from authrim.audit.bundle.verify_bundle import Verification
from authrim.store.contract import StoredEvent
from authrim.store.log_reading import LogReading


class ArchivedLog:
    """The events of a directory of archives. One bundle at a time is unpacked, verified and read from front to back."""

    def __init__(self, store: LogReading, folder: Path) -> None:
        self._store = store
        self._archives = archives_in(folder)
        self._open = ExitStack()
        self._events: Iterator[StoredEvent] = iter(())
        self._next = 0
        self._current: Archived | None = None

    async def read(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """The events after a position, as far as one bundle has them; none when no bundle has the next position. Raises
        BadArchive, Unavailable."""
        found = [one for one in self._archives if one.month.first <= after + 1 <= one.month.last]
        if not found:
            return []
        if found[0] is not self._current or after + 1 < self._next:
            await self._begin(found[0])
        await asyncio.to_thread(_skip, self._events, after + 1 - self._next)
        events = await asyncio.to_thread(lambda: list(islice(self._events, limit)))
        self._next = events[-1].position + 1 if events else after + 1
        return events

    def close(self) -> None:
        """Remove what was unpacked."""
        self._open.close()

    async def _begin(self, archived: Archived) -> None:
        self._open.close()
        self._current = None
        path = await asyncio.to_thread(lambda: self._open.enter_context(unpacked(archived)))
        bundle = await asyncio.to_thread(bundle_of, archived, path)
        verification = Verification(None, [], None)
        await asyncio.to_thread(verification.run, path)
        if verification.faults:
            raise BadArchive(archived.path, str(verification.faults[0]["what"]))
        try:
            batch = await batch_of(self._store, archived.month.last)
        except Damaged as damaged:
            raise BadArchive(
                archived.path, f"the ledger of the database does not cover it: {damaged}"
            ) from None
        if verification.facts.get("chain_hash") != batch.chain_hash.hex():
            raise BadArchive(archived.path, "its chain of hashes is not the one of this database")
        self._events, self._next, self._current = events_of(bundle), archived.month.first, archived


def _skip(events: Iterator[StoredEvent], number: int) -> None:
    next(islice(events, number, number), None)


@contextmanager
def archives_at(store: LogReading, folder: Path | None) -> Iterator[ArchivedLog | None]:
    """The archives of a directory, such as the setting ``log_archives``; None without one. Raises BadArchive."""
    archives = None if folder is None else ArchivedLog(store, folder)
    try:
        yield archives
    finally:
        if archives is not None:
            archives.close()
