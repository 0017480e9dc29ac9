"""RFC 7523 §3, RFC 9449 §11.1: the ``jti`` of an assertion or of a proof is used once, over all nodes and restarts
(decisions.md 17).

Whoever checks one says what would be used up; it is reserved after everything in the request has been checked and
before anything is decided. So a request that is asked to come again with a nonce has used up nothing.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from authrim.store.contract import Store
from domain.errors import Refusal


class UsedOnce(msgspec.Struct, frozen=True):
    """One value to reserve: its key, until when it is kept (seconds since 1970), and what is answered when somebody
    has used it before."""

    key: str
    expires_at: int
    refusal: Refusal


async def use_up(store: Store, values: Sequence[UsedOnce]) -> Refusal | None:
    """Reserve all of them, in one round trip; the refusal of the first that was used before. The others stay used up:
    a request that was refused cannot be sent again either."""
    fresh = await asyncio.gather(*[store.reserve(value.key, value.expires_at) for value in values])
    return next((value.refusal for value, is_fresh in zip(values, fresh, strict=True) if not is_fresh), None)
