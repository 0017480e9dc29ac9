"""RFC 9449 §8, §9: nonces for DPoP proofs, and challenges for attestations; the same on every node, and no row for
any of them.

A nonce is a step of time and a keyed hash of it. Everybody gets the same one within a step; it says only that a proof
was made after the step began, which is what it is for: a proof that was made in advance has none (A105, A111).
"""

from functools import lru_cache
from typing import Final, NamedTuple

from authrim.crypto import base64url
from authrim.crypto.keyed_hash import keyed_hash
from authrim.crypto.master import MasterKeys

#: How long one nonce is given out. It is accepted in the step after it too, and in the step before, for a node whose
#: clock is behind.
STEP_SECONDS: Final = 60
ACCEPTED_SECONDS: Final = 3 * STEP_SECONDS
_STEP_BYTES: Final = 5
_TAG_BYTES: Final = 16


class Nonces(NamedTuple):
    """The nonces of one moment: those that are accepted, of every configured master key, and the one to give out."""

    accepted: frozenset[str]
    fresh: str


def nonces_at(master: MasterKeys, tenant: str, purpose: str, now: int) -> Nonces:
    """The nonces at ``now`` (seconds since 1970)."""
    return _nonces(master, tenant, purpose, now // STEP_SECONDS)


@lru_cache(maxsize=64)
def _nonces(master: MasterKeys, tenant: str, purpose: str, step: int) -> Nonces:
    accepted = frozenset(
        _nonce(master, tenant, purpose, near, key_id)
        for near in (step - 1, step, step + 1)
        for key_id in master.key_ids
    )
    return Nonces(accepted, _nonce(master, tenant, purpose, step, master.current_id))


@lru_cache(maxsize=64)
def _nonce(master: MasterKeys, tenant: str, purpose: str, step: int, key_id: str) -> str:
    counted = step.to_bytes(_STEP_BYTES, "big")
    tag = keyed_hash(master.derive(f"nonce/{purpose}", key_id), tenant.encode(), counted)
    return base64url.encode(counted + tag[:_TAG_BYTES])
