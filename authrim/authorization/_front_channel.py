"""What the authorization endpoint gives out by itself: the code, and the tokens of the implicit and the hybrid flow
(RFC 6749 §4.1.2, OIDC Core §3.2.2.5, §3.3.2.5).

As at the token endpoint, secrets are made before the decision, which gets to see their digests only, and tokens are
signed after it and before the append (architecture.md rule 7).
"""

from typing import NamedTuple

import msgspec

from authrim.core.call import Call
from authrim.crypto.handles import new_handle
from authrim.crypto.ids import digest
from authrim.crypto.tokens import HashInputs
from authrim.people.grant_status import GrantStatus
from authrim.tokens.issue import Issuance, with_sent_hash
from domain.authorization.steps import ConsentStep, SignInStep, Step
from domain.client.client import Client
from domain.errors import Refusal
from domain.event import Event
from domain.grant.front_channel import AuthorizationResponse
from domain.grant.issue import IssueFacts
from domain.liveness import Liveness
from domain.vocabulary import response_type as response_types


class Draft(NamedTuple):
    """What the answer may contain. ``issuance`` None: the response type has no token."""

    code: str
    issuance: Issuance | None

    @property
    def code_hash(self) -> str:
        """The digest of the code."""
        return digest(self.code)

    @property
    def issue_facts(self) -> IssueFacts | None:
        """The facts on which tokens are decided."""
        return self.issuance.facts if self.issuance else None


class SignedAnswer(msgspec.Struct, frozen=True):
    """The successful response: its parameters in order, without those that every response has. ``session_id`` as in
    ``AuthorizationResponse``, ``sent_hash`` as in ``Signed``."""

    parameters: dict[str, str]
    session_id: str | None = None
    sent_hash: str | None = None


Onward = SignInStep | ConsentStep | SignedAnswer
"""Where a request goes on: to a page, or back to the client."""


async def draft_answer(
    call: Call, client: Client, grant_id: str, response_type: str, now: int
) -> Draft | Refusal:
    """Make the code and what the response type's tokens need. There is never a refresh token among them."""
    code = new_handle("ac", grant_id)
    if not response_types.gives_tokens(response_type):
        return Draft(code, None)
    status = GrantStatus(Liveness(client.status), now)
    issuance = await Issuance.of_person(call, client, grant_id, status, None)
    return issuance if isinstance(issuance, Refusal) else Draft(code, issuance)


async def signed_step(draft: Draft, step: Step | Refusal, state: str | None) -> Onward | Refusal:
    """The step as decided; if it is a successful response, its tokens are signed here."""
    if not isinstance(step, AuthorizationResponse):
        return step
    parameters, issuance = {"code": draft.code} if step.code else {}, draft.issuance
    sent_hash = None
    if issuance is not None and step.access_token is not None:
        signed = await issuance.access_token(step.access_token)
        if isinstance(signed, Refusal):
            return signed
        parameters |= {name: str(value) for name, value in signed.members.items()}
        sent_hash = signed.sent_hash
    if issuance is not None and step.id_token is not None:
        sent_with = HashInputs(parameters.get("access_token"), parameters.get("code"), state)
        id_token = await issuance.id_token(step.id_token, sent_with)
        if isinstance(id_token, Refusal):
            return id_token
        parameters["id_token"] = id_token
    return SignedAnswer(parameters, step.session_id, sent_hash)


def recorded(events: tuple[Event, ...], answer: Onward | Refusal) -> tuple[Event, ...]:
    """The events of a step that was decided and signed."""
    return with_sent_hash(events, answer.sent_hash) if isinstance(answer, SignedAnswer) else events
