"""Random histories: what clients, people, administrators and time may do, decided by the domain's own functions.

Everything follows from the seed. Where nothing is decided by a function with few facts (the pages of a sign-in), the
events of the flow are written as the pages would.
"""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from random import Random
from typing import Any, Protocol

import msgspec

from authrim.core.execute import Change, append_of
from authrim.crypto import base64url
from authrim.crypto.ids import digest
from authrim.people.grant_status import read_grant_status
from authrim.store.contract import Append, AppendResult, LookupResult
from domain.claim import definitions as claim_definitions
from domain.claim.events import ClaimDefined
from domain.client import client as clients
from domain.client.client import Client
from domain.decision import Decision
from domain.errors import Refusal
from domain.event import Event, Fold
from domain.grant import grant as grants
from domain.grant.client_credentials import GrantClientCredentials, decide_client_credentials
from domain.grant.code import decide_redeem
from domain.grant.events import (
    AccessTokenIssued,
    AnotherAccountRequested,
    AuthorizationRefused,
    CodeIssued,
    ConsentGranted,
    SubjectAuthenticated,
)
from domain.grant.grant import Grant
from domain.grant.issue import IssueFacts
from domain.grant.refresh_token import RefreshTokens, RotationRule, decide_refresh
from domain.grant.revocation import decide_revoke_access_token, decide_revoke_grant, revoke
from domain.key import key as keys
from domain.key.key import KeyTimes, NewKey
from domain.liveness import Liveness
from domain.person import account as accounts
from domain.person import role as roles
from domain.person import session as sessions
from domain.person.account import Account
from domain.person.session import Authentication, Session
from domain.registration import initial_access_token as initial_tokens
from domain.registration import lifecycle as registration
from domain.registration.initial_access_token_events import InitialAccessTokenIssued
from domain.registration.lifecycle import RegisterClient, SetSecret
from domain.registration.policy import key_times
from domain.resource import resource as resources
from domain.resource.events import ResourceCreated, ResourceRetired, ResourceUpdated
from domain.scope_text import scope_text
from domain.scope_text.scope_text import ScopeText
from domain.setting import settings
from domain.stream import (
    DEFAULT_TENANT,
    account_stream,
    claims_stream,
    client_stream,
    grant_stream,
    key_stream,
    registration_stream,
    resource_stream,
    role_stream,
    scope_stream,
    session_stream,
    setting_stream,
)
from domain.vocabulary.confirmation import UNBOUND, Confirmation
from tests.domain import grant_samples as given
from tests.domain.client_samples import SERVICE

TIMES = KeyTimes(cache_seconds=900, longest_token_life=3600)
RULE = RotationRule(grace_seconds=10, grace_count=2)
_RESOURCE = "https://api.example/"
_METADATA = b'{"tenant":"default","actor":"system"}'

_KINDS: dict[str, Any] = {
    "shop": given.METADATA,
    "spa": msgspec.structs.replace(given.METADATA, token_endpoint_auth_method="none"),
    "bound": msgspec.structs.replace(given.METADATA, dpop_bound_access_tokens=True),
}


class Log(Protocol):
    """The part of a store that a history is written to."""

    async def append(self, append: Append) -> AppendResult: ...

    async def find(self, lookup: str, key: str) -> LookupResult: ...


