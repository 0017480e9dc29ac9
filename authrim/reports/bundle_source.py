"""Reads a bundle for the verification of a report, after the bundle itself was verified as its recipient would."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec

from authrim.audit.bundle import verify_bundle
from authrim.audit.bundle.verify_bundle import Bundle, Checkpoint, Key, Verification
from authrim.reports.folding import Folding, LedgerNotes
from authrim.store.chain import PAGE
from authrim.store.contract import Batch, StoredEvent
from domain.report.section import Integrity


class _Line(msgspec.Struct, frozen=True):
    """An event of a bundle. Of a withheld one there is no type."""

    position: int
    recorded_at: int
    leaf: str
    stream: str = ""
    version: int = 0
    type: str = ""
    payload: str = ""
    metadata: str = ""


class _BatchLine(msgspec.Struct, frozen=True):
    first_position: int
    last_position: int
    recorded_at: int
    batch_hash: str
    chain_hash: str


class ReportBundle:
    """A bundle that a report is compared with. ``faults`` are what is wrong with the bundle itself."""

    def __init__(self, path: Path, key: Key | None, checkpoint: Checkpoint) -> None:
        self._verification = Verification(key, [checkpoint], None)
        self._verification.run(path)
        self.faults = self._verification.faults
        self.unchecked = self._verification.unchecked
        self._bundle = None if self.faults else Bundle(path)

    @property
    def first(self) -> int:
        """The position of its first event."""
        return int(self._facts["first_position"])

    @property
    def last(self) -> int:
        """The position of its last event."""
        return int(self._facts["last_position"])

    @property
    def is_range(self) -> bool:
        """Whether it is a part of the log, and not only what concerns one grant."""
        return self._bundle is not None and verify_bundle.LEDGER in self._bundle.members

    def fold(self, folding: Folding, first: int, last: int) -> Integrity:
        """Fold its events, up to the last position of a part."""
        assert self._bundle is not None
        notes = LedgerNotes(first, last, bytes.fromhex(self._bundle.manifest["previous_chain_hash"]))
        for batch in self._batches():
            notes.take(batch)
        for page in self.pages():
            folding.take(page)
            if page[-1].position > last:
                break
        return notes.integrity(whole=self.first == 1)

    def times_of(self, positions: Collection[int]) -> dict[int, int]:
        """When the batches of these positions were recorded, in µs, so far as the bundle has them."""
        return {
            position: batch.recorded_at
            for batch in self._batches()
            for position in positions
            if batch.first_position <= position <= batch.last_position
        }

    def pages(self) -> Iterator[list[StoredEvent]]:
        """Its events, in order."""
        assert self._bundle is not None
        decode, page = msgspec.json.Decoder(_Line).decode, list[StoredEvent]()
        for line in self._bundle.lines(verify_bundle.EVENTS):
            event = decode(line)
            if event.type:
                page.append(_stored(event))
            if len(page) == PAGE:
                yield page
                page = []
        if page:
            yield page

    @property
    def _facts(self) -> dict[str, Any]:
        return self._verification.facts

    def _batches(self) -> Iterator[Batch]:
        assert self._bundle is not None
        decode = msgspec.json.Decoder(_BatchLine).decode
        for line in self._bundle.lines(verify_bundle.LEDGER):
            row = decode(line)
            hashes = bytes.fromhex(row.batch_hash), bytes.fromhex(row.chain_hash)
            yield Batch(row.first_position, row.last_position, row.recorded_at, *hashes)


def _stored(line: _Line) -> StoredEvent:
    """The event as a store has it. Payloads that are no text belong to other applications, and are never read."""
    payload, metadata = line.payload.encode(), line.metadata.encode()
    leaf = bytes.fromhex(line.leaf)
    return StoredEvent(
        line.position, line.stream, line.version, line.type, payload, metadata, line.recorded_at, leaf
    )
