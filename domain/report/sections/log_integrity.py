"""The log itself: whether it is whole, who else vouches for it, and whether a rule was found broken."""

from collections import Counter
from typing import Final

from domain.log_entry import LogEntry
from domain.log_events import CheckpointKeyCreated, CheckpointSigned, RollbackAccepted
from domain.monitor_events import RuleBreakAcknowledged, RuleBroken
from domain.report.kinds import Kinds, as_rule
from domain.report.model import Figure, Finding, Section, Severity, Table
from domain.report.over_time import OverTime, time_text
from domain.report.section import Context, Integrity, tags
from domain.report.spread import seconds
from domain.report.trails import Trails

_INTRO: Final = (
    "Every event is in a hash chain and in a Merkle tree. The log was compared with both for this report, from its "
    "first event to the last one of the period; had anything not fitted, there would be no report. Checkpoints are "
    "signed roots of the tree, and witnesses sign them too, so that no other log can be shown to anybody else. A "
    "monitor keeps proving the rules of the protocols over the log."
)
_CANNOT_SHOW: Final = (
    "Whether the server answered: an idle server records nothing, so a pause is not an outage. Monitoring from outside "
    "shows availability.",
    "Whether a witness kept what it signed: the witness shows it.",
    "Copies and backups of the database, and whether they can be restored: their own records show it.",
)
#: How the table calls checkpoints that no witness signed.
_NO_WITNESS: Final = "none"


