"""Signs checkpoints as long as the server runs: one process of all, once per interval."""

import asyncio
from time import time
from typing import Final

import structlog

from authrim.core.parts import Core
from authrim.core.sealed_rows import PrivateData
from authrim.crypto.signed_note import BrokenNote
from authrim.outside.egress import Egress
from authrim.settings import Settings
from authrim.store.contract import StoreError
from authrim.store.read_back import ReadBack
from authrim.transparency.checkpoints import Checkpoints
from authrim.transparency.keys import CheckpointKeys, log_name
from authrim.transparency.state_file import StateUnusable
from authrim.transparency.witnesses import Witnesses, witnesses_of
from domain.tree.proofs import MissingTile

log = structlog.get_logger(__name__)

#: What may keep a checkpoint from being signed. Each is logged, and tried again after an interval.
FAILURES: Final = (StoreError, StateUnusable, BrokenNote, MissingTile)


def checkpoints_of(core: Core) -> Checkpoints:
    """The checkpoints of a server's log. Raises UnusableWitness."""
    return made_of(core.settings, core.store, core.private, core.egress)


def made_of(settings: Settings, store: ReadBack, private: PrivateData, egress: Egress) -> Checkpoints:
    """The same for a command, and for a server before it has a core. Raises UnusableWitness."""
    keys = CheckpointKeys(store, private, log_name(settings))
    witnesses = Witnesses(witnesses_of(settings.witnesses), egress, store.tree)
    return Checkpoints(store, keys, witnesses, settings.checkpoint_state_file)


async def sign_until_cancelled(core: Core) -> None:
    """Sign at the end of each interval."""
    checkpoints, interval = checkpoints_of(core), core.settings.checkpoint_interval_seconds
    while True:
        await asyncio.sleep(interval)
        try:
            # Of several processes, the first one in each interval signs.
            number = int(time()) // interval
            if await core.store.reserve(f"checkpoint:{number}", (number + 2) * interval):
                await checkpoints.sign()
        except FAILURES as failed:
            log.error("checkpoint.not_signed", kind=type(failed).__name__, reason=str(failed))
