"""Signs documents with the key of the log, together with their events (``audit/signed_documents.py``)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from authrim.audit.bundle.damage import Damaged
from authrim.audit.bundle.lines import event_line
from authrim.audit.bundle.tree import hashes_of
from authrim.audit.signed_documents import FORMAT, signed_text
from authrim.audit.tree import TreeFollower
from authrim.crypto.signed_note import sign_note
from authrim.store.contract import StoredEvent
from authrim.store.read_back import ReadBack
from authrim.transparency.checkpoints import Checkpoints
from domain.errors import Refusal, invalid_request
from domain.tree.checkpoint import Checkpoint
from domain.tree.hashing import event_hash
from domain.tree.proofs import Range, consistency_ranges, inclusion_ranges, verify_inclusion

NOT_RECORDED: Final = invalid_request(
    "The log is not what was recorded: nothing is signed.", hint="Run authrim audit verify."
)


class Signing(msgspec.Struct, frozen=True):
    """What is signed: a document of some kind, and the events that it speaks of."""

    kind: str
    document: Mapping[str, Any]
    events: Sequence[StoredEvent]


async def sign_document(
    store: ReadBack, checkpoints: Checkpoints, signing: Signing
) -> dict[str, Any] | Refusal:
    """The signed document, on a log that continues what was signed of it before. Raises what ``Checkpoints.sign``
    raises."""
    last, _ = await checkpoints.prove_continuation()
    key = await checkpoints.keys.signer()  # a new one is an event too
    size = await TreeFollower(store).catch_up()
    before = None if last is None else (await checkpoints.opened(last.note)).checkpoint
    older = [] if before is None or not 0 < before.size < size else [consistency_ranges(before.size, size)]
    paths = [inclusion_ranges(event.position - 1, size) for event in signing.events]
    try:
        hashes = await hashes_of(store, size, [[Range(0, size)], *paths, *older])
    except Damaged:
        return NOT_RECORDED
    (root,), proofs = hashes[0], hashes[1 : len(paths) + 1]
    for event, path in zip(signing.events, proofs, strict=True):
        leaf = event_hash(event.leaf, event.recorded_at)
        if not verify_inclusion(event.position - 1, size, leaf, path, root):
            return NOT_RECORDED
    earlier = None
    if older and last is not None:
        earlier = {"checkpoint": last.note, "proof": [node.hex() for node in hashes[-1]]}
    unsigned = {
        "format": FORMAT,
        "kind": signing.kind,
        "document": dict(signing.document),
        "events": [
            json.loads(event_line(event, path)) for event, path in zip(signing.events, proofs, strict=True)
        ],
        "tree_size": size,
        "root": root.hex(),
        "earlier": earlier,
        "key": key.public.encoded(),
    }
    text = signed_text(Checkpoint(key.public.name, size, root).text(), signing.kind, unsigned)
    note = sign_note(text, key.public.name, key.private)
    return {**unsigned, "checkpoint": note.encoded()}