class LogIntegrity:
    """The section. Its state is the breaches that nobody has looked into, and the checkpoints of the period."""

    id = "log_integrity"
    title = "Availability and integrity of the log"
    wants = tags(CheckpointKeyCreated, CheckpointSigned, RollbackAccepted, RuleBroken, RuleBreakAcknowledged)

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._breaches = Kinds(trails, "log_integrity.breaches", "log_integrity.breaches_of", as_rule)
        self._open: dict[str, int] = {}
        self._witnesses: Counter[str] = Counter()
        self._newest: dict[str, int] = {}
        self._covered = self._covered_at = 0
        self._checkpoint_time = 0
        self._longest_wait = self._wait_ended = 0

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        match entry.event:
            case CheckpointSigned():
                self._signed(entry, entry.event, in_period=in_period)
            case RuleBroken(rule=rule):
                self._open[entry.stream.id] = entry.position
                if in_period:
                    self._breaches.add(entry.position, rule)
            case RuleBreakAcknowledged():
                self._open.pop(entry.stream.id, None)
                if in_period:
                    self._trails.of("log_integrity.acknowledged").add(entry.position)
            case CheckpointKeyCreated() if in_period:
                self._trails.of("log_integrity.keys").add(entry.position)
            case RollbackAccepted() if in_period:
                self._trails.of("log_integrity.rollbacks").add(entry.position)

    def result(self, context: Context) -> Section:
        """The section, after the last event."""
        over = OverTime()
        for day, count in context.integrity.per_day:
            over.add(day, count)
        figures = (
            *self._chain(context, over.empty_days(context.period)), *self._checkpoints(context), *self._rules()
        )  # fmt: skip
        series = (over.series("log_integrity.over_time", "Events recorded", "events", context.period),)
        tables = (
            self._table(),
            self._breaches.table("log_integrity.rules", "Breaches by rule", "Rule"),
        )
        return Section(
            self.id,
            self.title,
            _INTRO,
            figures,
            tables,
            series,
            self._findings(context.integrity),
            _CANNOT_SHOW,
        )

    def _signed(self, entry: LogEntry, event: CheckpointSigned, *, in_period: bool) -> None:
        self._covered, self._covered_at = event.size, entry.position
        if not in_period:
            self._checkpoint_time = entry.recorded_at
            return
        self._trails.of("log_integrity.checkpoints").add(entry.position)
        if event.witnesses:
            self._trails.of("log_integrity.witnessed").add(entry.position)
        for witness in event.witnesses or (_NO_WITNESS,):
            self._witnesses[witness] += 1
            self._newest[witness] = entry.recorded_at
        wait = entry.recorded_at - self._checkpoint_time
        if self._checkpoint_time and wait > self._longest_wait:
            self._longest_wait, self._wait_ended = wait, entry.position
        self._checkpoint_time = entry.recorded_at

    def _chain(self, context: Context, empty_days: int) -> tuple[Figure, ...]:
        of, proved, period = self._trails.of, context.integrity, context.period
        first, last = period.first_position, period.last_position
        after = [proved.pause_after] if proved.pause_after else []
        return (
            of("log_integrity.events").add_range(first, last).figure(
                "Events recorded", "All events of the period, of every kind. Their positions have no gap.",
            ),
            of("log_integrity.chain").add_all([last]).figure(
                "Hash of the chain at the end",
                "The hash of the chain at the end of the period, computed again from the first event on.",
                proved.chain_after, "SHA-256",
            ),
            of("log_integrity.batches").add_range(first, last).figure(
                "Ledger rows", "The batches in which the events were recorded, each chained to the one before.",
                proved.batches, "rows",
            ),
            of("log_integrity.pause").add_all(after).figure(
                "Longest pause between events", "The longest time between two batches. An idle server records nothing.",
                seconds(proved.longest_pause), "seconds",
            ),
            of("log_integrity.empty_days").figure(
                "Days without events", "Days (UTC) of the period on which nothing was recorded.", empty_days, "days"
            ),
            of("log_integrity.unreadable").add_all(proved.unreadable).figure(
                "Events that could not be read",
                "Events of a kind that this report counts and this version of the server cannot read.",
            ),
        )  # fmt: skip

    def _checkpoints(self, context: Context) -> tuple[Figure, ...]:
        of, last = self._trails.of, context.period.last_position
        newest = [self._covered_at] if self._covered_at else []
        return (
            of("log_integrity.checkpoints").figure(
                "Checkpoints signed", "Signed roots of the tree over the log.", unit="checkpoints"
            ),
            of("log_integrity.witnessed").figure(
                "Checkpoints with a witness", "Those that at least one witness signed too.", unit="checkpoints"
            ),
            of("log_integrity.uncovered").add_all(newest).figure(
                "Events after the newest checkpoint",
                "Events at the end of the period that no checkpoint covered. The position is that of the newest one.",
                max(last - self._covered, 0), "events",
            ),
            of("log_integrity.longest_wait").add_all([self._wait_ended] if self._wait_ended else []).figure(
                "Longest time between two checkpoints",
                "It ended with the checkpoint at the position. An idle log gets no new checkpoint.",
                seconds(self._longest_wait), "seconds",
            ),
            of("log_integrity.keys").figure(
                "Checkpoint keys made", "New keys that sign checkpoints.", unit="keys"
            ),
            of("log_integrity.rollbacks").figure(
                "Older logs accepted",
                "How often an operator let the server start on a log that was older than one that had been signed.",
                unit="times",
            ),
        )  # fmt: skip

    def _rules(self) -> tuple[Figure, ...]:
        return (
            *self._breaches.figures(
                ("Broken rules", "Broken: {}"),
                (
                    "Breaches of the rules of the protocols that the monitor found.",
                    "Breaches of the rule {} (docs/audit/monitor.md).",
                ),
                "breaches",
            ),
            self._trails.of("log_integrity.acknowledged").figure(
                "Breaches looked into", "Breaches of which somebody recorded that they looked into it.", unit="breaches"
            ),
            self._trails.of("log_integrity.open_breaches").add_all(self._open.values()).figure(
                "Breaches open at the end", "Breaches of any time that nobody has looked into.", unit="breaches"
            ),
        )  # fmt: skip

    def _table(self) -> Table:
        rows = tuple(
            (name, count, time_text(self._newest[name])) for name, count in sorted(self._witnesses.items())
        )
        return Table(
            "log_integrity.witnesses",
            "Checkpoints by witness",
            ("Witness", "Checkpoints", "Newest (UTC)"),
            rows,
        )

    def _findings(self, proved: Integrity) -> tuple[Finding, ...]:
        of = self._trails.of
        found: list[Finding] = []
        severe: tuple[tuple[str, Severity, str], ...] = (
            (
                "rollbacks",
                "critical",
                "Older logs that were accepted: {}. What had been recorded since is missing.",
            ),
            ("open_breaches", "critical", "Breaches of rules that nobody has looked into: {}."),
            ("unreadable", "warning", "Events that could not be read: {}. They are in no figure."),
        )
        for name, severity, text in severe:
            trail = of(f"log_integrity.{name}")
            if trail.count:
                found.append(trail.finding(severity, text.format(trail.count)))
        if not proved.whole:
            text = "Only the period was proved, and not the log before it."
            found.append(of("log_integrity.events").finding("warning", text))
        return tuple(found)
