"""Sign-ins of people and clients, and failures by method and cause."""

from collections.abc import Iterator
from typing import Final

from domain.grant.events import (
    AnotherAccountRequested,
    AuthorizationAnswered,
    AuthorizationRefused,
    AuthorizationRequested,
    ClientCredentialsGranted,
    CodeIssued,
    CodeRedeemed,
    RefreshTokenRotated,
    RefreshTokenUsed,
    SignInFailed,
    SubjectAuthenticated,
)
from domain.log_entry import LogEntry
from domain.person.session_events import SessionReauthenticated, SessionStarted
from domain.refusal_events import RefusalsCounted, RequestRefused
from domain.report.kinds import NOT_RECORDED, Kinds, as_cause, as_error, as_method
from domain.report.model import Figure, Section
from domain.report.over_time import OverTime
from domain.report.section import Context, tags
from domain.report.trails import Trails

_INTRO: Final = (
    "Who signed in, with which method, and what failed for which cause. A person signs in on a page of this server; a "
    "client authenticates itself when it exchanges a code, refreshes tokens or asks for tokens of its own. And how the "
    "requests of clients ended: with a code or tokens, with an error, or refused before anybody was asked."
)
_CANNOT_SHOW: Final = (
    "Whether a person who signed in with the right password is the one whom the account belongs to.",
    "Sign-ins to applications that keep sessions of their own: their logs have them.",
    "Each single refusal of a flood: those are counted per minute and endpoint.",
)
#: The error of a client that did not authenticate (RFC 6749 §5.2).
_INVALID_CLIENT: Final = "invalid_client"


