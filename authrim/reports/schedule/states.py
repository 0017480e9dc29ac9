"""What the schedule of evidence has done, read from the log: what was written last, what failed, what is late."""

from typing import Final, Literal

import msgspec

from authrim.core.stream_state import read_state
from authrim.reports.schedule.due import next_time
from authrim.store.contract import Store
from domain.evidence import Evidence, EvidenceFailed, EvidenceWritten, fold
from domain.stream import AUDIT, EVIDENCE, evidence_stream, parse

#: Seconds after which evidence that was not written is late: the process for it does not run, or hangs.
LATE_AFTER: Final = 3600
_MOST: Final = 1000


class ScheduleState(msgspec.Struct, frozen=True):
    """One line of the schedule. ``late_since``: the time that has passed without evidence or failure."""

    schedule: str
    times: str
    next_at: int
    written: EvidenceWritten | None
    failed: EvidenceFailed | None
    late_since: int = 0

    @property
    def status(self) -> Literal["ok", "failed", "late"]:
        """How it stands."""
        return "failed" if self.failed is not None else "late" if self.late_since else "ok"


async def states_of(store: Store, tenant: str) -> list[ScheduleState]:
    """Every line of the schedule that is in the settings now, as the log has it. Raises StoreError."""
    found = []
    for name in await scheduled(store, tenant):
        state, _, now = await read_state(store, evidence_stream(tenant, name), fold)
        if state.times:
            found.append(_state(name, state, now))
    return found


async def scheduled(store: Store, tenant: str) -> list[str]:
    """The names of all lines that ever were. Raises StoreError."""
    prefix = f"{tenant}:{AUDIT}:{EVIDENCE}"
    names = await store.stream_names(prefix, "", _MOST)
    return [parse(name).id.removeprefix(EVIDENCE) for name in names]


def _state(name: str, state: Evidence, now: int) -> ScheduleState:
    due = next_time(state.times, state.since)
    late = due if state.failed is None and now >= due + LATE_AFTER else 0
    return ScheduleState(name, state.times, due, state.written, state.failed, late)
