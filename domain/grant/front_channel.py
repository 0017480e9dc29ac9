"""The tokens that the authorization endpoint itself gives out (OIDC Core §3.2.2.5, §3.3.2.5).

They belong to the same grant as the code that comes with them: a replayed code revokes them too. None of them can be
refreshed; a refresh token only ever comes of a code.
"""

import msgspec

from domain.errors import Refusal
from domain.event import Event
from domain.grant import issue
from domain.grant.events import AccessTokenIssued, AuthorizationRequested, IdTokenIssued
from domain.grant.grant import Grant
from domain.grant.issue import IdToken, IssueFacts
from domain.vocabulary import claims
from domain.vocabulary import response_type as response_types
from domain.vocabulary.confirmation import Confirmation


class AuthorizationResponse(msgspec.Struct, frozen=True):
    """The answer can be sent to the redirect URI: with a ``code`` or without, and with these tokens, to be signed.
    ``session_id`` is the browser session that the client takes part in from here on, None without an ID token."""

    code: bool = True
    access_token: AccessTokenIssued | None = None
    id_token: IdToken | None = None
    session_id: str | None = None


class FrontChannelTokens(msgspec.Struct, frozen=True):
    """What a response type gives out beside the code, and the events that say so."""

    events: tuple[Event, ...] = ()
    access_token: AccessTokenIssued | None = None
    id_token: IdToken | None = None


NO_TOKENS = FrontChannelTokens()


def tokens_for(
    grant: Grant, request: AuthorizationRequested, facts: IssueFacts | None
) -> FrontChannelTokens | Refusal:
    """The tokens of the request's response type, for a person who is known and has agreed."""
    if not response_types.gives_tokens(request.response_type):
        return NO_TOKENS
    assert facts is not None
    scope = grant.scope or ()
    access: AccessTokenIssued | None = None
    identity: IdTokenIssued | None = None
    if response_types.gives_access_token(request.response_type):
        audience = issue.audience(facts, grant, (), scope)
        if isinstance(audience, Refusal):
            return audience
        # Who names the key of the code means the token beside it too (RFC 9449 §10): it is no bearer token then.
        access = issue.access_token(facts, scope, audience, grant, Confirmation(jkt=request.dpop_jkt))
    if response_types.gives_id_token(request.response_type):
        identity = issue.id_token(facts, grant, scope, _claims_in_id_token(request, scope))
    said = None if identity is None else issue.identity_of(grant, identity)
    return FrontChannelTokens(issue.present(access, identity), access, said)


def _claims_in_id_token(request: AuthorizationRequested, scope: tuple[str, ...]) -> tuple[str, ...]:
    """What the ID token says about the person. Without any access token, userinfo cannot be asked, so the scope's
    claims are here (OIDC Core §5.4). With a code they all wait for the back channel (§3.3.3.6)."""
    if response_types.gives_code(request.response_type):
        return ()
    if response_types.gives_access_token(request.response_type):
        return request.id_token_claims
    return tuple(dict.fromkeys((*claims.by_scope(scope), *request.id_token_claims)))
