"""Signing checkpoints, and the newest ones.

A checkpoint is an event. So an auditor finds it in the log, and replay restores it. One is signed only when it
continues the last one, and the one that the state file remembers: this is proved, as a stranger would (F34).
"""

import asyncio
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from authrim.audit.follow import Follower
from authrim.audit.tree import TreeFollower
from authrim.core.execute import Change, append_of
from authrim.core.origin import own_origin
from authrim.crypto.signed_note import BrokenNote, NoteKey, SignedNote, read_note, sign_note, verified
from authrim.store.contract import Conflict, StoreError
from authrim.store.read_back import ReadBack, SignedCheckpoint
from authrim.transparency.keys import CheckpointKeys
from authrim.transparency.proofs import prove_consistency, read_root
from authrim.transparency.state_file import StateUnusable, read_state, write_state
from authrim.transparency.witnesses import Cosigned, Forked, Witnesses
from domain.log_events import CheckpointSigned
from domain.stream import DEFAULT_TENANT, checkpoint_stream
from domain.tree.checkpoint import Checkpoint, read_checkpoint
from domain.tree.proofs import MissingTile
from domain.units import MICROSECONDS
from projections.checkpoints import CHECKPOINTS

log = structlog.get_logger(__name__)


class Inconsistent(StoreError):
    """The log does not continue a checkpoint that was signed. No other one is signed then."""

    def __init__(self, size: int, known_by: str) -> None:
        super().__init__(
            f"the log does not continue the checkpoint of {size} events that {known_by} has: it was changed, cut off "
            "or restored. No checkpoint is signed. Run `authrim audit verify`"
        )
        self.size = size
        self.known_by = known_by


#: Who remembers a checkpoint.
STATE_FILE: Final = "state_file"
THE_LOG: Final = "the log"


class OpenedCheckpoint(NamedTuple):
    """A note that a key of the log signed, and what it says."""

    note: SignedNote
    checkpoint: Checkpoint
    signers: tuple[NoteKey, ...]


class Checkpoints:
    """The checkpoints of one log."""

    def __init__(
        self, store: ReadBack, keys: CheckpointKeys, witnesses: Witnesses, state_file: Path | None
    ) -> None:
        self.keys = keys
        self.witnesses = witnesses
        self.state_file = state_file
        self._store = store

    async def newest(self, cosignatures: int = 0) -> SignedCheckpoint | None:
        """The newest checkpoint in the log with at least so many cosignatures."""
        await Follower(self._store, CHECKPOINTS).catch_up()
        return await self._store.tree.last_checkpoint(cosignatures)

    async def sign(self) -> SignedCheckpoint | None:
        """Sign a checkpoint of the log as it is now, unless there is nothing new; the newest one.

        Raises Inconsistent, LogDiffers, StateUnusable, BrokenNote and Unavailable, with nothing signed.
        """
        await TreeFollower(self._store).catch_up()  # nothing is made on a log that is not the one it was
        key = await self.keys.signer()  # a new one is an event too
        last, size = await self.prove_continuation()
        if last is not None and not _is_news(last, size):
            return last
        text = Checkpoint(key.public.name, size, await read_root(self._store.tree, size)).text()
        note = sign_note(text, key.public.name, key.private)
        cosigned = self._told(await self.witnesses.submit(note))
        note = SignedNote(text, (*note.signatures, *(one.signature for one in cosigned)))
        await self._record(size, note, tuple(one.witness for one in cosigned))
        if self.state_file is not None:
            await asyncio.to_thread(write_state, self.state_file, note.encoded())
        return await self.newest()

    async def remembered(self) -> OpenedCheckpoint | None:
        """The checkpoint in the state file. Raises StateUnusable."""
        if self.state_file is None:
            return None
        note = await asyncio.to_thread(read_state, self.state_file)
        if note is None:
            return None
        try:
            return await self.opened(note)
        except BrokenNote:
            raise StateUnusable(
                f"checkpoint_state_file: {self.state_file} is no checkpoint that a key of this log signed: it belongs "
                "to another database, or to a later one. Give back the right database or the right file"
            ) from None

    async def opened(self, note: str) -> OpenedCheckpoint:
        """A checkpoint, verified. Raises BrokenNote."""
        signed = read_note(note)
        signers = verified(signed, (*await self.keys.public(), *self.witnesses.keys))
        checkpoint = read_checkpoint(signed.text)
        if checkpoint is None or not any(key.kind == 1 and key.name == checkpoint.origin for key in signers):
            raise BrokenNote("no key of the log signed it")
        return OpenedCheckpoint(signed, checkpoint, signers)

    async def continues(self, earlier: Checkpoint, size: int) -> bool:
        """Whether the log, of ``size`` events, has the beginning that a checkpoint says."""
        if earlier.size > size:
            return False
        try:
            proved = await prove_consistency(self._store.tree, earlier.size, size)
        except MissingTile:
            return False
        return proved.old_root == earlier.root and proved.holds

    async def prove_continuation(self) -> tuple[SignedCheckpoint | None, int]:
        """Prove that the log continues what was signed; the newest checkpoint in it, and how many events it has. Raises
        what ``sign`` raises.

        What was signed is read first: a log that is read after it is no shorter, whatever other processes sign.
        """
        last = await self.newest()
        earlier = [] if last is None else [(THE_LOG, (await self.opened(last.note)).checkpoint)]
        remembered = await self.remembered()
        if remembered is not None:
            earlier.append((STATE_FILE, remembered.checkpoint))
        size = await TreeFollower(self._store).catch_up()
        for known_by, checkpoint in earlier:
            if not await self.continues(checkpoint, size):
                raise Inconsistent(checkpoint.size, known_by)
        return last, size

    def _told(self, answers: list[Cosigned | Forked]) -> list[Cosigned]:
        for answer in answers:
            if isinstance(answer, Forked):
                log.error("witness.forked", witness=answer.witness, size=answer.size)
        return [answer for answer in answers if isinstance(answer, Cosigned)]

    async def _record(self, size: int, note: SignedNote, witnesses: tuple[str, ...]) -> None:
        """Append the event. Another process may have signed the same size: then its checkpoint stands."""
        stream = checkpoint_stream(DEFAULT_TENANT, size)
        now = (await self._store.head()).now // MICROSECONDS
        event = CheckpointSigned(size, note.encoded(), now, witnesses)
        metadata = own_origin(DEFAULT_TENANT, "system").metadata()
        try:
            await self._store.append(append_of((Change(stream, 0, (event,)),), metadata))
        except Conflict:
            return
        log.info("checkpoint.signed", size=size, witnesses=len(witnesses))


def _is_news(last: SignedCheckpoint, size: int) -> bool:
    """Whether the log has more than the last checkpoint's own event since then: an idle log is left alone."""
    return size > last.position or last.position > last.size + 1
