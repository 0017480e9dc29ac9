"""The decisions on a grant, with what they took in, decided again on the states of the log."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from authrim.audit.replay.policy import AS_RECORDED, Policy
from authrim.audit.replay.recorded import Recorded
from authrim.audit.replay.states import States
from domain.authorization import steps
from domain.authorization.steps import AuthorizationFacts, Browser, code_lifetime_for
from domain.authorization.still_allowed import is_still_allowed
from domain.client.client import Client, grant_refusal
from domain.decision import Decision
from domain.errors import Refusal
from domain.event import Event
from domain.grant import recorded_inputs
from domain.grant.client_credentials import decide_client_credentials
from domain.grant.code import decide_redeem
from domain.grant.events import (
    AccessTokenIssued,
    AccessTokenRevoked,
    AuthorizationRequested,
    CodeIssued,
    ConsentGranted,
    RefreshTokenIssued,
    RefreshTokenRotated,
    SubjectAuthenticated,
)
from domain.grant.grant import Grant
from domain.grant.issue import IssueFacts, lifetimes_for
from domain.grant.recorded_inputs import NothingToDecide, first_of
from domain.grant.refresh_token import decide_refresh, rotation_rule
from domain.grant.revocation import decide_revoke_access_token, decide_revoke_grant
from domain.grant.standing import NOBODY, Person, liveness_of_grant
from domain.inputs import (
    AuthorizationInputs,
    ClientCredentialsInputs,
    Lifetimes,
    RedemptionInputs,
    RefreshInputs,
    RevocationInputs,
)
from domain.liveness import ACTIVE, Liveness
from domain.person.account import NO_ACCOUNT
from domain.person.grant_ending import NO_ENDINGS
from domain.person.session import NO_SESSION
from domain.vocabulary.acr import ACR_SUPPORTED

NOT_ALLOWED: Final = Refusal(
    "invalid_request", "The client may not have this.", hint="", reason="client_not_allowed"
)


class Again(msgspec.Struct, frozen=True):
    """What decides again: the states before the decision, the issuer, and the policy that holds."""

    states: States
    issuer: str
    policy: Policy = AS_RECORDED

    def redeem(self, one: Recorded, inputs: RedemptionInputs, grant: Grant) -> Decision[Any]:
        """The redemption of a code. Raises NothingToDecide when the grant has none."""
        command = recorded_inputs.redemption(grant, inputs, one.events, one.client_id)
        client = self._client(one, command.client_id)
        refusal = grant_refusal(client, "authorization_code", self.policy.offered)
        if refusal is not None:
            return Decision((), refusal)
        facts = self._issue_facts(
            one, client, self._liveness(one, grant, client), inputs.now, inputs.lifetimes
        )
        return decide_redeem(grant, command, facts)

    def refresh(self, one: Recorded, inputs: RefreshInputs, grant: Grant) -> Decision[Any]:
        """The use of a refresh token. Raises NothingToDecide when the grant has none."""
        command = recorded_inputs.refresh(grant, inputs, one.events, one.client_id)
        client = self._client(one, command.client_id)
        refusal = grant_refusal(client, "refresh_token", self.policy.offered)
        if refusal is not None:
            return Decision((), refusal)
        facts = self._issue_facts(
            one, client, self._liveness(one, grant, client), inputs.now, inputs.lifetimes
        )
        rule = rotation_rule(client, self.policy.grace(inputs.grace))
        return decide_refresh(grant, command, facts, rule)

    def client_credentials(self, one: Recorded, inputs: ClientCredentialsInputs) -> Decision[Any]:
        """A token of the client's own."""
        command = recorded_inputs.client_credentials(inputs, one.events)
        client = self._client(one, command.client_id)
        refusal = grant_refusal(client, "client_credentials", self.policy.offered)
        if refusal is not None:
            return Decision((), refusal)
        facts = self._issue_facts(one, client, Liveness(client.status), inputs.now, inputs.lifetimes)
        return decide_client_credentials(command, facts)

    def revoke(self, one: Recorded, inputs: RevocationInputs, grant: Grant) -> Decision[Any]:
        """A revocation by the client."""
        token = first_of(one.events, AccessTokenRevoked)
        if token is None:
            return decide_revoke_grant(grant, one.client_id, inputs.now)
        return decide_revoke_access_token(grant, one.client_id, token.token_id, False, inputs.now)

    def step(self, one: Recorded, inputs: AuthorizationInputs, grant: Grant) -> Decision[Any]:
        """A step of the authorization request. Raises NothingToDecide when there is no open request."""
        request = first_of(one.events, AuthorizationRequested) if inputs.step == "request" else grant.request
        if request is None or not (inputs.step == "request" or grant.waits_for_person):
            raise NothingToDecide("the grant has no open request")
        client = self._client(one, request.client_id)
        if not is_still_allowed(client, request, self.policy.response_types, self.policy.response_modes):
            return Decision((), NOT_ALLOWED)
        facts = self._authorization_facts(one, inputs, grant, client)
        match inputs.step:
            case "request":
                return steps.decide_request(request, facts)
            case "session":
                return steps.advance(grant, facts)
            case "sign_in":
                return self._sign_in(one, grant, facts)
            case "consent":
                return self._consent(one, grant, facts)
            case "another_account":
                return steps.decide_another_account(grant, facts)
            case "cancel":
                return steps.decide_cancelled(inputs.now)

    def _sign_in(self, one: Recorded, grant: Grant, facts: AuthorizationFacts) -> Decision[steps.Step]:
        said = first_of(one.events, SubjectAuthenticated)
        if said is None:
            raise NothingToDecide("nobody signed in")
        return steps.decide_signed_in(grant, said.subject, said.session_id, said.acr, said.amr, facts)

    def _consent(self, one: Recorded, grant: Grant, facts: AuthorizationFacts) -> Decision[steps.Step]:
        consented = first_of(one.events, ConsentGranted)
        account = self.states.account(one.stream.tenant, grant.subject or "") or NO_ACCOUNT
        claims = consented.claims if consented else ()
        return steps.decide_consented(grant, facts, account.endings.epoch, claims)

    def _authorization_facts(
        self, one: Recorded, inputs: AuthorizationInputs, grant: Grant, client: Client
    ) -> AuthorizationFacts:
        browser = self._browser(one, inputs, client)
        said = first_of(one.events, SubjectAuthenticated)
        person = grant.subject or (said.subject if said else None)
        code = first_of(one.events, CodeIssued)
        issue = None
        if inputs.lifetimes is not None:
            status = Liveness(client.status)
            issue = self._issue_facts(one, client, status, inputs.now, inputs.lifetimes)
        return AuthorizationFacts(
            now=inputs.now,
            client=client,
            code_hash=code.code_hash if code else "",
            code_lifetime=code_lifetime_for(client, self.policy.code_lifetime(inputs.code_lifetime)),
            browser=browser,
            hinted_subject=_hinted(inputs.hint, person or (browser.session.subject if browser else None)),
            acr_supported=ACR_SUPPORTED,
            issue=issue,
            browser_hash=said.browser_hash if said else None,
            catalogue=self.states.catalogue(one.stream.tenant),
        )

    def _browser(self, one: Recorded, inputs: AuthorizationInputs, client: Client) -> Browser | None:
        """The session that the browser had, or has with this very sign-in."""
        tenant = one.stream.tenant
        if inputs.step == "sign_in":
            said = first_of(one.events, SubjectAuthenticated)
            if said is None:
                return None
            session_id, session, subject = said.session_id, NO_SESSION, said.subject
        elif inputs.session is None:
            return None
        else:
            session_id = inputs.session
            session = self.states.session(tenant, session_id) or NO_SESSION
            subject = session.subject
        account = self.states.account(tenant, subject) or NO_ACCOUNT
        return Browser(
            session_id,
            session,
            account_active=inputs.step == "sign_in" or account.status == ACTIVE,
            remembered_scope=account.remembered_scope(client.client_id, client.generation),
            account_epoch=account.endings.epoch,
            remembered_claims=account.remembered_claims(client.client_id, client.generation),
        )

    def _client(self, one: Recorded, client_id: str) -> Client:
        return self.policy.client(self.states.client(one.stream.tenant, client_id))

    def _liveness(self, one: Recorded, grant: Grant, client: Client) -> Liveness:
        if grant.session_id is None or grant.subject is None:
            return liveness_of_grant(grant, client, NOBODY)
        account = self.states.account(one.stream.tenant, grant.subject)
        session = self.states.session(one.stream.tenant, grant.session_id)
        person = Person(
            None if account is None else account.status,
            None if session is None else session.status,
            NO_ENDINGS if account is None else account.endings,
        )
        return liveness_of_grant(grant, client, person)

    def _issue_facts(
        self, one: Recorded, client: Client, liveness: Liveness, now: int, settings: Lifetimes
    ) -> IssueFacts:
        """What was prepared for the tokens: ids and digests are those of the tokens that were issued."""
        tenant, states = one.stream.tenant, self.states
        issued = first_of(one.events, AccessTokenIssued)
        refresh = first_of(one.events, RefreshTokenIssued) or first_of(one.events, RefreshTokenRotated)
        lifetimes = lifetimes_for(client, self.policy.lifetimes(settings))
        kids = states.signing_kids(tenant, now)
        return IssueFacts(
            now=now,
            issuer=self.issuer,
            client=client,
            liveness=liveness,
            token_id=issued.token_id if issued else "",
            opaque_token_id=issued.token_id if issued else "",
            refresh_hash=refresh.token_hash if refresh else "",
            hmac_key_id=refresh.hmac_key_id if refresh else "",
            access_token_lifetime=lifetimes.access_token,
            id_token_lifetime=lifetimes.id_token,
            refresh_token_lifetime=lifetimes.refresh_token,
            id_token_kid=kids.get(client.metadata.id_token_signed_response_alg, ""),
            signing_kids=kids,
            resources=states.resources(tenant),
            catalogue=states.catalogue(tenant),
        )


def _hinted(hint: bool | None, known: str | None) -> str | None:
    """The person that the request is for; an empty name is nobody's."""
    if hint is None:
        return None
    return (known or "") if hint else ""


def as_sent(events: Sequence[Event], recorded: Sequence[Event]) -> tuple[Event, ...]:
    """Events that were decided again, with the digest of an encrypted token, which nobody decided."""
    issued = first_of(recorded, AccessTokenIssued)
    if issued is None or issued.sent_hash is None:
        return tuple(events)
    return tuple(
        msgspec.structs.replace(event, sent_hash=issued.sent_hash)
        if isinstance(event, AccessTokenIssued)
        else event
        for event in events
    )


def refusal_of(answer: object) -> Refusal | None:
    """The refusal that an answer is."""
    return answer if isinstance(answer, Refusal) else None