class History:
    """One history, as it is written. ``handles``: the opaque access tokens, by grant and token id."""

    def __init__(self, log: Log, seed: int, now: int, *, time_passes: bool = True) -> None:
        self.log = log
        self.random = Random(seed)
        self.now = now
        self.time_passes = time_passes
        self.people = ("ada", "bob")
        self.clients: list[str] = []
        self.sessions: list[str] = []
        self.grants: list[str] = []
        self.keys: list[str] = []
        self.handles: dict[tuple[str, str], str] = {}
        self._states: dict[str, tuple[Any, int]] = {}
        self._made = 0

    async def begin(self) -> None:
        """Two people and the clients that they use."""
        for name in self.people:
            await self._decide(
                account_stream(DEFAULT_TENANT, name), accounts.fold, accounts.decide_create, name, self.now
            )
        for name in self.random.sample(sorted(_KINDS), 2):
            await self._register(name)

    async def step(self) -> None:
        """Something happens."""
        (action,) = self.random.choices(ACTIONS, WEIGHTS)
        await action(self)

    # What the shell does

    def has_begun(self, stream: str) -> bool:
        """Whether the stream has an event."""
        return stream in self._states

    def state(self, stream: str, fold: Fold[Any]) -> Any:
        """The state of a stream as it is kept while it grows."""
        return self._states[stream][0] if stream in self._states else fold(())

    async def write(self, *changes: tuple[str, Fold[Any], tuple[Event, ...]]) -> None:
        """One append of events to some streams, with the rows that the server writes."""
        parts = []
        for stream, fold, events in changes:
            if events:
                state, version = self._states.get(stream, (fold(()), 0))
                parts.append(Change(stream, version, events, state))
                self._states[stream] = (fold(events, state), version + len(events))
        if parts:
            await self.log.append(append_of(tuple(parts), _METADATA))

    async def _decide(
        self, stream: str, fold: Fold[Any], decide: Callable[..., Decision[Any]], *facts: Any
    ) -> Any:
        decision = decide(self.state(stream, fold), *facts)
        await self.write((stream, fold, decision.events))
        return decision.answer

    def _new(self, kind: str) -> str:
        self._made += 1
        return sha256(f"{kind} {self._made}".encode()).hexdigest()[:32]

    def _secret(self) -> str:
        return base64url.encode(self.random.randbytes(32))

    def client(self, client_id: str) -> Client:
        client: Client = self.state(client_stream(DEFAULT_TENANT, client_id), clients.fold)
        return client

    def account(self, subject: str) -> Account:
        account: Account = self.state(account_stream(DEFAULT_TENANT, subject), accounts.fold)
        return account

    def session(self, session_id: str) -> Session:
        session: Session = self.state(session_stream(DEFAULT_TENANT, session_id), sessions.fold)
        return session

    def grant(self, grant_id: str) -> Grant:
        grant: Grant = self.state(grant_stream(DEFAULT_TENANT, grant_id), grants.fold)
        return grant

    async def _facts(self, grant_id: str, client: Client, liveness: Liveness) -> tuple[IssueFacts, str]:
        """The facts for a token, and the token if it is an opaque one."""
        handle = f"at.{grant_id}.{self._secret()}"
        facts = given.facts(
            self.now,
            client=client,
            liveness=liveness,
            token_id=self._new("jti"),
            opaque_token_id=digest(handle),
            refresh_hash=self._new("refresh"),
            access_token_lifetime=self.random.choice((60, 600, 3600)),
        )
        return facts, handle

    async def _issue(self, grant_id: str, decision: Decision[Any], handle: str) -> None:
        await self.write((grant_stream(DEFAULT_TENANT, grant_id), grants.fold, decision.events))
        for event in decision.events:
            if isinstance(event, AccessTokenIssued) and event.format == "opaque":
                self.handles[grant_id, event.token_id] = handle

    def _proof(self, client: Client) -> Confirmation:
        return Confirmation("key") if client.metadata.dpop_bound_access_tokens else UNBOUND

    def _any_client(self) -> str:
        return self.random.choice(self.clients)

    def _any_grant(self) -> str | None:
        return self.random.choice(self.grants) if self.grants else None

    # What can happen: to people

    async def set_password(self) -> None:
        ends = self.random.choice(("none", "unbound", "all"))
        await self._of_person(accounts.decide_set_password, self.now, ends)

    async def disable_account(self) -> None:
        await self._of_person(accounts.decide_disable, "test", self.now)

    async def enable_account(self) -> None:
        await self._of_person(accounts.decide_enable, self.now)

    async def erase_account(self) -> None:
        await self._of_person(accounts.decide_erase, self.now)

    async def remember_consent(self) -> None:
        client_id = self._any_client()
        generation = self.client(client_id).generation
        await self._of_person(accounts.decide_remember_consent, client_id, given.SCOPE, self.now, generation)

    async def withdraw_consent(self) -> None:
        await self._of_person(accounts.decide_withdraw_consent, self._any_client(), self.now)

    async def end_grants(self) -> None:
        which = self.random.choice((None, self._any_client()))
        await self._of_person(accounts.decide_end_grants, which, "administrator", self.now)

    async def _of_person(self, decide: Callable[..., Decision[Any]], *facts: Any) -> None:
        stream = account_stream(DEFAULT_TENANT, self.random.choice(self.people))
        await self._decide(stream, accounts.fold, decide, *facts)

    async def sign_in(self) -> str | None:
        """A person signs in, with a browser that has a session or with a new one."""
        person = self.random.choice(self.people)
        if self.account(person).status != "active":
            return None
        known = self.random.choice(self.sessions) if self.sessions and self.random.random() < 0.5 else ""
        signed_in = Authentication(person, self._new("cookie"), "acr", ("pwd",))
        session = self.session(known)
        if not known or not sessions.continues(session, signed_in, self.now):
            known, session = self._new("session"), sessions.NO_SESSION
            self.sessions.append(known)
        events = sessions.decide_sign_in(session, signed_in, self.now, self.random.choice((300, 43_200)))
        await self.write((session_stream(DEFAULT_TENANT, known), sessions.fold, events))
        return known

    async def sign_out(self) -> None:
        if self.sessions:
            name = self.random.choice(self.sessions)
            events = sessions.decide_end(self.session(name), "logout", self.now)
            await self.write((session_stream(DEFAULT_TENANT, name), sessions.fold, events))

    # To clients and the rest of the configuration

    async def _register(self, name: str) -> None:
        format_ = self.random.choice(("opaque", "opaque", "jwt"))
        metadata = msgspec.structs.replace(_KINDS[name], access_token_format=format_)
        secret = None if metadata.token_endpoint_auth_method == "none" else self._new("secret")
        command = RegisterClient(name, metadata, secret)
        stream = client_stream(DEFAULT_TENANT, name)
        answer = await self._decide(stream, clients.fold, registration.decide_register, command, self.now)
        assert isinstance(answer, Client), answer
        self.clients.append(name)

    async def register_service(self) -> None:
        if "service" not in self.clients:
            command = RegisterClient("service", changed_service(), self._new("secret"))
            stream = client_stream(DEFAULT_TENANT, "service")
            await self._decide(stream, clients.fold, registration.decide_register, command, self.now)
            self.clients.append("service")

    async def update_client(self) -> None:
        client_id = self._any_client()
        before = self.client(client_id).metadata
        changes: dict[str, Any] = self.random.choice(
            (
                {"client_name": self._new("name")},
                {"subject_type": self.random.choice(("public", "pairwise"))},
                {"access_token_format": self.random.choice(("opaque", "jwt"))},
            )
        )
        metadata = msgspec.structs.replace(before, **changes)
        await self._of_client(registration.decide_update, metadata, self.now, client_id=client_id)

    async def rotate_secret(self) -> None:
        command = SetSecret(self._new("secret"), previous_until=self.now + 60)
        await self._of_client(registration.decide_set_secret, command, self.now)

    async def disable_client(self) -> None:
        await self._of_client(registration.decide_disable, "test", self.now)

    async def enable_client(self) -> None:
        await self._of_client(registration.decide_enable, self.now)

    async def delete_client(self) -> None:
        await self._of_client(registration.decide_delete, self.now)

    async def _of_client(
        self, decide: Callable[..., Decision[Any]], *facts: Any, client_id: str = ""
    ) -> None:
        stream = client_stream(DEFAULT_TENANT, client_id or self._any_client())
        await self._decide(stream, clients.fold, decide, *facts)

    async def rotate_key(self) -> None:
        kid = self._new("kid")
        made = NewKey(kid, "ES256", {"kid": kid, "use": "sig"})
        others = [self.state(key_stream(DEFAULT_TENANT, one), keys.fold) for one in self.keys]
        urgent = self.random.random() < 0.3
        decision = (
            keys.decide_rotate(made, others, self.now, self.times, urgent=urgent)
            if others
            else (keys.decide_create(made, (), self.now))
        )
        if isinstance(decision.answer, Refusal):
            return
        await self.write((key_stream(DEFAULT_TENANT, decision.answer.kid), keys.fold, decision.events))
        if decision.answer.kid == kid:
            self.keys.append(kid)

    async def revoke_key(self) -> None:
        if self.keys:
            stream = key_stream(DEFAULT_TENANT, self.random.choice(self.keys))
            await self._decide(stream, keys.fold, keys.decide_revoke, "leaked", self.now)

    async def change_resource(self) -> None:
        stream = resource_stream(DEFAULT_TENANT, _RESOURCE)
        known = self.state(stream, resources.fold)
        events: tuple[Event, ...] = (ResourceCreated(_RESOURCE, {"scope": ["read"]}, self.now),)
        if known.is_active:
            updated = ResourceUpdated({"access_token_lifetime": self.random.randrange(60, 600)}, self.now)
            events = self.random.choice(((updated,), (ResourceRetired("test", self.now),)))
        await self.write((stream, resources.fold, events))

    async def change_claims(self) -> None:
        stream, name = claims_stream(DEFAULT_TENANT), self.random.choice(("department", "badge"))
        defined = ClaimDefined(name, "string", ("profile",), self.now)
        if self.random.random() < 0.5:
            await self._decide(stream, claim_definitions.fold, claim_definitions.decide_define, defined)
        else:
            await self._decide(
                stream, claim_definitions.fold, claim_definitions.decide_retire, name, self.now
            )

    async def start_server(self) -> None:
        """A process starts, with the settings of before or others."""
        started_with = {
            "jwks_cache_seconds": self.random.choice((60, 900, 7200)),
            "id_token_lifetime": self.random.choice((600, 3600)),
        }
        stream = setting_stream(DEFAULT_TENANT)
        await self._decide(stream, settings.fold, settings.decide_start, started_with, self.now)

    @property
    def times(self) -> KeyTimes:
        """The times by which keys live, for the process that started last."""
        recorded = self.state(setting_stream(DEFAULT_TENANT), settings.fold)
        if not recorded:
            return TIMES
        return key_times(recorded["jwks_cache_seconds"], recorded["id_token_lifetime"])

    async def change_scope_texts(self) -> None:
        stream, value = scope_stream(DEFAULT_TENANT), self.random.choice(("read", "email"))
        if self.random.random() < 0.7:
            text = ScopeText(self._new("text"))
            facts = (value, self.random.choice(("en", "de")), text, self.now)
            await self._decide(stream, scope_text.fold, scope_text.decide_describe, *facts)
        else:
            await self._decide(stream, scope_text.fold, scope_text.decide_remove, value, None, self.now)

    async def change_auditors(self) -> None:
        """Somebody becomes an auditor, or is one no longer."""
        stream, name = role_stream(DEFAULT_TENANT, roles.AUDITOR), self.random.choice(self.people)
        if self.random.random() < 0.6:
            account = self.state(account_stream(DEFAULT_TENANT, name), accounts.fold)
            await self._decide(stream, roles.fold, roles.decide_grant, roles.AUDITOR, account, self.now)
        else:
            await self._decide(stream, roles.fold, roles.decide_take, roles.AUDITOR, name, self.now)

    async def use_initial_token(self) -> None:
        stream = registration_stream(DEFAULT_TENANT, "first")
        wanted = InitialAccessTokenIssued("first", "hash", 2, self.now, self.now + 600)
        decide: tuple[Callable[..., Decision[Any]], tuple[Any, ...]] = self.random.choice(
            (
                (initial_tokens.decide_issue, (wanted,)),
                (initial_tokens.decide_use, ("hash", "new", self.now)),
                (initial_tokens.decide_revoke, (self.now,)),
            )
        )
        await self._decide(stream, initial_tokens.fold, decide[0], *decide[1])

    # To grants

    async def authorize(self) -> None:
        """A client asks, a person signs in and agrees; some stop on the way, some redeem the code at once."""
        client_id = self.random.choice([name for name in self.clients if name in _KINDS])
        client = self.client(client_id)
        if client.status != "active":
            return
        grant_id, offline = self._new("grant"), self.random.random() < 0.5
        scope = given.SCOPE if offline else self.random.choice((("openid", "email"), ("read", "email")))
        request = given.requested(
            client_id=client_id,
            scope=scope,
            requested_at=self.now,
            expires_at=self.now + 600,
            client_generation=client.generation,
            sender_constraints=("dpop",) if client_id == "bound" else (),
        )
        stream = grant_stream(DEFAULT_TENANT, grant_id)
        self.grants.append(grant_id)
        await self.write((stream, grants.fold, (request,)))
        session_id = await self.sign_in()
        if session_id is None or self.random.random() < 0.1:
            return
        account = self.account(self.session(session_id).subject)
        epoch = account.endings.epoch
        signed_in = SubjectAuthenticated(
            account.subject, session_id, self.now, "acr", ("pwd",), account_epoch=epoch
        )
        another = (AnotherAccountRequested(self.now), signed_in) if self.random.random() < 0.05 else ()
        await self.write((stream, grants.fold, (signed_in, *another)))
        if self.random.random() < 0.1:
            refused = AuthorizationRefused("access_denied", "no", self.now)
            await self.write((stream, grants.fold, (refused,)))
            return
        code = CodeIssued("code-hash", self.now, self.now + 60, client_id, session_id)
        agreed = ConsentGranted(scope, account_epoch=epoch)
        await self.write((stream, grants.fold, (agreed, code)))
        if self.random.random() < 0.9:
            await self._redeem(grant_id)

    async def redeem(self) -> None:
        grant_id = self._any_grant()
        if grant_id is not None:
            await self._redeem(grant_id)

    async def _redeem(self, grant_id: str) -> None:
        """Somebody presents the code: again, too late, with the wrong verifier, or as they should."""
        grant = self.grant(grant_id)
        if grant.request is None:
            return
        client = self.client(grant.client_id)
        wrong = self.random.random() < 0.05
        command = given.redemption(
            client_id=grant.client_id,
            code_verifier="w" * 43 if wrong else given.VERIFIER,
            client_auth_method=client.metadata.token_endpoint_auth_method,
            proof=self._proof(client),
        )
        status = await read_grant_status(self.log, DEFAULT_TENANT, client, grant, self.now)  # type: ignore[arg-type]
        facts, handle = await self._facts(grant_id, client, status.liveness)
        await self._issue(grant_id, decide_redeem(grant, command, facts), handle)

    async def refresh(self) -> None:
        grant_id = self._any_grant()
        grant = self.grant(grant_id) if grant_id else None
        if grant_id is None or grant is None or grant.refresh is None:
            return
        client = self.client(grant.client_id)
        back = self.random.choices((0, 1, 2), (90, 8, 2))[0]
        generation = max(1, grant.refresh.generation - back)
        scope = self.random.choice((None, None, (grant.scope or ())[:1]))
        command = RefreshTokens(grant.client_id, generation, True, scope, (), proof=self._proof(client))
        status = await read_grant_status(self.log, DEFAULT_TENANT, client, grant, self.now)  # type: ignore[arg-type]
        facts, handle = await self._facts(grant_id, client, status.liveness)
        await self._issue(grant_id, decide_refresh(grant, command, facts, RULE), handle)

    async def refresh_often(self) -> None:
        """So often that a summary comes due."""
        for _ in range(12):
            await self.refresh()

    async def act_for_itself(self) -> None:
        """RFC 6749 §4.4."""
        if "service" not in self.clients:
            return
        client, grant_id = self.client("service"), self._new("grant")
        command = GrantClientCredentials("service", None, (), "client_secret_basic")
        facts, handle = await self._facts(grant_id, client, Liveness(client.status))
        decision = decide_client_credentials(command, facts)
        if decision.events:
            self.grants.append(grant_id)
            await self._issue(grant_id, decision, handle)

    async def revoke_token(self) -> None:
        """RFC 7009: one access token."""
        if not self.handles:
            return
        grant_id, token_id = self.random.choice(sorted(self.handles))
        grant = self.grant(grant_id)
        await self._decide(
            grant_stream(DEFAULT_TENANT, grant_id), grants.fold, decide_revoke_access_token,
            grant.client_id, token_id, False, self.now,
        )  # fmt: skip

    async def revoke_grant(self) -> None:
        """By the client or by an administrator."""
        grant_id = self._any_grant()
        if grant_id is None:
            return
        stream = grant_stream(DEFAULT_TENANT, grant_id)
        if self.random.random() < 0.5:
            client_id = self.grant(grant_id).client_id
            await self._decide(stream, grants.fold, decide_revoke_grant, client_id, self.now)
        else:
            await self._decide(stream, grants.fold, revoke, "administrator", self.now)

    async def pass_time(self) -> None:
        if self.time_passes:
            self.now += self.random.choice((1, 5, 30, 61, 301, 700, 4000, 90_000))
            self.log.now = self.now  # type: ignore[attr-defined]