class SignIns:
    """The section."""

    id = "sign_ins"
    title = "Sign-ins and failures"
    wants = tags(
        AuthorizationRequested, SubjectAuthenticated, AnotherAccountRequested, SignInFailed, AuthorizationRefused,
        AuthorizationAnswered, CodeIssued, CodeRedeemed, ClientCredentialsGranted, RefreshTokenRotated,
        RefreshTokenUsed, SessionStarted, SessionReauthenticated, RequestRefused, RefusalsCounted,
    )  # fmt: skip

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._people = Kinds(trails, "sign_ins.people", "sign_ins.by_method")
        self._failed = Kinds(trails, "sign_ins.failed", "sign_ins.failed_by", as_cause)
        self._clients = Kinds(trails, "sign_ins.clients", "sign_ins.clients_by", as_method)
        self._clients_failed = Kinds(
            trails, "sign_ins.clients_failed", "sign_ins.clients_failed_by", as_cause
        )
        self._ended = Kinds(trails, "sign_ins.ended", "sign_ins.ended_with", as_error)
        self._refused = Kinds(trails, "sign_ins.refused", "sign_ins.refused_with", as_error)
        self._only_counted = 0
        self._over_time, self._failed_over_time = OverTime(), OverTime()

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        if not in_period:
            return
        self._request(entry)
        position = entry.position
        match entry.event:
            case SubjectAuthenticated(by_session=True):
                self._trails.of("sign_ins.by_session").add(position)
            case SubjectAuthenticated(amr=amr):
                self._people.add(position, "+".join(amr))
                self._over_time.add(entry.recorded_at)
            case SignInFailed(reason=reason):
                self._failed.add(position, reason)
                self._failed_over_time.add(entry.recorded_at)
            case (
                CodeRedeemed(client_auth_method=method)
                | ClientCredentialsGranted(client_auth_method=method)
                | RefreshTokenRotated(client_auth_method=method)
                | RefreshTokenUsed(client_auth_method=method)
            ):
                self._clients.add(position, method or NOT_RECORDED)
            case SessionStarted():
                self._trails.of("sign_ins.sessions").add(position)
            case SessionReauthenticated():
                self._trails.of("sign_ins.sessions_renewed").add(position)
            case RequestRefused(error=error, reason=reason) if error == _INVALID_CLIENT:
                self._clients_failed.add(position, reason)

    def _request(self, entry: LogEntry) -> None:
        """Count how a request of a client began or ended."""
        of, position = self._trails.of, entry.position
        match entry.event:
            case AuthorizationRequested():
                of("sign_ins.requests").add(position)
            case AnotherAccountRequested():
                of("sign_ins.another_account").add(position)
            case CodeIssued() | AuthorizationAnswered():
                of("sign_ins.answered").add(position)
            case AuthorizationRefused(error=error):
                self._ended.add(position, error)
            case RequestRefused(error=error):
                self._refused.add(position, error)
            case RefusalsCounted(count=count):
                of("sign_ins.refusals_counted").add(position)
                self._only_counted += count

    def result(self, context: Context) -> Section:
        """The section, after the last event."""
        period = context.period
        tables = (
            self._people.table("sign_ins.methods", "Sign-ins of people by method", "Method"),
            self._failed.table("sign_ins.causes", "Failed sign-ins of people by cause", "Cause"),
            self._clients.table("sign_ins.client_methods", "Authentications of clients by method", "Method"),
            self._clients_failed.table(
                "sign_ins.client_causes", "Failed authentications of clients by cause", "Cause"
            ),
            self._ended.table(
                "sign_ins.errors", "Authorizations that ended with an error, by error", "Error"
            ),
            self._refused.table("sign_ins.refusals", "Requests refused, by error", "Error"),
        )
        series = (
            self._over_time.series("sign_ins.over_time", "Sign-ins of people", "sign-ins", period),
            self._failed_over_time.series(
                "sign_ins.failed_over_time", "Failed sign-ins of people", "attempts", period
            ),
        )
        return Section(self.id, self.title, _INTRO, self._figures(), tables, series, cannot_show=_CANNOT_SHOW)

    def _figures(self) -> tuple[Figure, ...]:
        return (
            *self._people.figures(
                ("Sign-ins of people", "Sign-ins with {}"),
                (
                    "How often a person proved on a page of this server who they are.",
                    "Sign-ins of people with the method {} (a word of RFC 8176: pwd is a password).",
                ),
                "sign-ins",
            ),
            self._trails.of("sign_ins.by_session").figure(
                "Answered from a session",
                "How often a person was known from a session in the browser, so that no new sign-in was needed.",
                unit="requests",
            ),
            self._trails.of("sign_ins.sessions").figure(
                "Sessions begun", "Sign-ins after which this server knows the browser, until the session ends.",
                unit="sessions",
            ),
            self._trails.of("sign_ins.sessions_renewed").figure(
                "Sessions renewed", "How often a person signed in again in a session that was theirs already.",
                unit="sessions",
            ),
            *self._failed.figures(
                ("Failed sign-ins of people", "Failed: {}"),
                (
                    "How often a sign-in of a person was refused, for any cause.",
                    "Sign-ins of people that were refused for this cause: {}",
                ),
                "attempts",
            ),
            *self._clients.figures(
                ("Authentications of clients", "Clients with {}"),
                (
                    "How often a client authenticated itself and was given tokens for it.",
                    "Authentications of clients with the method {}.",
                ),
                "requests",
            ),
            *self._clients_failed.figures(
                ("Failed authentications of clients", "Clients failed: {}"),
                (
                    "Requests that were refused because the client did not prove who it is (invalid_client).",
                    "Authentications of clients that were refused for this cause: {}",
                ),
                "requests",
            ),
            *self._request_figures(),
            self._trails.of("sign_ins.refusals_counted").figure(
                "Refusals of a flood",
                "Refusals of any kind that came in such numbers that they were only counted.",
                self._only_counted, "refusals",
            ),
        )  # fmt: skip

    def _request_figures(self) -> Iterator[Figure]:
        of = self._trails.of
        yield of("sign_ins.requests").figure(
            "Authorization requests",
            "How often a client sent a person here to sign in or to agree, so far as the request was accepted.",
            unit="requests",
        )
        yield of("sign_ins.another_account").figure(
            "Another account asked for",
            "How often a person on the consent page chose to use another account, and had to sign in again.",
            unit="requests",
        )
        yield of("sign_ins.answered").figure(
            "Authorizations that succeeded",
            "Requests that were answered with a code or tokens for the client.",
            unit="requests",
        )
        yield from self._ended.figures(
            ("Authorizations that ended with an error", "Ended with {}"),
            (
                "Accepted requests that were answered with an error, as when the person declined.",
                "Accepted requests that were answered with the error {}.",
            ),
            "requests",
        )
        yield from self._refused.figures(
            ("Requests refused", "Refused with {}"),
            (
                "Requests of any kind that were refused before they belonged to an authorization. Failed "
                "authentications of clients are among them.",
                "Requests that were refused with the error {}.",
            ),
            "requests",
        )
