"""Erasures of people's data, requests for them, and the legal holds that forbid them."""

from collections.abc import Iterator
from typing import Final

import msgspec

from domain.log_entry import LogEntry
from domain.person.account_events import (
    ErasureRequested,
    ErasureWithdrawn,
    HoldPlaced,
    HoldReleased,
    PersonErased,
)
from domain.report.exceptions import Rule, findings_of
from domain.report.model import Figure, Section, Table, Value
from domain.report.section import Context, tags
from domain.report.trails import Trails
from domain.report.wording import clean, end_of, seconds_text, whole_days
from domain.units import DAY

#: GDPR Art. 12(3): without undue delay and within one month; most months have no fewer days.
MONTH_DAYS: Final = 30
HOLD_DAYS: Final = 365
_INTRO: Final = (
    "The right to be forgotten: a person is erased by destroying the key that their data is sealed with, so that no "
    "copy of the data can be read any more. A legal hold forbids that, as long as a dispute needs the data. The log "
    "itself has no data about people, only pseudonyms, and stays as it is."
)
_CANNOT_SHOW: Final = (
    "When the person asked for it: only when somebody entered the request here. Letters and mails are in your records.",
    "What applications keep that were told about the person: they have to erase it themselves.",
    "Copies of the person's key in backups of the database: an erasure is complete when the last backup from before it "
    "is gone.",
    "Whether a hold is lawful, and whether an erasure was owed.",
)
_RULES: Final = (
    Rule(
        "erasures.during_hold", "critical",
        "People who were erased although a legal hold was in force: {value}. The server refuses that; find out how it "
        "came about.",
    ),
    Rule(
        "erasures.late", "warning",
        f"People who were erased more than {MONTH_DAYS} days after the request was entered: {{value}}. GDPR Art. 12(3) "
        "gives one month.",
    ),
    Rule(
        "erasures.overdue", "warning",
        "Requests for an erasure that could have been carried out before the end of the period, and were not: {value}.",
    ),
    Rule(
        "erasures.holds_old", "note",
        f"Legal holds that have been in force for more than {HOLD_DAYS} days: {{value}}. Somebody should know whether "
        "they are still needed.",
    ),
)  # fmt: skip
_MOST: Final = 500


class _Hold(msgspec.Struct, frozen=True):
    position: int
    event: HoldPlaced

    def in_force(self, now: int) -> bool:
        """Whether it forbids an erasure at a time, if nobody releases it."""
        return self.event.until is None or now < self.event.until


class _Request(msgspec.Struct, frozen=True):
    position: int
    event: ErasureRequested


