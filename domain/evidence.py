"""Evidence that is written by a schedule: reports on a period, and bundles of its events."""

from typing import Any, Final

import msgspec

from domain.event import Event, folding, registry


class EvidenceScheduled(Event, frozen=True, tag="audit.evidence_scheduled.v1"):
    """The process that writes evidence by a schedule found one that is new, or whose times have changed. ``times`` are
    the five fields of crontab, in UTC; empty: it is not in the settings any more. Times before ``scheduled_at`` are not
    made up."""

    schedule: str
    times: str
    scheduled_at: int


class EvidenceWritten(Event, frozen=True, tag="audit.evidence_written.v1"):
    """A report or a bundle was written, and handed over. ``due_at`` is the time of the schedule that it was for,
    ``name`` that of its file or folder, ``sha256`` the digest of the bundle or of ``report.json``. Without a name there
    was no event in the period. ``skipped`` is how many older periods were left out, because too many were missed."""

    schedule: str
    due_at: int
    written_at: int
    name: str = ""
    first_position: int = 0
    last_position: int = 0
    sha256: str = ""
    skipped: int = 0


class EvidenceFailed(Event, frozen=True, tag="audit.evidence_failed.v1"):
    """A report or a bundle could not be written or handed over. ``cause`` is a word of docs/audit/schedule.md. It is
    tried again at ``retry_at``."""

    schedule: str
    due_at: int
    failed_at: int
    cause: str
    attempt: int
    retry_at: int


EVIDENCE_EVENTS = registry(EvidenceScheduled, EvidenceWritten, EvidenceFailed)


class Evidence(msgspec.Struct, frozen=True):
    """What one line of the schedule has done. Times up to ``since`` are done, or were never due. ``failed``: the newest
    failure, as long as nothing was written after it."""

    times: str = ""
    since: int = 0
    written: EvidenceWritten | None = None
    failed: EvidenceFailed | None = None


NONE: Final = Evidence()


def apply(state: Evidence, event: Any) -> Evidence:
    """The state after one more event."""
    replace = msgspec.structs.replace
    match event:
        case EvidenceScheduled(times="", scheduled_at=at):
            return Evidence("", max(state.since, at), state.written)
        case EvidenceScheduled(times=times, scheduled_at=at):
            return replace(state, times=times, since=max(state.since, at))
        case EvidenceWritten(due_at=due_at, name=name):
            written = event if name else state.written
            return replace(state, since=max(state.since, due_at), written=written, failed=None)
        case EvidenceFailed():
            return replace(state, failed=event)
        case _:
            return state


fold: Final = folding(apply, NONE)
