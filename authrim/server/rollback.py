"""Before a server serves: refuse a log older than one that was signed, or accept it and end everything (F35)."""

import structlog

from authrim.core.clients_and_keys import Configuration
from authrim.core.master_proof import master_keys_of, prove_master_keys
from authrim.core.questions import refuse_reason
from authrim.core.sealed_rows import PrivateData
from authrim.core.signing_keys import key_ring_of
from authrim.crypto.signed_note import BrokenNote
from authrim.outside.egress import Egress
from authrim.people.everything_ended import end_everything
from authrim.settings import Settings
from authrim.store.read_back import ReadBack
from authrim.transparency.background import made_of
from authrim.transparency.rollback import (
    THE_RESTORE,
    Rollback,
    RolledBack,
    accept_rollback,
    find_rollback,
)
from authrim.transparency.state_file import StateUnusable
from authrim.transparency.witnesses import UnusableWitness
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from domain.tree.proofs import MissingTile

log = structlog.get_logger(__name__)


class StartRefused(Exception):
    """The server does not start. The text says why, and what to do."""


async def refuse_rollback(
    settings: Settings, store: ReadBack, reason: str | None, *, keep: bool = False
) -> None:
    """Raise StartRefused when another log is known than this one, unless an operator gives a ``reason`` to accept it.

    All that people and clients hold ends first, and the acceptance is recorded last: so what is interrupted is asked
    again. The reason accepts whatever else is known of the log, by the state file and each witness. ``keep``: nothing
    ends. That is for a restored backup of which nobody has seen a longer log, and refused otherwise.
    """
    master = master_keys_of(settings)
    private, egress = PrivateData(store, master), Egress.from_settings(settings)
    try:
        checkpoints = made_of(settings, store, private, egress)
        found = await find_rollback(store, checkpoints)
        if found is None:
            return
        if reason is None:
            raise RolledBack(found, (await store.head()).position)
        _raise(refuse_reason(reason, demanded=True))
        await prove_master_keys(store, master)
        if keep:
            _refuse_to_keep(found)
        # Before anything is appended: a follower that is ahead would pass over it. The mark remembers that it was.
        await store.restored.follow_again((await store.head()).position)
        if not keep:
            await _end_everything(settings, store, private)
        accepted: set[str] = set()
        while found is not None:
            if keep:
                _refuse_to_keep(found)
            if found.known_by in accepted:
                raise RolledBack(found, (await store.head()).position)
            accepted.add(found.known_by)
            _raise(await accept_rollback(store, checkpoints, found, reason, kept=keep))
            found = await find_rollback(store, checkpoints)
    except (BrokenNote, MissingTile) as broken:
        raise StartRefused(
            f"the log cannot be compared with what was signed of it: {broken}. Run `authrim projections verify`"
        ) from None
    except (RolledBack, StateUnusable, UnusableWitness) as refused:
        raise StartRefused(str(refused)) from None
    finally:
        await egress.close()


def _refuse_to_keep(found: Rollback) -> None:
    if found.known_by != THE_RESTORE:
        raise StartRefused(
            f"--keep-grants: {found.known_by} knows of {found.lost_size} events, which the log does not continue, so "
            "something is lost, and nobody knows what was revoked in it. Start without --keep-grants"
        )


async def _end_everything(settings: Settings, store: ReadBack, private: PrivateData) -> None:
    configuration = Configuration(store, key_ring_of(settings, private))
    await configuration.open()
    ended = await end_everything(store, private, configuration, DEFAULT_TENANT)
    log.warning("rollback.ended", **ended._asdict())
    if ended.left:
        raise StartRefused(
            f"{ended.left} sessions and grants could not be ended: start again in the same way"
        )


def _raise(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise StartRefused(f"--accept-rollback: {refusal.description} {refusal.hint}")
