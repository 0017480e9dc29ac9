"""RFC 7523 §3, RFC 9449 §11.1: the ``jti`` of an assertion or of a proof can be used only once, on all nodes
and after restarts (decisions.md 17).

The check of an assertion or proof returns the value to reserve. The value is reserved after everything in the request
has been checked, and before anything is decided. So a request that must be repeated with a nonce has used up nothing.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from authrim.metrics.catalogue import GUARD_HITS
from authrim.store.contract import Store
from domain.errors import Refusal


class SingleUseValue(msgspec.Struct, frozen=True):
    """One value to reserve: its key, how long it is kept (seconds since 1970), and the refusal when it was used
    before."""

    key: str
    expires_at: int
    refusal: Refusal


async def use_up(store: Store, values: Sequence[SingleUseValue]) -> Refusal | None:
    """Reserve all values in one round trip. Return the refusal of the first value that was used before. The others stay
    reserved, so a refused request cannot be sent again either."""
    fresh = await asyncio.gather(*[store.reserve(value.key, value.expires_at) for value in values])
    refusal = next(
        (value.refusal for value, is_fresh in zip(values, fresh, strict=True) if not is_fresh), None
    )
    if refusal is not None:
        GUARD_HITS.add("single_use")
    return refusal
