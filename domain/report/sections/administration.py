"""Privileged and administrative actions: who did them, what they changed, and who read people's data."""

from collections import Counter
from typing import Final

from domain.grant.events import AccessTokenRevoked, GrantRevoked
from domain.incident import IncidentClosed, IncidentContinued, IncidentEnded, IncidentOpened
from domain.log_entry import LogEntry
from domain.log_events import CheckpointKeyCreated, ContentsDropped, RollbackAccepted
from domain.monitor_events import RuleBreakAcknowledged
from domain.outbox_events import DeliveriesDiscarded, DeliveriesRetried
from domain.person.session_events import SessionEnded
from domain.question_events import QuestionAsked
from domain.report.event_names import name_of
from domain.report.exceptions import Rule, findings_of
from domain.report.model import Figure, Section, Table, Value
from domain.report.over_time import OverTime, time_text
from domain.report.section import Context, tags
from domain.report.trails import Trails, slug
from domain.report.what_changed import CHANGES, WhatChanged
from domain.report.wording import clean
from domain.review_events import AccessReviewed
from domain.signal.events import SignalStreamDeleted, SignalStreamStatusSet

_INTRO: Final = (
    "What administrators did, with what it changed, and who read what this log has about people. An administrator is "
    "whoever runs a command of this server on its machine. The machine's operating system says who that is, as a "
    "numeric user id; your administration of that machine knows the person behind the number. Settings are changed in "
    "files, not by commands: the section on changes tells what a process of the server started with."
)
_CANNOT_SHOW: Final = (
    "Which person used a user id of the operating system, and whether several people share it: see the accounts, the "
    "sudo records and the sign-in records of the server's machine.",
    "What was done on the machine or in the database without a command of this server: see the records of the "
    "operating system, of the database and of the backups. Whether the log itself was changed there is shown in the "
    "section on the log.",
    "Commands that were refused, and those that only list clients, keys or settings: see the records of the machine.",
    "Whether an action had been approved: the reason, where one was given, may name a ticket.",
)
#: Besides what changes something: what else an administrator can do, and what comes from administrators only.
_OTHERS: Final = tags(
    SessionEnded, GrantRevoked, AccessTokenRevoked, IncidentOpened, IncidentContinued, IncidentEnded, IncidentClosed,
    RuleBreakAcknowledged, RollbackAccepted, ContentsDropped, CheckpointKeyCreated, DeliveriesRetried,
    DeliveriesDiscarded, AccessReviewed, SignalStreamStatusSet, SignalStreamDeleted,
)  # fmt: skip
_RULES: Final = (
    Rule(
        "administration.superuser", "warning",
        "Actions that were done as user id 0 (root): {value}. Who that was cannot be told from the log. Let "
        "administrators work with accounts of their own.",
    ),
    Rule("administration.unknown", "warning", "Actions of which it is not recorded who did them: {value}."),
    Rule(
        "administration.questions_no_reason", "note",
        "Questions about people or copies of events for which no reason was given: {value}. A ticket number as reason "
        "shows later why somebody looked.",
    ),
)  # fmt: skip
_ADMIN: Final = "admin"
_SUPERUSER: Final = "uid 0"
_UNKNOWN: Final = "not recorded"
#: Rows of a table. All actions are behind the figures.
_MOST: Final = 500


