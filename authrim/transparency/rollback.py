"""At the start of a server: is the log older than a checkpoint that was signed, or another one (F35, A231)?

The database cannot tell, unless it has the mark of a restored backup. The state file can, and so can the witnesses.
"""

from typing import Final, NamedTuple

import structlog

from authrim.audit.tree import TreeFollower
from authrim.core.execute import Change, Outcome, carry_out
from authrim.core.origin import operator
from authrim.crypto.signed_note import BrokenNote, read_note, sign_note
from authrim.store import codec
from authrim.store.read_back import ReadBack
from authrim.store.tree_sql import LogDiffers
from authrim.transparency.checkpoints import STATE_FILE, Checkpoints, Inconsistent
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
#: What is made of the log is ahead of it.
THE_FOLLOWERS: Final = "what follows the log"
#: The mark that is left by whoever restores a backup. It says that the log is older; nobody knows by how much.
THE_RESTORE: Final = "restored_backup"
#: How often witnesses are asked again because other processes sign meanwhile.
_TRIES: Final = 3


class Rollback(NamedTuple):
    """Who has seen another log than this one, and how many events it had. Of a restored backup, these are those of the
    backup: what came after it is not known."""

    known_by: str
    lost_size: int


_ENDS_ALL: Final = (
    'start with --accept-rollback "REASON": all sessions, grants and tokens end then, and the signing keys are '
    "replaced"
)
_DIFFERENT: Final = (
    "the log ends at position {}, but {} {} {} events that it does not continue: the database was "
    "restored from a backup, or changed. What was revoked since then would be valid again. Restore the newer database; "
    f"where it is lost, {_ENDS_ALL}"
)
_RESTORED: Final = (
    "the database was restored from a backup. What was revoked after the backup would be valid again: "
    f"{_ENDS_ALL}. Where nothing was recorded after the backup, or what is lost of it does no harm, add --keep-grants: "
    "nothing ends then"
)


class RolledBack(Exception):
    """The server refuses to start on this log. The text says what to do."""

    def __init__(self, found: Rollback, position: int) -> None:
        self.found = found
        has = "has come to" if found.known_by == THE_FOLLOWERS else "has a checkpoint of"
        different = _DIFFERENT.format(position, found.known_by, has, found.lost_size)
        super().__init__(_RESTORED if found.known_by == THE_RESTORE else different)


async def find_rollback(store: ReadBack, checkpoints: Checkpoints) -> Rollback | None:
    """What speaks for another log. A witness that cannot be reached says nothing: others' outages are not ours. Raises
    BrokenNote, MissingTile, StateUnusable, Unavailable and UnreadableEvent.

    Tree and state file are made again when a log is accepted, so what they say is always asked, also after an
    acceptance that was interrupted. A checkpoint of the log and a witness stay as they are: what was accepted of them
    is not asked again. The mark of a restored backup is asked for last: where nothing else speaks for another log, it
    may be accepted without ending what was granted.
    """
    return await _known_elsewhere(store, checkpoints) or await _restored(store)


async def _restored(store: ReadBack) -> Rollback | None:
    mark = await store.restored.read()
    if mark is None:
        return None
    return Rollback(THE_FOLLOWERS, mark.longer) if mark.longer else Rollback(THE_RESTORE, mark.position)


async def _known_elsewhere(store: ReadBack, checkpoints: Checkpoints) -> Rollback | None:
    known, furthest = await store.tree.size(), await store.restored.furthest()
    position = (await store.head()).position  # read last: whoever follows it is never ahead
    if known > position:
        return Rollback(THE_TREE, known)
    if furthest > position:
        return Rollback(THE_FOLLOWERS, furthest)
    if checkpoints.state_file is None and not checkpoints.witnesses.keys:
        return None  # nobody else can say anything, so nobody has to wait for the tree
    # Read before the log: it is no shorter then, whatever other processes sign meanwhile.
    note = None if checkpoints.state_file is None else read_state(checkpoints.state_file)
    try:
        size = await TreeFollower(store).catch_up()
    except LogDiffers:
        return Rollback(THE_TREE, await store.tree.size())
    found = None if note is None else await _found_in_state_file(checkpoints, note, size)
    return found or await _found_by_witnesses(store, checkpoints)


