"""Incidents: what somebody ended because it was touched, and signs that something was stolen."""

from typing import Final

import msgspec

from domain.grant.events import CodeReplayed, CodeVoided, RefreshTokenReused
from domain.incident import (
    Incident,
    IncidentClosed,
    IncidentContinued,
    IncidentEnded,
    IncidentOpened,
    apply,
)
from domain.log_entry import LogEntry
from domain.report.model import Figure, Finding, Section, Table
from domain.report.over_time import time_text
from domain.report.section import Context, tags
from domain.report.spread import Spread, seconds
from domain.report.trails import Trails

_INTRO: Final = (
    "An incident is opened when somebody ends what a stolen key, a client, an account or an address touched. Signs of "
    "theft are a code or a refresh token that came a second time: the server ends the grant by itself then. So is a "
    "code that came from another client than its own, or without the proof that only its owner has."
)
_CANNOT_SHOW: Final = (
    "How an incident was noticed, and who was told of it: the records of the incident process show it.",
    "Incidents of other systems that did not touch this server.",
)
#: Rows of a table; more are not read.
_MOST_ROWS: Final = 100
#: Why a code became void with nobody else in it.
_HARMLESS: Final = ("client_changed",)
_COLUMNS: Final = ("Incident", "Opened (UTC)", "Closed (UTC)", "About", "Found", "Ended", "Left", "Position")


class _Known(msgspec.Struct):
    """An incident, and where it was opened."""

    position: int
    opened_at: int
    state: Incident
    closed_at: int | None = None


class Incidents:
    """The section. Its state is the open incidents, and those of the period."""

    id = "incidents"
    title = "Incidents and signs of theft"
    wants = tags(
        IncidentOpened,
        IncidentContinued,
        IncidentEnded,
        IncidentClosed,
        CodeReplayed,
        CodeVoided,
        RefreshTokenReused,
    )

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._known: dict[str, _Known] = {}
        self._ended = 0
        self._open_for = Spread()

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        of, position = self._trails.of, entry.position
        match entry.event:
            case CodeReplayed() if in_period:
                of("incidents.code_replayed").add(position)
            case CodeVoided(reason=reason) if in_period and reason not in _HARMLESS:
                of("incidents.code_voided").add(position)
            case RefreshTokenReused() if in_period:
                of("incidents.refresh_reused").add(position)
            case IncidentOpened():
                self._known[entry.stream.id] = _Known(
                    position, entry.recorded_at, apply(Incident(), entry.event)
                )
                if in_period:
                    of("incidents.opened").add(position)
            case IncidentContinued() | IncidentEnded() | IncidentClosed():
                self._go_on(entry, in_period=in_period)

    def result(self, context: Context) -> Section:
        """The section, after the last event."""
        rows = tuple(_row(name, known) for name, known in self._known.items())
        table = Table(
            "incidents.all", "Incidents of the period, and those still open", _COLUMNS, rows[:_MOST_ROWS],
            max(len(rows) - _MOST_ROWS, 0),
        )  # fmt: skip
        del context
        figures, findings = self._figures(), self._findings()
        return Section(self.id, self.title, _INTRO, figures, (table,), (), findings, cannot_show=_CANNOT_SHOW)

    def _go_on(self, entry: LogEntry, *, in_period: bool) -> None:
        known = self._known.get(entry.stream.id)
        if known is None:
            return
        known.state = apply(known.state, entry.event)
        match entry.event:
            case IncidentEnded(ids=ids) if in_period:
                self._trails.of("incidents.ended").add(entry.position)
                self._ended += len(ids)
            case IncidentClosed() if in_period:
                known.closed_at = entry.recorded_at
                self._trails.of("incidents.closed").add(entry.position)
                self._open_for.add(entry.recorded_at - known.opened_at)
            case IncidentClosed():
                del self._known[entry.stream.id]  # before the period

    def _open(self) -> list[_Known]:
        return [known for known in self._known.values() if known.closed_at is None]

    def _figures(self) -> tuple[Figure, ...]:
        of = self._trails.of
        closed = of("incidents.closed")
        return (
            of("incidents.opened").figure("Incidents opened", "How many incidents began.", unit="incidents"),
            closed.figure(
                "Incidents closed", "How many were closed: everything that was found is over.", unit="incidents"
            ),
            of("incidents.open").add_all(known.position for known in self._open()).figure(
                "Incidents open at the end", "Incidents in which something is left to be ended.", unit="incidents"
            ),
            of("incidents.ended").figure(
                "Keys, sessions and grants ended by incidents",
                "How many were ended because of an incident; an event names several.",
                self._ended, "things",
            ),
            of("incidents.longest_open").add_all(
                known.position for known in self._known.values() if known.closed_at is not None
            ).figure(
                "Longest time until an incident was closed", "From the opening to the closing, of those closed.",
                seconds(self._open_for.longest), "seconds",
            ),
            of("incidents.code_replayed").figure(
                "Codes that came a second time",
                "A client presented a code again. Its grant was revoked at once (RFC 6749 §10.5).", unit="codes",
            ),
            of("incidents.code_voided").figure(
                "Codes without the right proof",
                "A code came from another client than its own, or without its verifier (PKCE) or key. It became "
                "worthless at once.", unit="codes",
            ),
            of("incidents.refresh_reused").figure(
                "Refresh tokens that came a second time",
                "A refresh token was used after it was replaced. Its grant was revoked at once (RFC 9700 §4.14.2).",
                unit="tokens",
            ),
        )  # fmt: skip

    def _findings(self) -> tuple[Finding, ...]:
        of, found = self._trails.of, []
        still = of("incidents.open")
        if still.count:
            found.append(
                still.finding(
                    "critical", f"Incidents that were open at the end of the period: {still.count}."
                )
            )
        for name, what in (
            ("code_replayed", "Codes that came a second time"),
            ("code_voided", "Codes that came without the right proof"),
            ("refresh_reused", "Refresh tokens that came a second time"),
        ):
            trail = of(f"incidents.{name}")
            if trail.count:
                text = f"{what}: {trail.count}. Somebody may have stolen them, or a client is faulty."
                found.append(trail.finding("warning", text))
        return tuple(found)


def _row(name: str, known: _Known) -> tuple[str | int, ...]:
    opened = known.state.opened
    assert opened is not None
    about = ", ".join(f"{key} {value}" for key, value in sorted(opened.conditions.items()))
    if opened.subject is not None:
        about = f"{about}, subject {opened.subject}".removeprefix(", ")
    closed = "" if known.closed_at is None else time_text(known.closed_at)
    return (
        name, time_text(known.opened_at), closed, about, _counts(opened.found), _counts(known.state.counts),
        len(known.state.left), known.position,
    )  # fmt: skip


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
