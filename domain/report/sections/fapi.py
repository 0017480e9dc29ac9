"""FAPI and open banking: that what the profiles demand was kept while the server ran, request by request."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from domain.client.client import SECRET_METHODS
from domain.client.events import ClientDeleted, ClientRegistered, ClientUpdated
from domain.client.profile import PROFILES
from domain.grant.events import (
    AccessTokenIssued,
    AuthorizationAnswered,
    AuthorizationRefused,
    AuthorizationRequested,
    CodeIssued,
    CodeRedeemed,
    CodeReplayed,
    ConsentGranted,
    RefreshTokenReused,
    RefreshTokenRotated,
    RefreshTokenUsed,
    SubjectAuthenticated,
)
from domain.key.events import KeyCreated
from domain.log_entry import LogEntry
from domain.refusal_events import RequestRefused
from domain.report.derived import derived, median
from domain.report.exceptions import findings_of
from domain.report.fapi_figures import FIGURES, RULES
from domain.report.fapi_flows import Flows
from domain.report.model import Figure, Section, Table, Value
from domain.report.over_time import OverTime
from domain.report.section import Context, tags
from domain.report.trails import Trails
from domain.report.wording import clean, end_of, share_of_tokens
from domain.vocabulary import response_mode as response_modes

_INTRO: Final = (
    "Clients that are registered with a FAPI profile, as open banking demands: what they did during the period, and "
    "whether each request kept what the profile asks for. An authorization is what begins with a client's request and "
    "ends with an answer: the person signs in, agrees, and the client gets a code that it exchanges for tokens. The "
    "server refuses what breaks the profile; these figures show that nothing got through."
)
_CANNOT_SHOW: Final = (
    "Availability and response times as clients and people see them: an outside monitor has to measure these.",
    "Calls of the APIs themselves, such as payments and account data, and their x-fapi-interaction-id: the APIs record "
    "them.",
    "Whether a certificate of a client is a qualified one (eIDAS), and its roles: the trusted lists show that.",
    "Which element of strong customer authentication (knowledge, possession, inherence) a method stands for, beyond "
    "the names of the methods that the log has.",
    "What the person was shown about a payment or an account, and its amount: the log has the scope, and a digest of "
    "what else was in the request.",
)
_FAPI: Final = frozenset(name for name in PROFILES if name.startswith("fapi"))
#: What says by itself that there were several (RFC 8176 §2).
_SEVERAL: Final = "mfa"
_MOST: Final = 300


class _OfClient(msgspec.Struct, gc=False):
    """What one client did in the period."""

    profile: str
    requests: int = 0
    answered: int = 0
    refused: int = 0
    tokens: int = 0
    bound: int = 0
    rejected: int = 0


class Fapi:
    """The section."""

    id = "fapi"
    title = "FAPI and open banking"
    wants = tags(
        ClientRegistered, ClientUpdated, ClientDeleted, KeyCreated, AuthorizationRequested, SubjectAuthenticated,
        ConsentGranted, AuthorizationAnswered, AuthorizationRefused, CodeIssued, CodeRedeemed, CodeReplayed,
        AccessTokenIssued, RefreshTokenRotated, RefreshTokenUsed, RefreshTokenReused, RequestRefused,
    )  # fmt: skip

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._profiles: dict[str, tuple[str, int]] = {}
        self._algorithms: dict[str, str] = {}
        self._flows = Flows()
        self._clients: dict[str, _OfClient] = {}
        self._counts: dict[str, Counter[str]] = {
            name: Counter() for name in ("methods", "authentications", "errors", "refusals", "signatures")
        }
        self._seconds: Counter[int] = Counter()
        self._over_time = OverTime()
        self._longest_uri = self._longest_code = 0

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        match entry.event:
            case ClientRegistered(metadata=metadata) | ClientUpdated(metadata=metadata):
                self._registration(entry, str(metadata.get("profile", "")), in_period=in_period)
            case ClientDeleted():
                self._profiles.pop(entry.stream.id, None)
            case KeyCreated(kid=kid, alg=alg):
                self._algorithms[kid] = alg
            case AuthorizationRequested(client_id=client_id):
                if client_id in self._profiles:
                    self._flows.begin(entry.stream.id, entry.event, entry.position, in_period=in_period)
                    if in_period:
                        self._request(entry, entry.event)
            case AuthorizationAnswered() | AuthorizationRefused() | CodeIssued():
                self._answer(entry, in_period=in_period)
            case _ if in_period:
                self._act(entry)

    def result(self, context: Context) -> Section:
        """The section, after the last event."""
        now = end_of(context.period.ends_at)
        of = self._trails.of
        of("fapi.clients").add_all(by for _, by in self._profiles.values())
        of("fapi.abandoned").add_all(self._flows.abandoned(now))
        of("fapi.waiting").add_all(self._flows.waiting())
        figures = tuple(self._figures())
        series = self._over_time.series(
            "fapi.per_day", "Authorization requests of FAPI clients", "requests", context.period
        )
        return Section(
            self.id, self.title, _INTRO, figures, tuple(self._tables()), (series,), tuple(findings_of(figures, RULES)),
            _CANNOT_SHOW,
        )  # fmt: skip

    def _registration(self, entry: LogEntry, profile: str, *, in_period: bool) -> None:
        client_id = entry.stream.id
        before = self._profiles.pop(client_id, None)
        if profile in _FAPI:
            self._profiles[client_id] = profile, entry.position
        elif before is not None and in_period:
            self._note("left_profile", entry)

    def _request(self, entry: LogEntry, event: AuthorizationRequested) -> None:
        rules = PROFILES[self._profiles[event.client_id][0]]
        self._of(event.client_id).requests += 1
        self._over_time.add(entry.recorded_at)
        self._note("requests", entry)
        if event.request_uri_hash is not None:
            self._note("pushed", entry)
            lived = (event.request_uri_expires_at or event.requested_at) - event.requested_at
            self._longest_uri = max(self._longest_uri, lived)
        elif rules.require_pushed:
            self._note("not_pushed", entry)
        if event.request_object_hash is not None:
            self._note("signed", entry)
        elif rules.request_objects.required:
            self._note("not_signed", entry)
        if event.code_challenge is not None:
            self._note("pkce", entry)
        if response_modes.is_jarm(event.response_mode):
            self._note("jarm", entry)
        if event.client_auth_method is not None:
            self._counts["methods"][clean(event.client_auth_method)] += 1
            if event.client_auth_method in SECRET_METHODS:
                self._note("secret_used", entry)

    def _answer(self, entry: LogEntry, *, in_period: bool) -> None:
        flow = self._flows.answer(entry.stream.id)
        if flow is None or not in_period:
            return
        match entry.event:
            case AuthorizationRefused(error=error):
                self._of(flow.client_id).refused += 1
                self._counts["errors"][clean(error)] += 1
                self._note("refused", entry)
                return
            case CodeIssued(issued_at=at, expires_at=expires_at):
                self._longest_code = max(self._longest_code, expires_at - at)
                self._note("codes", entry)
            case AuthorizationAnswered(answered_at=at):
                pass
            case _:
                return
        self._of(flow.client_id).answered += 1
        self._note("answered", entry)
        self._seconds[max(at - flow.begun_at, 0)] += 1

    def _act(self, entry: LogEntry) -> None:
        """What happens in an authorization that is open, and what a client does."""
        flow = self._flows.of(entry.stream.id)
        match entry.event:
            case SubjectAuthenticated(amr=amr, by_session=by_session):
                if flow is not None:
                    self._note("by_session" if by_session else "sign_ins", entry)
                    self._counts["authentications"][clean("+".join(amr)) or "not recorded"] += 1
                    if len(set(amr)) > 1 or _SEVERAL in amr:
                        self._note("several_methods", entry)
                    elif amr:
                        self._note("one_method", entry)
            case ConsentGranted(remembered=False):
                if flow is not None:
                    self._note("consents", entry)
            case AccessTokenIssued(client_id=client_id):
                if client_id in self._profiles:
                    self._token(entry, entry.event)
            case RequestRefused(client_id=client_id, error=error):
                if client_id in self._profiles:
                    self._of(client_id).rejected += 1
                    self._counts["refusals"][clean(error)] += 1
                    self._note("rejected", entry)
            case _:
                client_id = entry.metadata.client_id or (flow.client_id if flow else "")
                if client_id in self._profiles:
                    self._use(entry)

    def _token(self, entry: LogEntry, issued: AccessTokenIssued) -> None:
        counts = self._of(issued.client_id)
        counts.tokens += 1
        self._note("tokens", entry)
        if issued.signing_kid is not None:
            self._counts["signatures"][clean(self._algorithms.get(issued.signing_kid, "not known"))] += 1
        if issued.jkt is not None or issued.x5t_s256 is not None:
            counts.bound += 1
            self._note("bound", entry)
        else:
            self._note("unbound", entry)

    def _use(self, entry: LogEntry) -> None:
        """A client uses a code or a refresh token."""
        match entry.event:
            case CodeRedeemed():
                self._note("redeemed", entry)
            case CodeReplayed():
                self._note("code_replays", entry)
            case RefreshTokenReused():
                self._note("refresh_replays", entry)
            case RefreshTokenRotated():
                self._note("rotated", entry)
        method = getattr(entry.event, "client_auth_method", None)
        if method:
            self._counts["methods"][clean(method)] += 1
            if method in SECRET_METHODS:
                self._note("secret_used", entry)

    def _of(self, client_id: str) -> _OfClient:
        profile = self._profiles.get(client_id, ("", 0))[0]
        counts = self._clients.setdefault(client_id, _OfClient(profile))
        counts.profile = profile or counts.profile
        return counts

    def _note(self, name: str, entry: LogEntry) -> None:
        self._trails.of(f"fapi.{name}").add(entry.position)

    def _figures(self) -> Iterator[Figure]:
        by_name = {
            name: self._trails.of(f"fapi.{name}").figure(label, meaning, unit=unit)
            for name, label, meaning, unit in FIGURES
        }
        yield from by_name.values()
        bound, tokens = (int(by_name[name].value) for name in ("bound", "tokens"))
        for source, name, label, value, meaning in (
            (
                "bound", "coverage", "FAPI: share of bound access tokens", (share_of_tokens(bound, tokens), "%"),
                "How many of a hundred access tokens of FAPI clients were bound to a key. The profiles demand all of "
                "them. The events are those of the bound ones.",
            ),
            (
                "answered", "median", "Median time to an answer", (median(self._seconds), "seconds"),
                "Half of the authorizations that succeeded took no longer than this, from the request to the answer: "
                "most of it is the person's time. The events are the answers.",
            ),
            (
                "pushed", "longest_request_uri", "Longest life of a pushed request", (self._longest_uri, "seconds"),
                "For how long the address of a pushed request could be used. FAPI 2.0 demands less than 600 seconds. "
                "The events are the pushed requests.",
            ),
            (
                "codes", "longest_code", "Longest life of a code", (self._longest_code, "seconds"),
                "For how long an authorization code could be exchanged. FAPI 2.0 allows 60 seconds. The events are the "
                "codes.",
            ),
        ):  # fmt: skip
            yield derived(by_name[source], f"fapi.{name}", label, value, meaning)

    def _tables(self) -> Iterator[Table]:
        for name, title, column in (
            ("methods", "How FAPI clients authenticated", "Method"),
            ("authentications", "How people were authenticated for FAPI clients", "Methods together"),
            ("errors", "Authorizations that ended with an error", "Error"),
            ("refusals", "Requests of FAPI clients that were refused", "Error"),
            ("signatures", "Access tokens of FAPI clients, by the algorithm of their signature", "Algorithm"),
        ):
            rows = sorted(self._counts[name].items(), key=lambda row: (-row[1], row[0]))
            yield Table(f"fapi.{name}_table", title, (column, "Count"), tuple(rows))
        rows_of_clients: list[tuple[Value, ...]] = [
            (
                clean(client_id), one.profile, one.requests, one.answered, one.refused, one.rejected, one.tokens,
                share_of_tokens(one.bound, one.tokens),
            )
            for client_id, one in sorted(self._clients.items(), key=lambda item: (-item[1].requests, item[0]))
        ]  # fmt: skip
        columns = (
            "Client", "Profile", "Authorizations begun", "Succeeded", "Ended with an error", "Requests refused",
            "Access tokens", "Bound (%)",
        )  # fmt: skip
        left_out = max(len(rows_of_clients) - _MOST, 0)
        yield Table("fapi.by_client", "By client", columns, tuple(rows_of_clients[:_MOST]), left_out)
