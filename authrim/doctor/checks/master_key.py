"""The master keys: whether they are those of the database. Nothing is written."""

from collections.abc import Sequence
from typing import Final

from authrim.core.master_proof import OldestMasterKeyMoved, WrongMasterKeys
from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs

WRONG: Final = Problem(
    "master_key.wrong",
    "fault",
    "The database is sealed under a master key that the settings do not have. No server will start.",
    "Put the key back, behind the newer ones. The detail names its id, and what to do when it is lost.",
)
ORDER: Final = Problem(
    "master_key.order",
    "fault",
    "The master keys are in another order: the last one makes pairwise subjects, and must stay the last.",
    "Put the keys in the order from the newest to the oldest.",
)
UNPROVED: Final = Problem(
    "master_key.unproved",
    "note",
    "Nothing is sealed yet, so nothing shows that this is the right master key.",
    "Keep a copy of the key away from the database and its backups. The first start seals the proof.",
)


async def _examine(examined: Examined) -> Sequence[Finding]:
    place, proof = examined.settings.master_keys_place, examined.proof
    if isinstance(proof, OldestMasterKeyMoved):
        return [ORDER.found(f"{place}: {proof}")]
    if isinstance(proof, WrongMasterKeys):
        return [WRONG.found(f"{place}: {proof}")]
    return [] if proof else [UNPROVED.found()]


CHECK: Final = Check(
    "master_key",
    "Are the master keys those of the database?",
    (WRONG, ORDER, UNPROVED),
    _examine,
    (Needs.STORE,),
)
