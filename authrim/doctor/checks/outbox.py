"""The outbox: whether messages reach those whom they are for."""

from collections.abc import Sequence
from typing import Final

from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs
from domain.units import HOUR, MICROSECONDS

DEAD: Final = Problem(
    "outbox.dead",
    "warning",
    "Messages were given up, because their receivers did not take them.",
    "authrim outbox list shows them; when the receiver works again, authrim outbox retry.",
)
OLD: Final = Problem(
    "outbox.old",
    "warning",
    "A receiver has not taken its messages for more than an hour.",
    "authrim outbox receivers shows who and since when. Look at the address, its certificate and egress_allow.",
)

_MOST: Final = 1000


async def _examine(examined: Examined) -> Sequence[Finding]:
    store = examined.opened_store
    receivers = await store.outbox.receivers("", _MOST)
    now = (await store.head()).now
    dead = [f"{one.kind} {one.receiver}: {one.dead}" for one in receivers if one.dead]
    old = [
        f"{one.kind} {one.receiver}: {(now - one.oldest) // MICROSECONDS // HOUR} h"
        for one in receivers
        if one.oldest is not None and now - one.oldest > HOUR * MICROSECONDS
    ]
    found = [DEAD.found("; ".join(dead[:5]))] if dead else []
    return [*found, OLD.found("; ".join(old[:5]))] if old else found


CHECK: Final = Check("outbox", "Do messages reach their receivers?", (DEAD, OLD), _examine, (Needs.STORE,))
