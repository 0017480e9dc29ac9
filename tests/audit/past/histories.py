"""Random histories: what clients, people, administrators and time may do, decided by the domain's own functions.

Everything follows from the seed. Where nothing is decided by a function with few facts (the pages of a sign-in), the
events of the flow are written as the pages would.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from authrim.crypto.ids import digest
from authrim.people.grant_status import read_grant_status
from domain.client.client import Client
from domain.decision import Decision
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
from domain.grant.issue import IssueFacts
from domain.grant.refresh_token import RefreshTokens, RotationRule, decide_refresh
from domain.grant.revocation import decide_revoke_access_token, decide_revoke_grant, revoke
from domain.liveness import Liveness
from domain.person import account as accounts
from domain.stream import (
    DEFAULT_TENANT,
    account_stream,
    grant_stream,
)
from domain.vocabulary.confirmation import UNBOUND, Confirmation
from tests.audit.past._surroundings import KINDS, Surroundings
from tests.domain import grant_samples as given

RULE = RotationRule(grace_seconds=10, grace_count=2)


class History(Surroundings):
    """One history: the next step is chosen by weight."""

    async def begin(self) -> None:
        """Two people and the clients that they use."""
        for name in self.people:
            await self._decide(
                account_stream(DEFAULT_TENANT, name), accounts.fold, accounts.decide_create, name, self.now
            )
        for name in self.random.sample(sorted(KINDS), 2):
            await self._register(name)

    async def step(self) -> None:
        """Something happens."""
        (action,) = self.random.choices(ACTIONS, WEIGHTS)
        await action(self)

    async def authorize(self) -> None:
        """A client asks, a person signs in and agrees; some stop on the way, some redeem the code at once."""
        client_id = self.random.choice([name for name in self.clients if name in KINDS])
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
    History.hold_account: 1,
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
