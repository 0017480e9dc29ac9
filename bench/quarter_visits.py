"""What people and clients do in a simulated quarter, each step decided by the domain."""

import random
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import msgspec

from domain.authorization import steps
from domain.authorization.steps import AuthorizationFacts, Browser, ConsentStep, SignInStep
from domain.client.client import Client
from domain.client.events import ClientRegistered
from domain.event import Event
from domain.grant import revocation
from domain.grant.client_credentials import GrantClientCredentials, decide_client_credentials
from domain.grant.code import RedeemCode, decide_redeem
from domain.grant.events import AccessTokenIssued, AuthorizationRequested
from domain.grant.front_channel import AuthorizationResponse
from domain.grant.grant import Grant
from domain.grant.grant import fold as fold_grant
from domain.grant.issue import IssueFacts
from domain.grant.refresh_token import RefreshTokens, RotationRule, decide_refresh
from domain.liveness import ACTIVE, Liveness
from domain.person import account as accounts
from domain.person import session as sessions
from domain.person.account import Account
from domain.person.session import NO_SESSION, Authentication, Session
from domain.person.session_events import BackChannelLogoutDelivered, BackChannelLogoutFailed
from domain.stream import DEFAULT_TENANT as TENANT
from domain.stream import account_stream, grant_stream, session_stream
from domain.units import DAY
from domain.vocabulary import pkce
from domain.vocabulary.acr import ACR_SUPPORTED, PASSWORD_ACR, PASSWORD_AMR
from domain.vocabulary.confirmation import UNBOUND, Confirmation

ISSUER: Final = "https://login.example.com"
_SCOPE: Final = ("openid", "email", "offline_access")
_HASH: Final = "q4pXlIxWk0yCJvP1GkZxk0s3Nf1m4mB2Qq1mU5b7t9w"
_VERIFIER: Final = "v" * 43
_CHALLENGE: Final = pkce.s256(_VERIFIER)
_LIVE: Final = Liveness(ACTIVE, ACTIVE, ACTIVE, needs_account=True, needs_session=False)
_FAILURES: Final = (
    "password_wrong",
    "password_wrong",
    "password_wrong",
    "login_unknown",
    "too_many_attempts",
)
#: Grants and sessions that are remembered, so that something happens to them later.
_GRANTS, _SESSIONS = 3000, 1500

_PROOFS: Final = (UNBOUND, UNBOUND, Confirmation(jkt=_HASH))

Write = Callable[..., int]


class ClientSide(msgspec.Struct, frozen=True):
    """A client, and the event that registered it."""

    client: Client
    events: tuple[ClientRegistered, ...]

    @property
    def method(self) -> str:
        """How it authenticates."""
        return self.client.metadata.token_endpoint_auth_method


class Visit(msgspec.Struct):
    """A person at a client, and what has become of the request so far."""

    person: str
    side: ClientSide
    grant_id: str
    grant: Grant
    step: Any


