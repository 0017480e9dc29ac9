"""The background work: whether anybody does it."""

from collections.abc import Sequence
from typing import Final

from authrim.audit.follow import NAMES
from authrim.core.readiness import LONG_LAG
from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs
from domain.units import MICROSECONDS

BEHIND: Final = Problem(
    "background.behind",
    "fault",
    f"A follower is more than {LONG_LAG} seconds behind the log: nobody does the background work, or it fails.",
    "Start authrim background, or set background to process or inside. Its log line background.failed says what fails.",
)


async def _examine(examined: Examined) -> Sequence[Finding]:
    lags = await examined.opened_store.lags(NAMES)
    behind = {name: lag // MICROSECONDS for name, lag in sorted(lags.items())}
    late = [f"{name} {seconds} s" for name, seconds in behind.items() if seconds >= LONG_LAG]
    return [BEHIND.found(", ".join(late))] if late else []


CHECK: Final = Check("background", "Is the background work done?", (BEHIND,), _examine, (Needs.STORE,))
