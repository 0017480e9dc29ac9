"""Reads the log for a report, in one pass, and proves it on the way.

What cannot be proved is not reported: the hash chain is computed again over all that is read, each event is compared
with the leaf that the Merkle tree has of it, and the first fault ends the report (F34).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from authrim.audit.archives.log import archives_at
from authrim.audit.bundle.damage import Damaged
from authrim.audit.leaves import DIFFERS, differing_leaf
from authrim.audit.whole_log import WholeLog
from authrim.reports.folding import Folding, LedgerNotes
from authrim.store.chain import GENESIS, PAGE, BatchCheck, Problem
from authrim.store.contract import Batch, StoredEvent
from authrim.store.log_reading import LogReading
from domain.report.section import Integrity

#: Called with the position reached and the last one.
Progress = Callable[[int, int], None]


async def fold_log(
    store: LogReading,
    folding: Folding,
    part: tuple[int, int],
    progress: Progress,
    archives: Path | None = None,
) -> Integrity:
    """Fold the log from its beginning to the last position of the part (first, last). Decoding and hashing are done
    beside the event loop. ``archives`` have the contents that left the log. Raises Damaged, BadArchive, Unavailable."""
    with archives_at(store, archives) as archived:
        return await _fold(store, WholeLog(store, archived), folding, part, progress)


async def _fold(
    store: LogReading, log: WholeLog, folding: Folding, part: tuple[int, int], progress: Progress
) -> Integrity:
    first, last = part
    notes, ledger = LedgerNotes(first, last, GENESIS), _Ledger(store)
    walk = _Walk(notes)
    size, after = await store.tree.size(), 0
    coming = asyncio.ensure_future(log.read(after, PAGE))
    try:
        while page := await coming:
            after = page[-1].position
            batches = await ledger.up_to(after)
            coming = asyncio.ensure_future(log.read(after, PAGE))
            differs = await differing_leaf(store, page, size)
            if differs is not None:
                raise Damaged(Problem(differs, differs, DIFFERS))
            await asyncio.to_thread(_take, walk, folding, page, batches)
            progress(min(after, last), last)
            if walk.proved >= last:
                return notes.integrity(whole=True)
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
    raise Damaged(Problem(walk.proved + 1, last, "the end of the log is missing"))


def _take(walk: "_Walk", folding: Folding, page: Sequence[StoredEvent], batches: Sequence[Batch]) -> None:
    walk.take(page, batches)
    folding.take(page)


class _Walk:
    """Computes the hash chain over rows and ledger rows as they come."""

    def __init__(self, notes: LedgerNotes) -> None:
        self.proved = 0
        self._chain = GENESIS
        self._notes = notes
        self._batches: deque[Batch] = deque()
        self._check: BatchCheck | None = None

    def take(self, events: Sequence[StoredEvent], batches: Sequence[Batch]) -> None:
        """Take the next rows of both. Raises Damaged."""
        self._batches.extend(batches)
        for event in events:
            check = self._check or self._begin(event)
            _raise(check.add(event))
            if check.complete:
                _raise(check.end())
                self._end()

    def _begin(self, event: StoredEvent) -> BatchCheck:
        if not self._batches:
            raise Damaged(Problem(event.position, event.position, "the ledger rows are missing"))
        self._check = BatchCheck(self._batches[0], self.proved, self._chain)
        _raise(self._check.begin())
        return self._check

    def _end(self) -> None:
        batch = self._batches.popleft()
        self._check = None
        self.proved, self._chain = batch.last_position, batch.chain_hash
        self._notes.take(batch)


class _Ledger:
    """Reads ledger rows as they are needed."""

    def __init__(self, store: LogReading) -> None:
        self._store = store
        self._first = self._last = 0

    async def up_to(self, position: int) -> list[Batch]:
        """The next rows, up to the one that has a position."""
        rows: list[Batch] = []
        while self._last < position and (page := await self._store.read_ledger(self._first, PAGE)):
            rows.extend(page)
            self._first, self._last = page[-1].first_position, page[-1].last_position
        return rows


def _raise(problem: Problem | None) -> None:
    if problem is not None:
        raise Damaged(problem)