class Administration:
    """The section."""

    id = "administration"
    title = "Administrative actions"
    wants = frozenset(CHANGES) | _OTHERS | tags(QuestionAsked)

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._changed = WhatChanged()
        self._kinds: Counter[str] = Counter()
        self._operators: Counter[str] = Counter()
        self._askers: Counter[tuple[str, str]] = Counter()
        self._rows: list[tuple[Value, ...]] = []
        self._left_out = 0
        self._over_time = OverTime()

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        if isinstance(entry.event, QuestionAsked):
            if in_period:
                self._question(entry, entry.event)
            return
        # The state is needed of what was changed before, too.
        change = self._changed.take(entry) if entry.type in CHANGES else None
        if in_period and entry.metadata.actor == _ADMIN:
            self._action(entry, change.text if change else _told(entry), change.thing if change else "")

    def result(self, context: Context) -> Section:
        """The section, after the last event."""
        tables = (
            Table(
                "administration.kinds", "Actions of administrators by kind", ("Action", "Count"),
                _most_first(self._kinds),
            ),
            Table(
                "administration.operators", "Actions by who did them", ("User id", "Count"),
                _most_first(self._operators),
            ),
            Table(
                "administration.actions", "The actions, with what they changed",
                ("Time (UTC)", "Position", "Who", "Action", "Of what", "What changed", "Reason"), tuple(self._rows),
                self._left_out,
            ),
            Table(
                "administration.questions", "Who read what the log or the server has about people",
                ("Who", "Kind of question", "Count"),
                tuple((*row, count) for row, count in sorted(self._askers.items())),
            ),
        )  # fmt: skip
        series = self._over_time.series(
            "administration.per_day", "Actions of administrators", "actions", context.period
        )
        figures = tuple(self._figures())
        return Section(
            self.id, self.title, _INTRO, figures, tables, (series,), tuple(findings_of(figures, _RULES)), _CANNOT_SHOW
        )  # fmt: skip

    def _action(self, entry: LogEntry, what: str, thing: str) -> None:
        of, position = self._trails.of, entry.position
        operator = clean(entry.metadata.operator) or _UNKNOWN
        reason = clean(str(getattr(entry.event, "reason", "") or ""))
        name = name_of(entry.type)
        self._kinds[name] += 1
        self._operators[operator] += 1
        self._over_time.add(entry.recorded_at)
        of("administration.all").add(position)
        of(f"administration.by_kind.{slug(entry.type)}").add(position)
        if operator in (_SUPERUSER, _UNKNOWN):
            of("administration.superuser" if operator == _SUPERUSER else "administration.unknown").add(
                position
            )
        if hasattr(entry.event, "reason") and not reason:
            of("administration.no_reason").add(position)
        if len(self._rows) < _MOST:
            at = time_text(entry.recorded_at)
            self._rows.append((at, position, operator, name, thing or entry.stream.id, what, reason))
        else:
            self._left_out += 1

    def _question(self, entry: LogEntry, event: QuestionAsked) -> None:
        of, position = self._trails.of, entry.position
        of("administration.questions").add(position)
        if event.subject is not None:
            of("administration.questions_on_person").add(position)
        if event.exported:
            of("administration.exports").add(position)
        if not event.reason:
            of("administration.questions_no_reason").add(position)
        self._askers[clean(event.operator) or _UNKNOWN, clean(event.question)] += 1

    def _figures(self) -> list[Figure]:
        of = self._trails.of
        return [
            of("administration.all").figure(
                "Actions of administrators",
                "Everything that somebody changed or ended with a command of this server during the period.",
                unit="actions",
            ),
            *(
                of(f"administration.by_kind.{slug(tag)}").figure(
                    f"Actions: {name_of(tag)}",
                    f"How often an administrator did this: {name_of(tag)}.",
                    unit="actions",
                )
                for tag in sorted((frozenset(CHANGES) | _OTHERS), key=name_of)
                if name_of(tag) in self._kinds
            ),
            of("administration.superuser").figure(
                "Actions of the superuser",
                "Actions that were done as user id 0 (root), which usually stands for no single person.",
                unit="actions",
            ),
            of("administration.unknown").figure(
                "Actions by nobody that was recorded",
                "Actions of versions of this server that did not record the user id.",
                unit="actions",
            ),
            of("administration.no_reason").figure(
                "Actions without a reason",
                "Actions that could name a reason, such as a ticket, and do not.",
                unit="actions",
            ),
            of("administration.questions").figure(
                "Questions to the log and to people's data",
                "How often somebody asked about people, searched their data, made a report or took a copy of events. "
                "Each one is recorded before it is answered.",
                unit="questions",
            ),
            of("administration.questions_on_person").figure(
                "Questions about one person",
                "Those of the questions that were about one person, known by a pseudonym.",
                unit="questions",
            ),
            of("administration.exports").figure(
                "Copies of events", "Those of the questions whose answer was a copy for machines: JSON, or a report.",
                unit="questions",
            ),
            of("administration.questions_no_reason").figure(
                "Questions without a reason",
                "Questions for which nobody gave a reason. One is demanded where a person is named by a login.",
                unit="questions",
            ),
        ]  # fmt: skip


def _told(entry: LogEntry) -> str:
    """What an act on something else than a registration did, beyond its name."""
    match entry.event:
        case AccessTokenRevoked(token_id=token_id):
            return f"token {clean(token_id)}"
        case IncidentOpened(found=found) | IncidentContinued(found=found):
            return "found: " + (
                ", ".join(f"{count} {clean(kind)}" for kind, count in found.items()) or "nothing"
            )
        case IncidentEnded(kind=kind, ids=ids):
            return f"{len(ids)} of the kind {clean(kind)} ended"
        case (
            DeliveriesRetried(receiver=receiver, positions=ones)
            | DeliveriesDiscarded(receiver=receiver, positions=ones)
        ):
            return f"{len(ones)} messages to {clean(receiver)}"
        case AccessReviewed(position=position):
            return f"access up to position {position}"
        case RollbackAccepted(position=position, lost_size=lost_size):
            return f"a log of {position} events, although one of {lost_size} had been signed"
        case ContentsDropped(events=events, first_position=first, last_position=last):
            return f"{events} events between the positions {first} and {last}"
        case _:
            return ""


def _most_first(counter: Counter[str]) -> tuple[tuple[Value, ...], ...]:
    return tuple(sorted(counter.items(), key=lambda row: (-row[1], row[0])))