class Erasures:
    """The section."""

    id = "erasures"
    title = "Erasures and legal holds"
    wants = tags(HoldPlaced, HoldReleased, ErasureRequested, ErasureWithdrawn, PersonErased)

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._holds: dict[str, dict[str, _Hold]] = {}
        self._requests: dict[str, _Request] = {}
        self._rows: list[tuple[Value, ...]] = []
        self._left_out = self._keys = self._longest = self._longest_at = 0

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        subject, event = entry.stream.id, entry.event
        match event:
            case HoldPlaced(hold_id=hold_id):
                self._holds.setdefault(subject, {})[hold_id] = _Hold(entry.position, event)
                if self._requests.pop(subject, None) is not None and in_period:
                    self._note("voided", entry)
                name = "holds_placed"
            case HoldReleased(hold_id=hold_id):
                self._holds.get(subject, {}).pop(hold_id, None)
                name = "holds_released"
            case ErasureRequested():
                self._requests[subject] = _Request(entry.position, event)
                name = "requested"
            case ErasureWithdrawn():
                self._requests.pop(subject, None)
                name = "withdrawn"
            case PersonErased():
                self._erased(entry, event, in_period=in_period)
                name = "erased"
            case _:
                return
        if in_period:
            self._note(name, entry)

    def result(self, context: Context) -> Section:
        """The section, after the last event."""
        now = end_of(context.period.ends_at)
        figures = (*self._of_erasures(now), *self._of_holds(now))
        columns = (
            "Person", "Requested (UTC)", "Erased (UTC)", "Days", "Asked by", "Done by", "Keys destroyed", "Reason",
        )  # fmt: skip
        tables = (
            Table(
                "erasures.people",
                "People erased during the period",
                columns,
                tuple(self._rows),
                self._left_out,
            ),
            self._hold_table(now),
        )
        return Section(
            self.id, self.title, _INTRO, figures, tables, findings=tuple(findings_of(figures, _RULES)),
            cannot_show=_CANNOT_SHOW,
        )  # fmt: skip

    def _erased(self, entry: LogEntry, event: PersonErased, *, in_period: bool) -> None:
        subject = entry.stream.id
        held = any(one.in_force(event.erased_at) for one in self._holds.pop(subject, {}).values())
        request = self._requests.pop(subject, None)
        if not in_period:
            return
        asked_at = None if request is None else request.event.requested_at
        days = 0 if asked_at is None else whole_days(event.erased_at - asked_at)
        self._keys += len(event.keys)
        if days > self._longest or not self._longest_at:
            self._longest, self._longest_at = days, entry.position
        for name, applies in (
            ("during_hold", held),
            ("keys_destroyed", bool(event.keys)),
            ("keys_not_recorded", not event.keys),
            ("two_persons", bool(event.requested_by) and event.requested_by != event.operator),
            ("late", asked_at is not None and event.erased_at - asked_at > MONTH_DAYS * DAY),
        ):
            if applies:
                self._note(name, entry)
        if len(self._rows) < _MOST:
            self._rows.append(
                (
                    subject, "at once" if asked_at is None else seconds_text(asked_at), seconds_text(event.erased_at),
                    days, clean(event.requested_by) or "nobody before", clean(event.operator) or "not recorded",
                    len(event.keys), clean(event.reason),
                )
            )  # fmt: skip
        else:
            self._left_out += 1

    def _note(self, name: str, entry: LogEntry) -> None:
        self._trails.of(f"erasures.{name}").add(entry.position)

    def _of_erasures(self, now: int) -> Iterator[Figure]:
        of = self._trails.of
        waiting = self._requests.values()
        of("erasures.waiting").add_all(one.position for one in waiting)
        of("erasures.overdue").add_all(one.position for one in waiting if one.event.due_at <= now)
        for name, label, meaning, unit in (
            ("erased", "People erased", "People whose key was destroyed during the period.", "people"),
            (
                "requested", "Erasures requested",
                "Requests that were entered and had to wait, for a delay or for a second administrator.", "requests",
            ),
            (
                "withdrawn", "Erasure requests withdrawn", "Requests that somebody took back during the period.",
                "requests",
            ),
            (
                "voided", "Erasure requests ended by a hold",
                "Requests that became void during the period because a legal hold was placed.", "requests",
            ),
            (
                "waiting", "Erasure requests that wait",
                "Requests at the end of the period that were neither carried out nor taken back.", "requests",
            ),
            (
                "overdue", "Erasure requests that could be carried out",
                "Those of them whose delay was over: nobody has carried them out.", "requests",
            ),
            (
                "late", f"Erasures after more than {MONTH_DAYS} days",
                "People who were erased later than that after the request was entered.", "people",
            ),
            (
                "two_persons", "Erasures by two administrators",
                "People of whom one administrator asked for the erasure and another one carried it out.", "people",
            ),
            (
                "during_hold", "Erasures during a hold",
                "People who were erased while a legal hold was in force. There must be none.", "people",
            ),
            (
                "keys_not_recorded", "Erasures without ids of keys",
                "Erasures whose event does not name the destroyed key: older ones, and those of accounts without data.",
                "people",
            ),
        ):  # fmt: skip
            yield of(f"erasures.{name}").figure(label, meaning, unit=unit)
        yield of("erasures.keys_destroyed").figure(
            "Keys destroyed", "How many keys of people were destroyed during the period, each named by its id.",
            self._keys, "keys",
        )  # fmt: skip
        yield of("erasures.longest").add_all([self._longest_at] if self._longest_at else ()).figure(
            "Longest time to an erasure",
            "For how many days the longest request waited until the person was erased. 0 where all were erased on the "
            "same day, or nobody was.", self._longest, "days",
        )  # fmt: skip

    def _in_force(self, now: int) -> list[tuple[str, _Hold]]:
        holds = ((subject, hold) for subject, ones in self._holds.items() for hold in ones.values())
        return [(subject, hold) for subject, hold in holds if hold.in_force(now)]

    def _of_holds(self, now: int) -> Iterator[Figure]:
        in_force = [hold for _, hold in self._in_force(now)]
        for name, label, meaning, ones in (
            (
                "holds", "Legal holds in force", "Holds that forbid an erasure at the end of the period.", in_force,
            ),
            (
                "holds_without_end", "Legal holds without an end",
                "Those of them that stay in force until somebody releases them.",
                [one for one in in_force if one.event.until is None],
            ),
            (
                "holds_old", f"Legal holds older than {HOLD_DAYS} days", "Those of them that were placed longer ago.",
                [one for one in in_force if now - one.event.placed_at > HOLD_DAYS * DAY],
            ),
        ):  # fmt: skip
            trail = self._trails.of(f"erasures.{name}").add_all(one.position for one in ones)
            yield trail.figure(label, meaning, unit="holds")
        for name, label, meaning in (
            ("holds_placed", "Legal holds placed", "How often a legal hold was placed during the period."),
            (
                "holds_released",
                "Legal holds released",
                "How often a legal hold was released during the period.",
            ),
        ):
            yield self._trails.of(f"erasures.{name}").figure(label, meaning, unit="holds")

    def _hold_table(self, now: int) -> Table:
        rows: list[tuple[Value, ...]] = [
            (
                subject, seconds_text(hold.event.placed_at),
                "until it is released" if hold.event.until is None else seconds_text(hold.event.until),
                clean(hold.event.operator) or "not recorded", clean(hold.event.reason),
            )
            for subject, hold in sorted(self._in_force(now), key=lambda one: (one[1].event.placed_at, one[0]))
        ]  # fmt: skip
        columns = ("Person", "Since (UTC)", "Until (UTC)", "Placed by", "Reason")
        left_out = max(len(rows) - _MOST, 0)
        return Table("erasures.holds_table", "Legal holds in force", columns, tuple(rows[:_MOST]), left_out)
