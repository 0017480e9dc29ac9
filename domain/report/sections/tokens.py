"""How long tokens live, and how many of them are of no use to a thief (sender-constrained)."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from domain.client.events import ClientDeleted, ClientRegistered, ClientUpdated
from domain.grant.events import (
    AccessTokenIssued,
    IdTokenIssued,
    RefreshTokenIssued,
    RefreshTokenRepeated,
    RefreshTokenRotated,
    RefreshTokenUsed,
)
from domain.log_entry import LogEntry
from domain.report.derived import derived
from domain.report.exceptions import Rule, findings_of
from domain.report.model import Figure, Section, Table, Value
from domain.report.over_time import OverTime
from domain.report.section import Context, tags
from domain.report.trails import Trails
from domain.report.wording import clean, share_of_tokens
from domain.units import DAY, HOUR, MINUTE

_INTRO: Final = (
    "The tokens that were issued during the period: how long they live, and whether they are bound to a key of the "
    "client. Whoever steals a bound token cannot use it, because the key is needed as well (sender-constrained: DPoP, "
    "RFC 9449, or a client certificate, RFC 8705). A token that is not bound is a bearer token: whoever has it may use "
    "it until it ends."
)
_CANNOT_SHOW: Final = (
    "Whether resource servers check what a token is bound to, and for how long they accept one that was revoked: see "
    "their configuration and tests.",
    "What was done with a token: see the logs of the resource servers.",
    "Whether a token is kept safely by the application that has it.",
)
_RULES: Final = (
    Rule(
        "tokens.long", "warning",
        "Access tokens that live longer than an hour: {value}. A resource server that checks them by itself accepts "
        "them for that long after a revocation.",
    ),
    Rule(
        "tokens.refresh_public_unbound", "note",
        "Refresh tokens of public clients that are not bound to a key: {value}. They are replaced at each use, which "
        "shows a theft only afterwards.",
    ),
)  # fmt: skip
_LIVES: Final = (
    (5 * MINUTE, "up to 5 minutes"), (10 * MINUTE, "up to 10 minutes"), (HOUR, "up to 1 hour"), (DAY, "up to 1 day"),
)  # fmt: skip
_LONGER: Final = "more than 1 day"
_MOST: Final = 300


class _OfClient(msgspec.Struct, gc=False):
    """The access tokens of one client in the period."""

    bearer: int = 0
    dpop: int = 0
    mtls: int = 0
    shortest: int = 0
    longest: int = 0

    @property
    def count(self) -> int:
        """All of them. One that is bound to both kinds of key is counted as bound by DPoP."""
        return self.bearer + self.dpop + self.mtls

    def add(self, issued: AccessTokenIssued, life: int) -> None:
        """Count one more."""
        self.shortest = life if not self.count else min(self.shortest, life)
        self.longest = max(self.longest, life)
        if issued.jkt is not None:
            self.dpop += 1
        elif issued.x5t_s256 is not None:
            self.mtls += 1
        else:
            self.bearer += 1


class _Longest:
    """The longest life of a kind of token, and the first event that has it."""

    def __init__(self) -> None:
        self.life = self.position = 0

    def see(self, life: int, position: int) -> None:
        """Look at one more token."""
        if life > self.life:
            self.life, self.position = life, position


class Tokens:
    """The section."""

    id = "tokens"
    title = "Lifetimes and binding of tokens"
    wants = tags(
        AccessTokenIssued, IdTokenIssued, RefreshTokenIssued, RefreshTokenRotated, RefreshTokenUsed,
        RefreshTokenRepeated, ClientRegistered, ClientUpdated, ClientDeleted,
    )  # fmt: skip

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._public: set[str] = set()
        self._clients: dict[str, _OfClient] = {}
        self._lives: Counter[str] = Counter()
        self._access, self._refresh, self._id = _Longest(), _Longest(), _Longest()
        self._over_time, self._unbound_over_time = OverTime(), OverTime()
        #: The newest grant that was given an access token: a first refresh token comes in the same append.
        self._newest: tuple[str, str] = "", ""

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        match entry.event:
            case ClientRegistered(metadata=metadata) | ClientUpdated(metadata=metadata):
                public = metadata.get("token_endpoint_auth_method") == "none"
                (self._public.add if public else self._public.discard)(entry.stream.id)
            case ClientDeleted():
                self._public.discard(entry.stream.id)
            case _ if not in_period:
                return
            case AccessTokenIssued():
                self._access_token(entry, entry.event)
            case IdTokenIssued(issued_at=issued_at, expires_at=expires_at):
                self._trails.of("tokens.id").add(entry.position)
                self._id.see(expires_at - issued_at, entry.position)
            case RefreshTokenIssued():
                self._refresh_token(entry, entry.event)
            case RefreshTokenRotated(rotated_at=rotated_at, expires_at=expires_at):
                self._trails.of("tokens.refresh_rotated").add(entry.position)
                self._refresh.see(expires_at - rotated_at, entry.position)
            case RefreshTokenUsed():
                self._trails.of("tokens.refresh_used").add(entry.position)
            case RefreshTokenRepeated():
                self._trails.of("tokens.refresh_repeated").add(entry.position)

    def result(self, context: Context) -> Section:
        """The section, after the last event."""
        figures = (*self._access_figures(), *self._other_figures())
        lives = tuple((name, self._lives[name]) for name in (*(name for _, name in _LIVES), _LONGER))
        tables = (
            Table("tokens.lives", "Access tokens by how long they live", ("Life", "Tokens"), lives),
            self._client_table(),
        )
        series = (
            self._over_time.series("tokens.per_day", "Access tokens issued", "tokens", context.period),
            self._unbound_over_time.series(
                "tokens.bearer_per_day", "Access tokens that are not bound to a key", "tokens", context.period
            ),
        )
        return Section(
            self.id, self.title, _INTRO, figures, tables, series, tuple(findings_of(figures, _RULES)), _CANNOT_SHOW
        )  # fmt: skip

    def _access_token(self, entry: LogEntry, issued: AccessTokenIssued) -> None:
        of, position = self._trails.of, entry.position
        life = issued.expires_at - issued.issued_at
        bearer = issued.jkt is None and issued.x5t_s256 is None
        of("tokens.access").add(position)
        of("tokens.bearer" if bearer else "tokens.bound").add(position)
        if issued.jkt is not None:
            of("tokens.dpop").add(position)
        elif not bearer:
            of("tokens.mtls").add(position)
        if issued.format == "opaque":
            of("tokens.opaque").add(position)
        if issued.encrypted_to is not None:
            of("tokens.encrypted").add(position)
        if issued.subject is None:
            of("tokens.of_clients").add(position)
        if life > HOUR:
            of("tokens.long").add(position)
        self._clients.setdefault(issued.client_id, _OfClient()).add(issued, life)
        self._lives[next((name for limit, name in _LIVES if life <= limit), _LONGER)] += 1
        self._access.see(life, position)
        self._over_time.add(entry.recorded_at)
        self._unbound_over_time.add(entry.recorded_at, int(bearer))
        self._newest = entry.stream.id, issued.client_id

    def _refresh_token(self, entry: LogEntry, issued: RefreshTokenIssued) -> None:
        of, position = self._trails.of, entry.position
        of("tokens.refresh").add(position)
        self._refresh.see(issued.expires_at - issued.issued_at, position)
        if (issued.jkt, issued.x5t_s256, issued.instance_jkt) != (None, None, None):
            of("tokens.refresh_bound").add(position)
        elif self._newest[0] == entry.stream.id and self._newest[1] in self._public:
            of("tokens.refresh_public_unbound").add(position)

    def _access_figures(self) -> Iterator[Figure]:
        of = self._trails.of
        access, bound = of("tokens.access"), of("tokens.bound")
        covered = share_of_tokens(bound.count, access.count)
        yield access.figure(
            "Access tokens issued", "Access tokens that clients were given during the period.", unit="tokens"
        )
        of_bound = bound.figure(
            "Access tokens bound to a key", "Those of them that are of no use without a key of the client.",
            unit="tokens",
        )  # fmt: skip
        yield of_bound
        yield derived(
            of_bound, "tokens.coverage", "Share of bound access tokens", (covered, "%"),
            "How many of a hundred access tokens were bound to a key: the two figures before this one. The events are "
            "those of the bound ones.",
        )  # fmt: skip
        for name, label, meaning in (
            (
                "dpop", "Access tokens bound by DPoP",
                "Access tokens that are bound to a key that the client proves by DPoP.",
            ),
            (
                "mtls", "Access tokens bound by certificate",
                "Access tokens that are bound to the client's certificate, and not by DPoP as well.",
            ),
            ("bearer", "Bearer tokens", "Access tokens that whoever has them may use."),
            ("of_clients", "Tokens without a person", "Access tokens that a client got for itself."),
            (
                "opaque", "Opaque tokens",
                "Access tokens that only this server can read, so that a revocation counts at once.",
            ),
            ("encrypted", "Encrypted tokens", "Access tokens that only one resource server can read."),
            ("long", "Tokens that live longer than an hour", "Access tokens whose life is longer than an hour."),
        ):  # fmt: skip
            yield of(f"tokens.{name}").figure(label, meaning, unit="tokens")
        yield self._longest("access", "Longest life of an access token", self._access)

    def _other_figures(self) -> Iterator[Figure]:
        of = self._trails.of
        for name, label, meaning in (
            ("id", "ID tokens issued", "Signed statements to a client about who signed in."),
            ("refresh", "Refresh tokens issued", "First refresh tokens: with one a client gets new access tokens."),
            (
                "refresh_bound", "Refresh tokens bound to a key",
                "Those of them that are bound to a key of the client. Those of clients that authenticate need not be: "
                "they are of no use without the client's own credentials.",
            ),
            (
                "refresh_public_unbound", "Refresh tokens of public clients without a key",
                "Those of them that a client without credentials may use, and with it whoever steals them.",
            ),
            ("refresh_rotated", "Refresh tokens replaced", "Uses of a refresh token that replaced it by a new one."),
            ("refresh_used", "Refresh tokens used and kept", "Uses of a refresh token that stays as it is."),
            (
                "refresh_repeated", "Refresh tokens repeated at once",
                "Uses of a refresh token that had just been replaced, by a client that had not got the answer. Within "
                "a short time (the setting refresh_grace_seconds) it is given the same new one again.",
            ),
        ):  # fmt: skip
            yield of(f"tokens.{name}").figure(label, meaning, unit="tokens")
        yield self._longest("id", "Longest life of an ID token", self._id)
        yield self._longest("refresh", "Longest life of an unused refresh token", self._refresh)

    def _longest(self, name: str, label: str, longest: _Longest) -> Figure:
        trail = self._trails.of(f"tokens.longest_{name}").add_all(
            [longest.position] if longest.position else ()
        )
        meaning = "From when it was issued to when it ends. The event is the first one with that life."
        return trail.figure(label, meaning, longest.life, "seconds")

    def _client_table(self) -> Table:
        rows: list[tuple[Value, ...]] = [
            (
                clean(client_id), one.count, one.dpop, one.mtls, one.bearer,
                share_of_tokens(one.dpop + one.mtls, one.count), one.shortest, one.longest,
            )
            for client_id, one in sorted(self._clients.items(), key=lambda item: (-item[1].count, item[0]))
        ]  # fmt: skip
        columns = (
            "Client", "Access tokens", "DPoP", "Certificate", "Bearer", "Bound (%)", "Shortest life (s)",
            "Longest life (s)",
        )  # fmt: skip
        return Table(
            "tokens.clients",
            "Access tokens by client",
            columns,
            tuple(rows[:_MOST]),
            max(len(rows) - _MOST, 0),
        )