class Visits:
    """Everything that people and clients do. ``write`` notes events for the next batch."""

    def __init__(self, write: Write, chance: random.Random, people: dict[str, Account]) -> None:
        self._write = write
        self._chance = chance
        self._people = people
        self._number = 0
        self._grants: OrderedDict[str, tuple[ClientSide, Grant, str]] = OrderedDict()
        self._sessions: OrderedDict[str, tuple[str, Session]] = OrderedDict()
        self._newest: dict[str, str] = {}
        self._ended: list[tuple[str, Session]] = []

    def request(self, person: str, side: ClientSide, now: int) -> Visit:
        """The browser comes with a request, perhaps with a session."""
        request = AuthorizationRequested(
            side.client.client_id, side.client.metadata.redirect_uris[0], "code", "query", _SCOPE, now, now + 600,
            code_challenge=_CHALLENGE, nonce="n", browser_hash=_HASH,
        )  # fmt: skip
        visit = Visit(person, side, self._new("g"), Grant(), None)
        self._decided(visit, steps.decide_request(request, self._facts(visit, now)))
        return visit

    def sign_in(self, visit: Visit, now: int) -> Visit | None:
        """The person signs in and consents where that is asked. None: there is no code."""
        facts = self._facts(visit, now)
        if isinstance(visit.step, SignInStep):
            if not self._people[visit.person].exists:
                self._fail(visit, "login_unknown", None, now)
                return None
            while self._chance.random() < 0.12:
                reason = self._chance.choice(_FAILURES)
                self._fail(visit, reason, None if reason == "login_unknown" else visit.person, now)
            if self._chance.random() < 0.04:
                return None
            session_id = self._start_session(visit.person, now)
            self._decided(
                visit,
                steps.decide_signed_in(
                    visit.grant, visit.person, session_id, PASSWORD_ACR, PASSWORD_AMR, facts
                ),
            )
        if isinstance(visit.step, ConsentStep):
            if self._chance.random() < 0.05:
                self._decided(visit, steps.decide_cancelled(now))
                return None
            self._decided(visit, steps.decide_consented(visit.grant, facts))
            self._remember(visit, now)
        return visit if isinstance(visit.step, AuthorizationResponse) else None

    def redeem(self, visit: Visit, now: int) -> None:
        """The client exchanges the code, sometimes twice."""
        command = RedeemCode(
            visit.side.client.client_id, f"code-{visit.grant_id}", visit.side.client.metadata.redirect_uris[0],
            pkce.challenge_of(_VERIFIER), (), visit.side.method,
        )  # fmt: skip
        facts = self._issue(visit.side.client, now)
        self._decided(visit, decide_redeem(visit.grant, command, facts))
        assert visit.grant.refresh is not None, visit.step
        if self._chance.random() < 0.003:
            self._decided(visit, decide_redeem(visit.grant, command, facts))
            return
        self._grants[visit.grant_id] = visit.side, visit.grant, f"t{visit.grant_id}"
        if len(self._grants) > _GRANTS:
            self._grants.popitem(last=False)

    def service(self, side: ClientSide, now: int) -> None:
        """A client gets a token of its own, bound to what it can prove."""
        proof = _PROOFS[self._number % len(_PROOFS)]
        command = GrantClientCredentials(side.client.client_id, ("read",), (), side.method, None, proof)
        decided = decide_client_credentials(command, self._issue(side.client, now))
        self._write(grant_stream(TENANT, self._new("s")), decided.events, ends=True)

    def later(self, now: int) -> None:
        """Some grants are refreshed, some end, and some people sign out."""
        for grant_id in self._chance.sample(list(self._grants), min(len(self._grants), 40)):
            self._go_on(grant_id, now)
        for session_id in self._chance.sample(list(self._sessions), min(len(self._sessions), 4)):
            person, session = self._sessions.pop(session_id)
            reason = self._chance.choice(("logout", "logout", "password_changed"))
            if reason == "password_changed" and self._people[person].exists:
                changed = accounts.decide_set_password(self._people[person], now, "all")
                self._of_account(person, changed.events)
            events = sessions.decide_end(session, reason, now)
            self._write(session_stream(TENANT, session_id), events, "subject")
            if events:
                self._ended.append((session_id, sessions.fold(events, session)))

    def notices(self, now: int) -> None:
        """Clients are told of the sessions that ended."""
        for session_id, session in self._ended:
            told: BackChannelLogoutDelivered | BackChannelLogoutFailed
            told = BackChannelLogoutDelivered("client-1", "jti", now)
            if self._chance.random() < 0.1:
                told = BackChannelLogoutFailed("client-1", "jti", "unreachable", now, 5)
            self._write(
                session_stream(TENANT, session_id),
                sessions.decide_notified(session, told),
                "system",
                ends=True,
            )
        self._ended.clear()

    def grants_of(self, client_id: str, most: int) -> list[tuple[str, Grant]]:
        """Some grants of a client that can go on."""
        found = [
            (name, grant)
            for name, (side, grant, _) in self._grants.items()
            if side.client.client_id == client_id
        ]
        return found[:most]

    def forget(self, grant_id: str) -> None:
        """Nothing happens to a grant any more."""
        self._grants.pop(grant_id, None)

    def _go_on(self, grant_id: str, now: int) -> None:
        side, grant, token_id = self._grants[grant_id]
        client_id, stream, dice = side.client.client_id, grant_stream(TENANT, grant_id), self._chance.random()
        if dice < 0.02:
            self._write(stream, revocation.decide_revoke_grant(grant, client_id, now).events, ends=True)
            self.forget(grant_id)
            return
        if dice < 0.04:
            events = revocation.decide_revoke_access_token(
                grant, client_id, token_id, already=False, now=now
            ).events
            self._write(stream, events)
            self._grants[grant_id] = side, fold_grant(events, grant), f"gone-{token_id}"
            return
        assert grant.refresh is not None
        generation = grant.refresh.generation
        used_again = dice > 0.995 and generation > 2
        command = RefreshTokens(client_id, generation - 2 * used_again, True, None, (), side.method)
        decided = decide_refresh(grant, command, self._issue(side.client, now), RotationRule())
        self._write(stream, decided.events, ends=used_again)
        after = fold_grant(decided.events, grant)
        if after.revoked_at is not None or after.refresh is None or not decided.events:
            self.forget(grant_id)
            return
        issued = next((event for event in decided.events if isinstance(event, AccessTokenIssued)), None)
        self._grants[grant_id] = side, after, token_id if issued is None else issued.token_id

    def _fail(self, visit: Visit, reason: str, subject: str | None, now: int) -> None:
        events = steps.decide_sign_in_failed(reason, subject, now).events
        visit.grant = fold_grant(events, visit.grant)
        self._write(grant_stream(TENANT, visit.grant_id), events, "subject")

    def _start_session(self, person: str, now: int) -> str:
        session_id = self._new("s")
        events = sessions.decide_sign_in(
            NO_SESSION, Authentication(person, _HASH, PASSWORD_ACR, PASSWORD_AMR), now, 10 * DAY
        )
        self._write(session_stream(TENANT, session_id), events, "subject")
        self._sessions[session_id] = person, sessions.fold(events, NO_SESSION)
        self._newest[person] = session_id
        if len(self._sessions) > _SESSIONS:
            self._sessions.popitem(last=False)
        return session_id

    def _remember(self, visit: Visit, now: int) -> None:
        account = self._people[visit.person]
        if account.exists:
            decided = accounts.decide_remember_consent(account, visit.side.client.client_id, _SCOPE, now)
            self._of_account(visit.person, decided.events)

    def _of_account(self, person: str, events: tuple[Event, ...]) -> None:
        self._write(account_stream(TENANT, person), events, "subject")
        self._people[person] = accounts.fold(events, self._people[person])

    def _decided(self, visit: Visit, decision: Any) -> None:
        self._write(grant_stream(TENANT, visit.grant_id), decision.events, "subject")
        visit.grant = fold_grant(decision.events, visit.grant)
        visit.step = decision.answer

    def _facts(self, visit: Visit, now: int) -> AuthorizationFacts:
        """Every third visit comes from a browser with a session of the person, where there is one."""
        browser, session_id = None, self._newest.get(visit.person, "")
        if self._chance.random() < 0.3 and session_id in self._sessions:
            account = self._people[visit.person]
            scope = account.remembered_scope(visit.side.client.client_id, 0)
            browser = Browser(session_id, self._sessions[session_id][1], account.exists, scope)
        return AuthorizationFacts(
            now, visit.side.client, f"code-{visit.grant_id}", 60, browser, acr_supported=ACR_SUPPORTED
        )

    def _issue(self, client: Client, now: int) -> IssueFacts:
        token = self._new("t")
        return IssueFacts(
            now, ISSUER, client, _LIVE, token, _HASH, "hmac-1", 600, 3600, 30 * DAY, "kid", f"o{token}",
            {"RS256": "kid"},
        )  # fmt: skip

    def _new(self, kind: str) -> str:
        self._number += 1
        return f"{kind}{self._number:031x}"
