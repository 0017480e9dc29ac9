"""The tokens that the authorization endpoint itself issues (OIDC Core §3.2.2.5, §3.3.2.5).

They belong to the same grant as the code in the same response: a replay of the code revokes them too. They cannot be
refreshed; only a code leads to a refresh token.
"""

import msgspec

from domain.errors import Refusal
from domain.event import Event
from domain.grant import issue
from domain.grant.events import AccessTokenIssued, AuthorizationRequested, IdTokenIssued
from domain.grant.grant import Grant
from domain.grant.issue import IdToken, IssueFacts
from domain.vocabulary import response_type as response_types
from domain.vocabulary.confirmation import Confirmation


class AuthorizationResponse(msgspec.Struct, frozen=True):
    """The successful authorization response, before signing: whether it has a ``code``, and its tokens. ``session_id``
    is the browser session that the client takes part in from now on, None without an ID token."""

    code: bool = True
    access_token: AccessTokenIssued | None = None
    id_token: IdToken | None = None
    session_id: str | None = None


class FrontChannelTokens(msgspec.Struct, frozen=True):
    """The tokens that are issued in the response itself, and their events."""

    events: tuple[Event, ...] = ()
    access_token: AccessTokenIssued | None = None
    id_token: IdToken | None = None


NO_TOKENS = FrontChannelTokens()


def tokens_for(
    grant: Grant, request: AuthorizationRequested, facts: IssueFacts | None
) -> FrontChannelTokens | Refusal:
    """The tokens of the request's response type, for a person who is known and has consented."""
    if not response_types.gives_tokens(request.response_type):
        return NO_TOKENS
    assert facts is not None
    scope = grant.scope or ()
    access: AccessTokenIssued | None = None
    identity: IdTokenIssued | None = None
    if response_types.gives_access_token(request.response_type):
        target = issue.target(facts, grant, (), scope)
        if isinstance(target, Refusal):
            return target
        # A key named for the code also binds the access token in the same response (RFC 9449 §10), which is then no
        # bearer token.
        bare = issue.access_token(facts, target, grant, Confirmation(jkt=request.dpop_jkt))
        # It comes through the browser's history, so it says nothing of the person (RFC 9700 §4.3.2).
        access = msgspec.structs.replace(bare, claims=())
    if response_types.gives_id_token(request.response_type):
        identity = issue.id_token(facts, grant, scope, _claims_in_id_token(facts, grant, request))
    said = None if identity is None else issue.identity_of(grant, identity)
    return FrontChannelTokens(issue.present(access, identity), access, said)


def _claims_in_id_token(facts: IssueFacts, grant: Grant, request: AuthorizationRequested) -> tuple[str, ...]:
    """The claims about the person in the ID token. Without an access token the client cannot use userinfo, so the ID
    token has the claims of the scope (OIDC Core §5.4). With a code, all claims come over the back channel
    (§3.3.3.6)."""
    if response_types.gives_code(request.response_type):
        return ()
    scope = () if response_types.gives_access_token(request.response_type) else grant.scope or ()
    return issue.claims_in_id_token(facts, grant, scope)
