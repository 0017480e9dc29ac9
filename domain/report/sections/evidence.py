"""Evidence that is written by a schedule: reports and bundles, and those that could not be written."""

from collections import Counter
from typing import Final

from domain.evidence import EvidenceFailed, EvidenceScheduled, EvidenceWritten
from domain.log_entry import LogEntry
from domain.report.exceptions import Rule, findings_of
from domain.report.model import Figure, Section, Table, Value
from domain.report.over_time import OverTime
from domain.report.section import Context, tags
from domain.report.trails import Trails
from domain.report.wording import clean, seconds_text
from domain.vocabulary.causes import explained

_INTRO: Final = (
    "Reports and bundles of the log that this server writes at fixed times, so that nobody has to remember. What was "
    "written is named with its digest; what could not be written is tried again."
)
_CANNOT_SHOW: Final = (
    "Whether somebody read what was written, and where it is kept: see whoever receives it.",
    "Reports and bundles that people made themselves: the section on administrative actions counts these.",
)
_RULES: Final = (
    Rule(
        "evidence.failing", "warning",
        "Schedules whose last attempt failed: {value}. Their evidence is missing until the cause is mended.",
    ),
    Rule(
        "evidence.skipped", "warning",
        "Periods for which nothing was written, because too many were missed: {value}.",
    ),
)  # fmt: skip
_MOST: Final = 300


class ScheduledEvidence:
    """The section."""

    id = "evidence"
    title = "Scheduled evidence"
    wants = tags(EvidenceScheduled, EvidenceWritten, EvidenceFailed)

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._times: dict[str, tuple[str, int]] = {}
        self._failing: dict[str, int] = {}
        self._causes: Counter[str] = Counter()
        self._rows: list[tuple[Value, ...]] = []
        self._left_out = self._skipped = 0
        self._failed_over_time = OverTime()

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        of, position = self._trails.of, entry.position
        match entry.event:
            case EvidenceScheduled(schedule=schedule, times=times):
                self._times.pop(schedule, None)
                if times:
                    self._times[schedule] = clean(times), position
                else:
                    self._failing.pop(schedule, None)
            case EvidenceWritten():
                self._failing.pop(entry.event.schedule, None)
                if in_period:
                    self._written(entry, entry.event)
            case EvidenceFailed(schedule=schedule, cause=cause):
                self._failing[schedule] = position
                if in_period:
                    self._causes[clean(cause)] += 1
                    of("evidence.failed").add(position)
                    self._failed_over_time.add(entry.recorded_at)

    def result(self, context: Context) -> Section:
        """The section, after the last event."""
        figures = tuple(self._figures())
        causes = sorted(self._causes.items(), key=lambda row: (-row[1], row[0]))
        columns = ("Schedule", "Due (UTC)", "Written (UTC)", "Name", "SHA-256")
        tables = (
            Table(
                "evidence.schedules", "Schedules at the end of the period", ("Schedule", "Times (crontab, UTC)"),
                tuple((clean(name), times) for name, (times, _) in sorted(self._times.items())),
            ),
            Table(
                "evidence.written_table", "What was written", columns, tuple(self._rows), self._left_out
            ),
            Table(
                "evidence.causes", "Attempts that failed, by cause", ("Cause", "Count"),
                tuple((explained(cause), count) for cause, count in causes),
            ),
        )  # fmt: skip
        series = self._failed_over_time.series(
            "evidence.failed_per_day", "Attempts that failed", "attempts", context.period
        )
        return Section(
            self.id, self.title, _INTRO, figures, tables, (series,), tuple(findings_of(figures, _RULES)), _CANNOT_SHOW,
        )  # fmt: skip

    def _written(self, entry: LogEntry, event: EvidenceWritten) -> None:
        name = "written" if event.name else "empty"
        self._trails.of(f"evidence.{name}").add(entry.position)
        if event.skipped:
            self._skipped += event.skipped
            self._trails.of("evidence.skipped").add(entry.position)
        if len(self._rows) < _MOST:
            self._rows.append(
                (
                    clean(event.schedule), seconds_text(event.due_at), seconds_text(event.written_at),
                    clean(event.name) or "nothing had happened", event.sha256,
                )
            )  # fmt: skip
        else:
            self._left_out += 1

    def _figures(self) -> list[Figure]:
        of = self._trails.of
        return [
            of("evidence.scheduled").add_all(by for _, by in self._times.values()).figure(
                "Schedules of evidence",
                "Reports and bundles that are to be written at fixed times, at the end of the period.",
                unit="schedules",
            ),
            of("evidence.written").figure(
                "Reports and bundles written", "How many were written by a schedule during the period.",
                unit="files",
            ),
            of("evidence.empty").figure(
                "Periods without an event", "How often there was nothing to write, because nothing had happened.",
                unit="periods",
            ),
            of("evidence.failed").figure(
                "Attempts that failed", "How often a report or a bundle could not be written or handed over.",
                unit="attempts",
            ),
            of("evidence.failing").add_all(self._failing.values()).figure(
                "Schedules that fail",
                "Schedules at the end of the period whose last attempt failed, and that wrote nothing since.",
                unit="schedules",
            ),
            of("evidence.skipped").figure(
                "Periods left out", "Periods that nothing was written for, because too many had been missed.",
                self._skipped, "periods",
            ),
        ]  # fmt: skip