async def accept_rollback(
    store: ReadBack, checkpoints: Checkpoints, found: Rollback, reason: str, *, kept: bool = False
) -> Refusal | None:
    """Record that an operator accepts the log as it is, and make tree and state file again from it. The reason is one
    that can be recorded. ``kept``: what was granted did not end."""
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
            kept,
        )
        return Outcome(None, (Change(stream, read.version, (event,)),))

    answer = await carry_out(store, DEFAULT_TENANT, attempt)
    if answer is not None:
        return answer
    log.error("rollback.accepted", known_by=found.known_by, lost_size=found.lost_size, kept=kept)
    if found.known_by in (THE_RESTORE, THE_FOLLOWERS):
        await store.restored.forget()  # tree and state file are those of this log: they were asked before
        return None
    await store.tree.clear()
    size = await TreeFollower(store).catch_up()
    if checkpoints.state_file is not None:
        key = await checkpoints.keys.signer()
        text = Checkpoint(key.public.name, size, await read_root(store.tree, size)).text()
        write_state(checkpoints.state_file, sign_note(text, key.public.name, key.private).encoded())
    return None


async def _found_in_state_file(checkpoints: Checkpoints, note: str, size: int) -> Rollback | None:
    try:
        remembered = (await checkpoints.opened(note)).checkpoint
    except BrokenNote:
        # Its key was made after the backup, or it is of another database: in any case the log is not the one it knows.
        return Rollback(STATE_FILE, _unproved_size(note))
    return None if await checkpoints.continues(remembered, size) else Rollback(STATE_FILE, remembered.size)


async def _found_by_witnesses(store: ReadBack, checkpoints: Checkpoints) -> Rollback | None:
    if not checkpoints.witnesses.keys:
        return None
    found: list[Rollback] = []
    for _ in range(_TRIES):
        found, size = await _submitted(store, checkpoints)
        head = (await store.head()).position
        if not any(size < one.lost_size <= head for one in found):
            break  # no other process has submitted a longer log in between
    accepted = await _accepted(store)
    return next((one for one in found if one not in accepted), None)


async def _submitted(store: ReadBack, checkpoints: Checkpoints) -> tuple[list[Rollback], int]:
    """Submit a checkpoint of the log as it is; what was found, and the size that was submitted.

    A witness that has a longer log says so, and one that has another refuses the proof. Nothing is signed on a log that
    does not continue its own last checkpoint (F34).
    """
    try:
        _, size = await checkpoints.prove_continuation()
    except Inconsistent as other:
        return [Rollback(other.known_by, other.size)], other.size
    if size == 0:
        return [], 0
    key = await checkpoints.keys.signer()
    text = Checkpoint(key.public.name, size, await read_root(store.tree, size)).text()
    answers = await checkpoints.witnesses.submit(sign_note(text, key.public.name, key.private))
    return [Rollback(one.witness, one.size) for one in answers if isinstance(one, Forked)], size


async def _accepted(store: ReadBack) -> set[Rollback]:
    events = codec.decode_stream(LOG, await store.read_stream(rollback_stream(DEFAULT_TENANT)))
    return {Rollback(one.known_by, one.lost_size) for one in events if isinstance(one, RollbackAccepted)}


def _unproved_size(note: str) -> int:
    try:
        checkpoint = read_checkpoint(read_note(note).text)
    except BrokenNote:
        raise StateUnusable(
            "checkpoint_state_file: it holds no checkpoint: give back the right file"
        ) from None
    return 0 if checkpoint is None else checkpoint.size
