"""What was ended before its time, why, and how long it took to be so everywhere."""

from typing import Final

from domain.client.events import ClientDeleted, ClientDisabled
from domain.grant.events import AccessTokenIssued, AccessTokenRevoked, GrantRevoked
from domain.key.events import KeyRevoked
from domain.log_entry import LogEntry
from domain.person.account_events import (
    AccountDisabled,
    ConsentWithdrawn,
    GrantsEnded,
    PasswordSet,
    PersonErased,
)
from domain.person.session_events import BackChannelLogoutDelivered, BackChannelLogoutFailed, SessionEnded
from domain.report.kinds import Kinds, as_cause, cause_word
from domain.report.model import Figure, Finding, Section, Table
from domain.report.over_time import OverTime
from domain.report.section import Context, tags
from domain.report.spread import SPREAD_COLUMNS, Spread, seconds
from domain.report.trails import Trails
from domain.signal.events import SignalsDelivered, SignalVerificationRequested
from domain.units import DAY, MICROSECONDS

_INTRO: Final = (
    "What ended before its time: tokens, grants, sessions, accounts, clients and keys. For this server something is "
    "over from the position of the event on, on every process at once. Two things take longer: clients are told of the "
    "end of a session by a message, and whoever accepts a JWT without asking this server does so until it expires. "
    "Messages are logout notices (OpenID Connect Back-Channel Logout) and signals (Shared Signals), which tell of new "
    "passwords and disabled accounts, too."
)
_CANNOT_SHOW: Final = (
    "When a resource server stopped to accept a token: its own log shows it.",
    "When a client ended its own session: the log has only that it confirmed the notice.",
)
#: Notices of the end of a session are not tried for longer.
_LONGEST_NOTICE: Final = 2 * DAY * MICROSECONDS
#: Grants whose tokens may have expired are looked through when there are twice as many as last time.
_FEW: Final = 1000
_JWT: Final = "jwt"