def changed_service() -> Any:
    """A client that acts for itself, with opaque tokens."""
    return msgspec.structs.replace(SERVICE, scope=("read",), access_token_format="opaque")


_WEIGHED: dict[Callable[[History], Awaitable[Any]], int] = {
    History.authorize: 20,
    History.pass_time: 20,
    History.refresh: 12,
    History.redeem: 3,
    History.act_for_itself: 3,
    History.register_service: 2,
    History.revoke_token: 4,
    History.revoke_grant: 2,
    History.refresh_often: 1,
    History.sign_in: 2,
    History.sign_out: 3,
    History.set_password: 2,
    History.disable_account: 1,
    History.enable_account: 2,
    History.erase_account: 1,
    History.remember_consent: 2,
    History.withdraw_consent: 1,
    History.end_grants: 1,
    History.update_client: 2,
    History.rotate_secret: 1,
    History.disable_client: 1,
    History.enable_client: 2,
    History.delete_client: 1,
    History.rotate_key: 2,
    History.revoke_key: 1,
    History.change_resource: 2,
    History.change_claims: 2,
    History.change_scope_texts: 2,
    History.use_initial_token: 2,
    History.change_auditors: 1,
    History.start_server: 2,
}
ACTIONS = list(_WEIGHED)
WEIGHTS = list(_WEIGHED.values())
