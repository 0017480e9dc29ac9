"""Reads events of the log from archives where the database does not have them.

What is in a bundle counts only when its chain of hashes ends as the ledger of the database says. That row covers every
event before it, so nothing else than what was recorded comes out of an archive (F34).
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from authrim.audit.archives.events import events_of
from authrim.audit.archives.folder import Archived, BadArchive, archives_in, bundle_of, unpacked
from authrim.audit.bundle.damage import Damaged
from authrim.audit.bundle.selection import batch_of
from authrim.audit.bundle.verify_bundle import Verification
from authrim.store.contract import Store, StoredEvent


class ArchivedLog:
    """The events of a directory of archives. One bundle at a time is unpacked, verified and read from front to back."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._archives = archives_in(folder)
        self._open = ExitStack()
        self._events: Iterator[StoredEvent] = iter(())
        self._next = 0

    async def read(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """The events after a position, as far as one bundle has them; none when no bundle has the next position. Raises
        BadArchive, Unavailable."""
        found = [one for one in self._archives if one.month.first <= after + 1 <= one.month.last]
        if not found:
            return []
        if self._next != after + 1:
            await self._begin(found[0], after)
        events = await asyncio.to_thread(lambda: list(islice(self._events, limit)))
        self._next = events[-1].position + 1 if events else 0
        return events

    def close(self) -> None:
        """Remove what was unpacked."""
        self._open.close()

    async def _begin(self, archived: Archived, after: int) -> None:
        self._open.close()
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
        events = events_of(bundle)
        self._events = await asyncio.to_thread(lambda: islice(events, after + 1 - archived.month.first, None))