class Revocations:
    """The section. Its state is the tokens that have not expired, and the sessions that ended a moment ago."""

    id = "revocations"
    title = "Revocations and their latency"
    wants = tags(
        AccessTokenIssued, AccessTokenRevoked, GrantRevoked, SessionEnded, BackChannelLogoutDelivered,
        BackChannelLogoutFailed, GrantsEnded, PasswordSet, AccountDisabled, PersonErased, ConsentWithdrawn,
        ClientDisabled, ClientDeleted, KeyRevoked, SignalsDelivered, SignalVerificationRequested,
    )  # fmt: skip

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._grants = Kinds(trails, "revocations.grants", "revocations.grants_by", as_cause)
        self._sessions = Kinds(trails, "revocations.sessions", "revocations.sessions_by", as_cause)
        self._at_once = Kinds(trails, "revocations.at_once", "revocations.at_once_by", as_cause)
        self._recorded, self._told, self._outlived = Spread(), Spread(), Spread()
        self._over_time = OverTime()
        self._expiries: dict[str, int] = {}
        self._looked_through = _FEW
        self._ended: dict[str, int] = {}
        self._signals = self._signals_refused = 0

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        match entry.event:
            case AccessTokenIssued(format=format_, expires_at=expires_at) if format_ == _JWT:
                self._issued(entry, expires_at)
            case SessionEnded():
                self._forget_old(entry.recorded_at)
                self._ended[entry.stream.id] = entry.recorded_at
        if in_period:
            self._one(entry)
            self._many(entry)
        if isinstance(entry.event, GrantRevoked):
            self._expiries.pop(entry.stream.id, None)

    def result(self, context: Context) -> Section:
        """The section, after the last event."""
        tables = (
            self._grants.table("revocations.causes", "Revoked grants by cause", "Cause"),
            self._sessions.table("revocations.session_causes", "Ended sessions by cause", "Cause"),
            self._at_once.table("revocations.many", "What ended many grants at once", "What"),
            Table(
                "revocations.latency", "From cause to effect", SPREAD_COLUMNS,
                (
                    self._recorded.row("A revocation is decided, until it is in force on every process"),
                    self._told.row("A session ends, until a client has confirmed the notice"),
                    self._outlived.row("A grant is revoked, until its last JWT has expired"),
                ),
            ),
        )  # fmt: skip
        series = (
            self._over_time.series(
                "revocations.over_time", "Revoked tokens and grants", "revocations", context.period
            ),
        )
        figures = (*self._counted(), *self._measured())
        return Section(self.id, self.title, _INTRO, figures, tables, series, self._findings(), _CANNOT_SHOW)

    def _issued(self, entry: LogEntry, expires_at: int) -> None:
        grant = entry.stream.id
        self._expiries[grant] = max(expires_at, self._expiries.get(grant, 0))
        if len(self._expiries) > 2 * self._looked_through:
            now = entry.recorded_at // MICROSECONDS
            self._expiries = {name: time for name, time in self._expiries.items() if time > now}
            self._looked_through = max(len(self._expiries), _FEW)

    def _forget_old(self, now: int) -> None:
        """Forget sessions whose clients are not told any more. They are in the order in which they ended."""
        while self._ended:
            session = next(iter(self._ended))
            if self._ended[session] > now - _LONGEST_NOTICE:
                return
            del self._ended[session]

    def _one(self, entry: LogEntry) -> None:
        """Count what ends a token, a grant or a session."""
        of, position = self._trails.of, entry.position
        match entry.event:
            case AccessTokenRevoked(revoked_at=revoked_at):
                of("revocations.tokens").add(position)
                self._revoked(entry, revoked_at)
            case GrantRevoked(reason=reason, revoked_at=revoked_at):
                self._grants.add(position, cause_word(reason))
                self._revoked(entry, revoked_at)
                left = self._expiries.get(entry.stream.id, 0) * MICROSECONDS - entry.recorded_at
                if left > 0:
                    of("revocations.longest_outlived").add(position)
                    self._outlived.add(left)
            case SessionEnded(reason=reason):
                self._sessions.add(position, cause_word(reason))
            case BackChannelLogoutDelivered():
                of("revocations.notices_confirmed").add(position)
                ended_at = self._ended.get(entry.stream.id)
                if ended_at is not None:
                    of("revocations.longest_notice").add(position)
                    self._told.add(entry.recorded_at - ended_at)
            case BackChannelLogoutFailed():
                of("revocations.notices_failed").add(position)
            case SignalsDelivered(count=count, refused=refused):
                of("revocations.signals").add(position)
                self._signals += count
                if refused:
                    of("revocations.signals_refused").add(position)
                    self._signals_refused += len(refused)
            case SignalVerificationRequested():
                of("revocations.signals_checked").add(position)

    def _many(self, entry: LogEntry) -> None:
        """Count what ends many grants with one event."""
        position = entry.position
        match entry.event:
            case GrantsEnded():
                self._at_once.add(position, "grants_of_a_person")
            case PasswordSet(ends_grants=str()):
                self._at_once.add(position, "new_password")
            case AccountDisabled():
                self._at_once.add(position, "account_disabled")
            case PersonErased():
                self._at_once.add(position, "person_erased")
            case ConsentWithdrawn(ends_grants=True):
                self._at_once.add(position, "consent_withdrawn")
            case ClientDisabled():
                self._at_once.add(position, "client_disabled")
            case ClientDeleted():
                self._at_once.add(position, "client_deleted")
            case KeyRevoked():
                self._at_once.add(position, "key_revoked")

    def _revoked(self, entry: LogEntry, decided_at: int) -> None:
        self._over_time.add(entry.recorded_at)
        self._trails.of("revocations.longest_recorded").add(entry.position)
        self._recorded.add(entry.recorded_at - decided_at * MICROSECONDS)

    def _counted(self) -> tuple[Figure, ...]:
        of = self._trails.of
        return (
            of("revocations.tokens").figure(
                "Access tokens revoked",
                "Single access tokens that their client revoked (RFC 7009).",
                unit="tokens",
            ),
            *self._grants.figures(
                ("Grants revoked", "Grants revoked: {}"),
                (
                    "Grants that were revoked with all their tokens, for any cause.",
                    "Grants that were revoked with all their tokens for this cause: {}",
                ),
                "grants",
            ),
            *self._sessions.figures(
                ("Sessions ended", "Sessions ended: {}"),
                (
                    "Sessions of browsers that ended, for any cause; those that expired are not among them.",
                    "Sessions of browsers that ended for this cause: {}",
                ),
                "sessions",
            ),
            *self._at_once.figures(
                ("Events that ended many grants at once", "Many at once: {}"),
                (
                    "Single events from which on all grants of a person, a client or a key were over.",
                    "Events of this kind, from which on all grants concerned were over: {}",
                ),
                "events",
            ),
            of("revocations.notices_confirmed").figure(
                "Logout notices confirmed", "Clients that confirmed that a session is over.", unit="notices"
            ),
            of("revocations.notices_failed").figure(
                "Logout notices given up",
                "Clients that could not be told that a session is over.",
                unit="notices",
            ),
            of("revocations.signals").figure(
                "Signals delivered",
                "Signals that a client took: each tells it that something ended or changed for a person it knows. One "
                "event may stand for several.",
                self._signals, "signals",
            ),
            of("revocations.signals_refused").figure(
                "Signals that a client could not use",
                "Signals that a client answered with an error. It is not told again.",
                self._signals_refused, "signals",
            ),
            of("revocations.signals_checked").figure(
                "Checks of a stream of signals",
                "How often a client asked for a signal that proves that its stream works.", unit="checks",
            ),
        )  # fmt: skip

    def _measured(self) -> tuple[Figure, ...]:
        of = self._trails.of
        return (
            of("revocations.longest_recorded").figure(
                "Longest time until a revocation was in force",
                "From the decision, which is noted in whole seconds, to the record, from which on every process knows.",
                seconds(self._recorded.longest), "seconds",
            ),
            of("revocations.longest_notice").figure(
                "Longest time until a client knew that a session is over",
                "From the end of the session to the client's confirmation.",
                seconds(self._told.longest), "seconds",
            ),
            of("revocations.longest_outlived").figure(
                "Longest time that a JWT outlived its grant",
                "From the revocation to the expiry of the grant's last JWT, which whoever does not ask this server "
                "accepted so long.",
                seconds(self._outlived.longest), "seconds",
            ),
        )  # fmt: skip

    def _findings(self) -> tuple[Finding, ...]:
        failed, refused = map(self._trails.of, ("revocations.notices_failed", "revocations.signals_refused"))
        told = (
            (
                failed,
                f"Logout notices that could not be delivered: {failed.count}. These clients may have kept sessions of "
                "people who had signed out.",
            ),
            (
                refused,
                f"Signals that a client could not use: {self._signals_refused}. It may go on as if nothing had "
                "happened.",
            ),
        )
        return tuple(trail.finding("warning", text) for trail, text in told if trail.count)
