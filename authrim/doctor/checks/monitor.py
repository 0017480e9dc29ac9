"""The monitor of the log's rules, and the evidence that is written by a schedule."""

from collections.abc import Sequence
from typing import Final

from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs
from authrim.reports.schedule.states import states_of
from domain.stream import DEFAULT_TENANT

BREACH: Final = Problem(
    "monitor.breach",
    "fault",
    "A rule of the log was broken, and nobody has acknowledged it.",
    "authrim audit monitor shows each breach. Look into it, then acknowledge it with --acknowledge and --reason.",
)
EVIDENCE: Final = Problem(
    "monitor.evidence",
    "warning",
    "Evidence of the schedule was not written.",
    "authrim report schedule says which and why. It needs the background work, and room in report_directory.",
)

_MOST: Final = 20


async def _examine(examined: Examined) -> Sequence[Finding]:
    store = examined.opened_store
    breaches = await store.monitor.breaches(_MOST)
    states = await states_of(store, DEFAULT_TENANT)
    missing = [f"{state.schedule}: {state.status}" for state in states if state.status != "ok"]
    found = [BREACH.found(f"{known.breach.rule} {known.breach.id}") for known in breaches]
    return [*found, EVIDENCE.found("; ".join(missing))] if missing else found


CHECK: Final = Check(
    "monitor",
    "Are the rules of the log kept, and is scheduled evidence written?",
    (BREACH, EVIDENCE),
    _examine,
    (Needs.STORE,),
)
