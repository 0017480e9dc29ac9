"""Sign-ins of people and clients, and failures by method and cause."""

from collections import Counter
from typing import Final

from domain.event import tag_of
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
from domain.report.model import Figure, Section, Table
from domain.report.over_time import OverTime
from domain.report.section import Context, tags
from domain.report.trails import Trails, slug, type_query

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
_Authenticated = CodeRedeemed | ClientCredentialsGranted | RefreshTokenRotated | RefreshTokenUsed


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
        self._methods: Counter[str] = Counter()
        self._causes: Counter[str] = Counter()
        self._client_methods: Counter[str] = Counter()
        self._client_causes: Counter[str] = Counter()
        self._only_counted = 0
        self._over_time, self._failed_over_time = OverTime(), OverTime()

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        if not in_period:
            return
        match entry.event:
            case SubjectAuthenticated(by_session=True):
                self._trails.of("sign_ins.by_session").add(entry.position)
            case SubjectAuthenticated(amr=amr):
                self._count("sign_ins.people", "sign_ins.by_method", "+".join(amr), self._methods, entry)
                self._over_time.add(entry.recorded_at)
            case SignInFailed(reason=reason):
                self._count("sign_ins.failed", "sign_ins.failed_by", reason, self._causes, entry)
                self._failed_over_time.add(entry.recorded_at)
            case CodeRedeemed() | ClientCredentialsGranted() | RefreshTokenRotated() | RefreshTokenUsed():
                self._client(entry, entry.event)
            case RequestRefused(error=error, reason=reason) if error == _INVALID_CLIENT:
                self._count(
                    "sign_ins.clients_failed",
                    "sign_ins.clients_failed_by",
                    reason,
                    self._client_causes,
                    entry,
                )
            case RefusalsCounted(count=count):
                self._trails.of("sign_ins.refusals_counted").add(entry.position)
                self._only_counted += count

    def result(self, context: Context) -> Section:
        """The section, after the last event."""
        over = (
            self._over_time.series("sign_ins.per_day", "Sign-ins of people", "sign-ins", context.period),
            self._failed_over_time.series(
                "sign_ins.failed_per_day", "Failed sign-ins of people", "attempts", context.period
            ),
        )
        tables = (
            _table("sign_ins.methods", "Sign-ins of people by method", "Method", self._methods),
            _table("sign_ins.causes", "Failed sign-ins of people by cause", "Cause", self._causes),
            _table(
                "sign_ins.client_methods", "Authentications of clients by method", "Method", self._client_methods
            ),
            _table(
                "sign_ins.client_causes", "Failed authentications of clients by cause", "Cause",
                self._client_causes,
            ),
        )  # fmt: skip
        return Section(
            self.id, self.title, _INTRO, (*self._people(context), *self._clients(context)), tables, over,
            cannot_show=_CANNOT_SHOW,
        )  # fmt: skip

    def _client(self, entry: LogEntry, event: _Authenticated) -> None:
        method = event.client_auth_method or "not_recorded"
        self._count("sign_ins.clients", "sign_ins.clients_by", method, self._client_methods, entry)

    def _count(self, whole: str, part: str, kind: str, counter: Counter[str], entry: LogEntry) -> None:
        """Count an event as a whole and by its kind."""
        counter[kind] += 1
        self._trails.of(whole).add(entry.position)
        self._trails.of(f"{part}.{slug(kind)}").add(entry.position)

    def _people(self, context: Context) -> list[Figure]:
        of, period = self._trails.of, context.period
        failed = type_query(tag_of(SignInFailed), period.first_position, period.last_position)
        return [
            of("sign_ins.people").figure(
                "Sign-ins of people",
                "How often a person proved on a page of this server who they are.",
                unit="sign-ins",
            ),
            *(
                of(f"sign_ins.by_method.{slug(kind)}").figure(
                    f"Sign-ins with {kind}", f"Sign-ins of people with the method {kind} (RFC 8176).",
                    unit="sign-ins",
                )
                for kind in sorted(self._methods)
            ),
            of("sign_ins.by_session").figure(
                "Answered from a session",
                "How often a person was known from a session in the browser, so that no new sign-in was needed.",
                unit="requests",
            ),
            of("sign_ins.failed").figure(
                "Failed sign-ins of people", "How often a sign-in of a person was refused, for any cause.",
                unit="attempts", query=failed,
            ),
            *(
                of(f"sign_ins.failed_by.{slug(kind)}").figure(
                    f"Failed: {kind}", f"Sign-ins of people that were refused for the cause {kind}.",
                    unit="attempts",
                )
                for kind in sorted(self._causes)
            ),
        ]  # fmt: skip

    def _clients(self, context: Context) -> list[Figure]:
        of = self._trails.of
        return [
            of("sign_ins.clients").figure(
                "Authentications of clients",
                "How often a client authenticated itself and was given tokens for it.",
                unit="requests",
            ),
            *(
                of(f"sign_ins.clients_by.{slug(kind)}").figure(
                    f"Clients with {kind}",
                    f"Authentications of clients with the method {kind}; none is that of a public client.",
                    unit="requests",
                )
                for kind in sorted(self._client_methods)
            ),
            of("sign_ins.clients_failed").figure(
                "Failed authentications of clients",
                "Requests that were refused because the client did not prove who it is (invalid_client).",
                unit="requests",
            ),
            *(
                of(f"sign_ins.clients_failed_by.{slug(kind)}").figure(
                    f"Clients failed: {kind}",
                    f"Authentications of clients that were refused for the cause {kind}.",
                    unit="requests",
                )
                for kind in sorted(self._client_causes)
            ),
            of("sign_ins.refusals_counted").figure(
                "Refusals of a flood",
                "Refusals of any kind that came in such numbers that they were only counted.",
                self._only_counted, "refusals",
                type_query(
                    tag_of(RefusalsCounted), context.period.first_position, context.period.last_position
                ),
            ),
        ]  # fmt: skip


def _table(table_id: str, title: str, column: str, counter: Counter[str]) -> Table:
    rows = tuple(sorted(counter.items(), key=lambda row: (-row[1], row[0])))
    return Table(table_id, title, (column, "Count"), rows)
