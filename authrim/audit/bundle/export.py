"""Writes bundles: a part of the log, or one grant, with the proofs that it is what was recorded.

The same positions give the same bytes. What an export cannot prove it does not write: it walks the hash chain over what
it exports, and ends at the first fault (F34).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

import msgspec

from authrim.audit.bundle import tree, verify_bundle
from authrim.audit.bundle.archive import Archive, Writing
from authrim.audit.bundle.damage import ContentsArchived, Damaged
from authrim.audit.bundle.lines import batch_line, document, event_line, person_line, withheld_line
from authrim.audit.bundle.schemas import schemas_of
from authrim.audit.bundle.selection import Selection, batch_of, people_of
from authrim.audit.bundle.verify_bundle import FORMAT, Tree
from authrim.audit.leaves import DIFFERS, differing_leaf
from authrim.store.chain import GENESIS, PAGE, Problem, check_batch
from authrim.store.contract import Batch, StoredEvent
from authrim.store.dropped import is_dropped
from authrim.store.log_reading import LogReading
from domain.tree.checkpoint import Checkpoint
from domain.tree.hashing import event_hash
from domain.tree.proofs import Range, consistency_ranges, inclusion_ranges, verify_inclusion

Progress = Callable[[int, int], None]
#: What is known of the person with a pseudonym.
People = Callable[[str], Awaitable[dict[str, Any]]]

VERIFIER: Final = Path(verify_bundle.__file__)


class Signer(Protocol):
    """Whoever signs for the log."""

    key: str
    """The public key in the form of C2SP signed-note."""

    def sign(self, text: str) -> bytes:
        """The signed note of a text."""


class Wanted(msgspec.Struct, frozen=True):
    """What a bundle has besides its events. ``tree_size`` 0: the smallest tree that has all of them. ``older`` are the
    sizes of trees that its own one is proved to continue."""

    origin: str
    tree_size: int = 0
    older: tuple[int, ...] = ()
    signer: Signer | None = None
    people: People | None = None


class Exported(msgspec.Struct, frozen=True):
    """What was written."""

    first_position: int
    last_position: int
    events: int
    tree_size: int
    root: bytes
    people: int = 0


async def export_range(
    store: LogReading, file: BinaryIO, first: int, last: int, wanted: Wanted, progress: Progress
) -> Exported:
    """Write the events of the positions ``first`` to ``last``. Raises Damaged, Unavailable.

    The ledger knows whole batches. Of events that only share one with the first or the last, the hash is written.
    """
    begin, end = await batch_of(store, first), await batch_of(store, last)
    start, size = begin.first_position - 1, max(wanted.tree_size, end.last_position)
    left, right = tree.subtrees(0, start), tree.subtrees(end.last_position, size)
    parts = [[part] for part in (*left, *right, Range(0, size))]
    hashes = await _tree_hashes(store, size, wanted.older, parts)
    merkle = Tree()
    for part, (node,) in zip(left, hashes, strict=False):
        merkle.add(node, part.end - part.start)
    chain = (await batch_of(store, start)).chain_hash if start else GENESIS
    bundle = _Bundle(file, wanted)
    with bundle.archive.member(verify_bundle.EVENTS) as lines:

        def write(event: StoredEvent) -> None:
            merkle.add(event_hash(event.leaf, event.recorded_at))
            if first <= event.position <= last:
                bundle.write_event(lines, event)
            else:
                lines.write(withheld_line(event))

        await _walk(store, begin, end, chain, write, progress)
    with bundle.archive.member(verify_bundle.LEDGER) as lines:
        async for batch in _batches(store, begin, end):
            lines.write(batch_line(batch))
    *nodes, root = [node for (node,) in hashes[: len(parts)]]
    for part, node in zip(right, nodes[len(left) :], strict=True):
        merkle.add(node, part.end - part.start)
    if merkle.root()[0] != root:
        raise Damaged(Problem(1, size, "the tree is not the one of the events"))
    bundle.add_proof(nodes[: len(left)], nodes[len(left) :], hashes[len(parts) :])
    exported = Exported(first, last, last - first + 1, size, root)
    return await bundle.finish(exported, {"kind": "range"}, chain)


async def export_grant(store: LogReading, file: BinaryIO, selection: Selection, wanted: Wanted) -> Exported:
    """Write the events of a grant and of what it refers to, each with a proof. Raises Damaged, Unavailable."""
    events = selection.events
    size = max(wanted.tree_size, selection.last)
    paths = [inclusion_ranges(event.position - 1, size) for event in events]
    hashes = await _tree_hashes(store, size, wanted.older, [*paths, [Range(0, size)]])
    (root,) = hashes[len(paths)]
    bundle = _Bundle(file, wanted)

    def write() -> None:
        with bundle.archive.member(verify_bundle.EVENTS) as lines:
            for event, path in zip(events, hashes, strict=False):
                leaf = event_hash(event.leaf, event.recorded_at)
                if not verify_inclusion(event.position - 1, size, leaf, path, root):
                    raise Damaged(Problem(event.position, event.position, DIFFERS))
                bundle.write_event(lines, event, path)

    await asyncio.to_thread(write)
    bundle.add_proof([], [], hashes[len(paths) + 1 :])
    exported = Exported(events[0].position, selection.last, len(events), size, root)
    about = {"kind": "grant", "grant": selection.grant_id, "streams": sorted(selection.streams)}
    return await bundle.finish(exported, about, GENESIS)


class _Bundle:
    """A bundle while it is written."""

    def __init__(self, file: BinaryIO, wanted: Wanted) -> None:
        self.archive = Archive(file)
        self._wanted = wanted
        self._types: set[str] = set()
        self._people: set[str] = set()

    def write_event(self, lines: Writing, event: StoredEvent, proof: list[bytes] | None = None) -> None:
        """Write an event, and remember its type and its people."""
        lines.write(event_line(event, proof))
        self._types.add(event.type)
        if self._wanted.people is not None:
            self._people.update(people_of(event))

    def add_proof(self, left: list[bytes], right: list[bytes], consistency: list[list[bytes]]) -> None:
        """Write the hashes beside the events, and the proofs that older trees are the beginning of this one."""
        older = [
            {"size": size, "hashes": [node.hex() for node in hashes]}
            for size, hashes in zip(self._wanted.older, consistency, strict=True)
        ]
        sides = {"left": [node.hex() for node in left], "right": [node.hex() for node in right]}
        self.archive.add(verify_bundle.PROOF, document({**sides, "consistency": older}))

    async def finish(self, exported: Exported, selection: dict[str, Any], chain: bytes) -> Exported:
        """Write what follows the events and proofs."""
        archive, signer = self.archive, self._wanted.signer
        archive.add(verify_bundle.SCHEMAS, document(schemas_of(self._types)))
        if self._wanted.people is not None:
            with archive.member(verify_bundle.PEOPLE) as lines:
                for subject in sorted(self._people):
                    lines.write(person_line(await self._wanted.people(subject)))
        archive.add(verify_bundle.VERIFIER, VERIFIER.read_bytes())
        manifest = {
            "format": FORMAT,
            "origin": self._wanted.origin,
            "selection": selection,
            "first_position": exported.first_position,
            "last_position": exported.last_position,
            "events": exported.events,
            "tree_size": exported.tree_size,
            "root": exported.root.hex(),
            "previous_chain_hash": chain.hex(),
            "personal_data": self._wanted.people is not None,
            "key": "" if signer is None else signer.key,
            "files": archive.entries.copy(),
        }
        digest = archive.add(verify_bundle.MANIFEST, document(manifest))
        if signer is not None:
            # The key signs nothing but checkpoints: an extension line (C2SP tlog-checkpoint) names the manifest.
            head = Checkpoint(self._wanted.origin, exported.tree_size, exported.root)
            archive.add(verify_bundle.CHECKPOINT, signer.sign(f"{head.text()}bundle {digest}\n"))
        archive.end()
        return msgspec.structs.replace(exported, people=len(self._people))


async def _tree_hashes(
    store: LogReading, size: int, older: tuple[int, ...], wanted: list[list[Range]]
) -> list[list[bytes]]:
    """The hashes of what is wanted, and then the consistency proofs."""
    return await tree.hashes_of(store, size, [*wanted, *(consistency_ranges(old, size) for old in older)])


async def _walk(
    store: LogReading, begin: Batch, end: Batch, chain: bytes, write: Callable[[StoredEvent], None], progress: Progress
) -> None:  # fmt: skip
    """Write the events from one batch to another, while the chain over them is computed."""
    proved, first = begin.first_position - 1, begin.first_position
    events = _events(store, proved, end.last_position, write)
    async for batch in _batches(store, begin, end):
        problem = await check_batch(batch, events, proved, chain)
        if problem is not None:
            raise Damaged(problem)
        proved, chain = batch.last_position, batch.chain_hash
        progress(proved - first + 1, end.last_position - first + 1)
    if proved != end.last_position:
        raise Damaged(Problem(proved + 1, end.last_position, "the ledger rows are missing"))


async def _events(
    store: LogReading, after: int, until: int, write: Callable[[StoredEvent], None]
) -> AsyncIterator[StoredEvent]:
    while after < until and (page := await store.read_log(after, min(PAGE, until - after))):
        differs = await differing_leaf(store, page, until)
        for event in page:
            if event.position == differs:
                raise Damaged(Problem(differs, differs, DIFFERS))
            if is_dropped(event):
                raise ContentsArchived(event.position)
            write(event)
            yield event
        after = page[-1].position


async def _batches(store: LogReading, begin: Batch, end: Batch) -> AsyncIterator[Batch]:
    after = begin.first_position - 1
    while page := await store.read_ledger(after, PAGE):
        for batch in page:
            if batch.first_position > end.first_position:
                return
            yield batch
        after = page[-1].first_position
