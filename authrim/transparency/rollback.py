"""At the start of a server: is the log older than a checkpoint that was signed, or another one (F35, A231)?

The database cannot tell. The state file can, and so can the witnesses. What an operator accepted is not asked again.
"""

from typing import Final, NamedTuple

import structlog

from authrim.audit.tree import TreeFollower
from authrim.core.execute import Change, Outcome, carry_out
from authrim.core.origin import operator
from authrim.core.questions import refuse_reason
from authrim.crypto.signed_note import BrokenNote, read_note, sign_note
from authrim.store import codec
from authrim.store.contract import Unavailable
from authrim.store.read_back import ReadBack
from authrim.store.tree_sql import LogDiffers
from authrim.transparency.checkpoints import STATE_FILE, Checkpoints
from authrim.transparency.proofs import read_root
from authrim.transparency.state_file import StateUnusable, read_state, write_state
from authrim.transparency.witnesses import Forked
from domain.errors import Refusal
from domain.log_events import RollbackAccepted
from domain.stream import DEFAULT_TENANT, LOG, rollback_stream
from domain.tree.checkpoint import Checkpoint, read_checkpoint
from domain.units import MICROSECONDS

log = structlog.get_logger(__name__)

THE_TREE: Final = "the tree beside the log"


class Rollback(NamedTuple):
    """Who has seen another log than this one, and how many events it had."""

    known_by: str
    lost_size: int


class RolledBack(Exception):
    """The server refuses to start on this log. The text says what to do."""

    def __init__(self, found: Rollback, position: int) -> None:
        self.found = found
        super().__init__(
            f"the log ends at position {position}, but {found.known_by} has a checkpoint of {found.lost_size} events "
            "that it does not continue: the database was restored from a backup, or changed. What was revoked since "
            "then would be valid again. Restore the newer database; where it is lost, start with --accept-rollback "
            '"REASON": all sessions, grants and tokens end then, and the signing keys are replaced'
        )


async def find_rollback(store: ReadBack, checkpoints: Checkpoints) -> Rollback | None:
    """What speaks for another log, unless it was accepted before. A witness that cannot be reached says nothing:
    others' outages are not ours. Raises Unavailable, and StateUnusable when the state file cannot be read."""
    accepted = await _accepted(store)
    for found in await _everything_found(store, checkpoints):
        if all((found.known_by, found.lost_size) != (one.known_by, one.lost_size) for one in accepted):
            return found
    return None


async def accept_rollback(
    store: ReadBack, checkpoints: Checkpoints, found: Rollback, reason: str
) -> Refusal | None:
    """Record that an operator accepts the log as it is, and make tree and state file again from it."""
    refusal = refuse_reason(reason, demanded=True)
    if refusal is not None:
        return refusal
    stream = rollback_stream(DEFAULT_TENANT)

    async def attempt() -> Outcome[None]:
        head = await store.head()
        read = await store.read_stream(stream)
        event = RollbackAccepted(
            head.position,
            found.lost_size,
            found.known_by,
            reason.strip(),
            head.now // MICROSECONDS,
            operator(),
        )
        return Outcome(None, (Change(stream, read.version, (event,)),))

    answer = await carry_out(store, DEFAULT_TENANT, attempt)
    if answer is not None:
        return answer
    log.error("rollback.accepted", known_by=found.known_by, lost_size=found.lost_size)
    await store.tree.clear()
    size = await TreeFollower(store).catch_up()
    if checkpoints.state_file is not None:
        key = await checkpoints.keys.signer()
        text = Checkpoint(key.public.name, size, await read_root(store.tree, size)).text()
        write_state(checkpoints.state_file, sign_note(text, key.public.name, key.private).encoded())
    return None


async def _everything_found(store: ReadBack, checkpoints: Checkpoints) -> list[Rollback]:
    known = await store.tree.size()
    if known > (await store.head()).position:
        return [Rollback(THE_TREE, known)]
    if checkpoints.state_file is None and not checkpoints.witnesses.keys:
        return []  # nobody else can say anything, so nobody has to wait for the tree
    try:
        size = await TreeFollower(store).catch_up()
    except LogDiffers:
        return [Rollback(THE_TREE, await store.tree.size())]
    found = [await _found_in_state_file(checkpoints, size)]
    found += await _found_by_witnesses(store, checkpoints, size)
    return [one for one in found if one is not None]


async def _found_in_state_file(checkpoints: Checkpoints, size: int) -> Rollback | None:
    path = checkpoints.state_file
    if path is None or (note := read_state(path)) is None:
        return None
    try:
        remembered = (await checkpoints.opened(note)).checkpoint
    except BrokenNote:
        # Its key was made after the backup, or it is of another database: in any case the log is not the one it knows.
        return Rollback(STATE_FILE, _unproved_size(note))
    return None if await checkpoints.continues(remembered, size) else Rollback(STATE_FILE, remembered.size)


async def _found_by_witnesses(store: ReadBack, checkpoints: Checkpoints, size: int) -> list[Rollback]:
    """Submit a checkpoint of the log as it is. A witness that has a longer log says so, and one that has another
    refuses the proof."""
    if not checkpoints.witnesses.keys or size == 0:
        return []
    key = await checkpoints.keys.signer()
    text = Checkpoint(key.public.name, size, await read_root(store.tree, size)).text()
    answers = await checkpoints.witnesses.submit(sign_note(text, key.public.name, key.private))
    return [Rollback(one.witness, one.size) for one in answers if isinstance(one, Forked)]


async def _accepted(store: ReadBack) -> list[RollbackAccepted]:
    read = await store.read_stream(rollback_stream(DEFAULT_TENANT))
    try:
        events = codec.decode_stream(LOG, read)
    except codec.UnreadableEvent as unreadable:
        raise Unavailable(f"an accepted rollback cannot be read: {unreadable}") from None
    return [event for event in events if isinstance(event, RollbackAccepted)]


def _unproved_size(note: str) -> int:
    try:
        checkpoint = read_checkpoint(read_note(note).text)
    except BrokenNote:
        raise StateUnusable(
            "checkpoint_state_file: it holds no checkpoint: give back the right file"
        ) from None
    return 0 if checkpoint is None else checkpoint.size
