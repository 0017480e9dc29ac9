"""Sign-ins of people and clients, and failures by method and cause."""

from typing import Final

from domain.grant.events import (
    ClientCredentialsGranted,
    CodeRedeemed,
    RefreshTokenRotated,
    RefreshTokenUsed,
    SignInFailed,
    SubjectAuthenticated,
)
from domain.log_entry import LogEntry
from domain.refusal_events import RefusalsCounted, RequestRefused
from domain.report.kinds import Kinds
from domain.report.model import Figure, Section
from domain.report.over_time import OverTime
from domain.report.section import Context, tags
from domain.report.trails import Trails

_INTRO: Final = (
    "Who signed in, with which method, and what failed for which cause. A person signs in on a page of this server; a "
    "client authenticates itself when it exchanges a code, refreshes tokens or asks for tokens of its own."
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
        SubjectAuthenticated, SignInFailed, CodeRedeemed, ClientCredentialsGranted, RefreshTokenRotated,
        RefreshTokenUsed, RequestRefused, RefusalsCounted,
    )  # fmt: skip

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._people = Kinds(trails, "sign_ins.people", "sign_ins.by_method")
        self._failed = Kinds(trails, "sign_ins.failed", "sign_ins.failed_by")
        self._clients = Kinds(trails, "sign_ins.clients", "sign_ins.clients_by")
        self._clients_failed = Kinds(trails, "sign_ins.clients_failed", "sign_ins.clients_failed_by")
        self._only_counted = 0
        self._over_time, self._failed_over_time = OverTime(), OverTime()

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        if not in_period:
            return
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
                self._clients.add(position, method or "not_recorded")
            case RequestRefused(error=error, reason=reason) if error == _INVALID_CLIENT:
                self._clients_failed.add(position, reason)
            case RefusalsCounted(count=count):
                self._trails.of("sign_ins.refusals_counted").add(position)
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
                    "Sign-ins of people with the method {} (RFC 8176).",
                ),
                "sign-ins",
            ),
            self._trails.of("sign_ins.by_session").figure(
                "Answered from a session",
                "How often a person was known from a session in the browser, so that no new sign-in was needed.",
                unit="requests",
            ),
            *self._failed.figures(
                ("Failed sign-ins of people", "Failed: {}"),
                (
                    "How often a sign-in of a person was refused, for any cause.",
                    "Sign-ins of people that were refused for the cause {}.",
                ),
                "attempts",
            ),
            *self._clients.figures(
                ("Authentications of clients", "Clients with {}"),
                (
                    "How often a client authenticated itself and was given tokens for it.",
                    "Authentications of clients with the method {}; none is that of a public client.",
                ),
                "requests",
            ),
            *self._clients_failed.figures(
                ("Failed authentications of clients", "Clients failed: {}"),
                (
                    "Requests that were refused because the client did not prove who it is (invalid_client).",
                    "Authentications of clients that were refused for the cause {}.",
                ),
                "requests",
            ),
            self._trails.of("sign_ins.refusals_counted").figure(
                "Refusals of a flood",
                "Refusals of any kind that came in such numbers that they were only counted.",
                self._only_counted, "refusals",
            ),
        )  # fmt: skip
