"""Witnesses: others who remember the newest checkpoint that they saw, and cosign only what continues it (A229).

C2SP tlog-witness, ``add-checkpoint``. Every request goes through the one guard of outgoing requests. A witness that
cannot be reached, or that refuses, is logged, and the others go on.
"""

import asyncio
from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import structlog

from authrim.crypto.signed_note import (
    BrokenNote,
    NoteKey,
    Signature,
    SignedNote,
    read_note_key,
    read_signatures,
)
from authrim.outside.egress import Egress, EgressRefused, Exchange
from authrim.store.read_back import LogTree
from authrim.transparency.proofs import prove_consistency
from domain.tree.checkpoint import Checkpoint, read_checkpoint, read_size
from domain.tree.proofs import MissingTile

log = structlog.get_logger(__name__)

#: A cosignature line has some hundred bytes; a witness may have several keys.
_LONGEST_ANSWER: Final = 16_384
_SIZE_TYPE: Final = "text/x.tlog.size"
#: The size that a witness has may move between two requests: another process submitted a checkpoint.
_TRIES: Final = 3


class UnusableWitness(Exception):
    """A witness in the settings has a key of no known type. The text says which."""


class Witness(NamedTuple):
    """A witness: its key, and where checkpoints are submitted."""

    key: NoteKey
    url: str


class Forked(NamedTuple):
    """A witness has seen another log under this name, or a longer one: of ``size`` events."""

    witness: str
    size: int


class Cosigned(NamedTuple):
    """A witness cosigned."""

    witness: str
    signature: Signature


def witnesses_of(configured: Iterable[str]) -> tuple[Witness, ...]:
    """The witnesses of the settings. Raises UnusableWitness."""
    found = []
    for one in configured:
        text, _, url = one.partition(" ")
        key = read_note_key(text)
        if key is None:
            raise UnusableWitness(
                f"witnesses: {text} is no Ed25519 verifier key: copy it from the witness again"
            )
        found.append(Witness(key, url.rstrip("/")))
    return tuple(found)


class Witnesses:
    """All witnesses of the log."""

    def __init__(self, witnesses: Sequence[Witness], egress: Egress, tree: LogTree) -> None:
        self._all = tuple(witnesses)
        self._egress = egress
        self._tree = tree

    @property
    def keys(self) -> tuple[NoteKey, ...]:
        """Their keys."""
        return tuple(witness.key for witness in self._all)

    async def submit(self, note: SignedNote) -> list[Cosigned | Forked]:
        """Submit a checkpoint to all of them at once; what those answered that answered."""
        checkpoint = read_checkpoint(note.text)
        assert checkpoint is not None
        answers = await asyncio.gather(*(self._submit(one, note, checkpoint) for one in self._all))
        return [answer for answer in answers if answer is not None]

    async def _submit(
        self, witness: Witness, note: SignedNote, checkpoint: Checkpoint
    ) -> Cosigned | Forked | None:
        try:
            return await self._until_it_fits(witness, note, checkpoint)
        except (EgressRefused, MissingTile) as error:
            log.warning("witness.failed", witness=witness.key.name, kind=type(error).__name__)
        return None

    async def _until_it_fits(
        self, witness: Witness, note: SignedNote, checkpoint: Checkpoint
    ) -> Cosigned | Forked | None:
        """Begin with an old size of zero, as one does who does not know what the witness has; it says so."""
        old = 0
        for _ in range(_TRIES):
            answer = await self._ask(witness, note, checkpoint, old)
            if answer.status == 200:
                return _cosignature(witness, note, answer.body)
            known = _known_size(answer)
            if known is None or known == old:
                return self._refused(witness, answer.status, old)
            if known > checkpoint.size:
                return Forked(witness.key.name, known)
            old = known
        log.warning("witness.moving", witness=witness.key.name)
        return None

    def _refused(self, witness: Witness, status: int, old: int) -> Forked | None:
        log.warning("witness.refused", witness=witness.key.name, status=status, old_size=old)
        # A conflict at the size that it said itself: the roots differ. Or the proof did not verify.
        return Forked(witness.key.name, old) if old and status in (409, 422) else None

    async def _ask(self, witness: Witness, note: SignedNote, checkpoint: Checkpoint, old: int) -> Exchange:
        proof = (await prove_consistency(self._tree, old, checkpoint.size)).proof
        lines = [f"old {old}", *(b64encode(hash_).decode("ascii") for hash_ in proof), "", note.encoded()]
        return await self._egress.exchange(
            f"{witness.url}/add-checkpoint",
            "\n".join(lines).encode(),
            "text/plain; charset=utf-8",
            _LONGEST_ANSWER,
        )


def _cosignature(witness: Witness, note: SignedNote, body: bytes) -> Cosigned | None:
    """The cosignature by the configured key; others are passed over."""
    try:
        signatures = read_signatures(body.decode())
    except (BrokenNote, UnicodeDecodeError):
        signatures = ()
    for signature in signatures:
        named = (signature.name, signature.key_id) == (witness.key.name, witness.key.key_id)
        if named and witness.key.verifies(note.text, signature.signature):
            return Cosigned(witness.key.name, signature)
    log.warning("witness.cosignature_broken", witness=witness.key.name)
    return None


def _known_size(answer: Exchange) -> int | None:
    """The size that the witness says it has, in a conflict."""
    if answer.status != 409 or answer.media_type != _SIZE_TYPE:
        return None
    return read_size(answer.body.decode("ascii", "replace").removesuffix("\n"))
