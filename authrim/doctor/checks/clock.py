"""This machine's clock, the database's, and the server's as its answers tell it (decisions.md 7)."""

from collections.abc import Sequence
from time import time
from typing import Final

from authrim.core.decision_clock import MOST_SKEW_SECONDS
from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs
from domain.units import MICROSECONDS

#: Seconds between our clock and a Date header, which has whole seconds and is some time on its way.
_MOST_OF_DATE: Final = MOST_SKEW_SECONDS
_SYNCHRONIZE: Final = (
    "Let chrony or systemd-timesyncd set the clocks of all machines (timedatectl shows whether)."
)

DATABASE: Final = Problem(
    "clock.database",
    "fault",
    f"This machine's clock and the database's differ by more than {MOST_SKEW_SECONDS} seconds: no server is ready.",
    _SYNCHRONIZE,
)
DRIFTING: Final = Problem(
    "clock.drifting",
    "warning",
    "This machine's clock and the database's differ by more than a second.",
    _SYNCHRONIZE,
)
SERVER: Final = Problem(
    "clock.server",
    "fault",
    f"The clock of whoever answers at the issuer differs from this machine's by more than {MOST_SKEW_SECONDS} seconds.",
    _SYNCHRONIZE,
)


async def _examine(examined: Examined) -> Sequence[Finding]:
    found: list[Finding] = []
    before = time()
    head = await examined.opened_store.head()
    # Half of the way there and back; SQLite has no clock, only the newest time in the log.
    skew = head.now / MICROSECONDS - (before + time()) / 2
    if abs(skew) > MOST_SKEW_SECONDS:
        found.append(DATABASE.found(f"{skew:+.1f} seconds"))
    elif abs(skew) > 1:
        found.append(DRIFTING.found(f"{skew:+.1f} seconds"))
    if examined.outside_skew is not None and abs(examined.outside_skew) > _MOST_OF_DATE:
        found.append(SERVER.found(f"{examined.outside_skew:+.0f} seconds"))
    return found


CHECK: Final = Check("clock", "Do the clocks agree?", (DATABASE, DRIFTING, SERVER), _examine, (Needs.STORE,))
