"""The tokens of a grant: which ones are issued, for whom and for how long. They are signed elsewhere."""

import msgspec

from domain.client.client import Client
from domain.client.profile import BY_SCOPES
from domain.client.resource import audience_for
from domain.errors import Refusal, invalid_target
from domain.event import Event
from domain.grant.events import AccessTokenIssued, IdTokenIssued, RefreshTokenIssued
from domain.grant.grant import Grant
from domain.grant.sender_constraint import refresh_binding_of
from domain.liveness import Liveness
from domain.vocabulary.claims import by_scope
from domain.vocabulary.confirmation import UNBOUND, Confirmation

OPENID = "openid"
OFFLINE_ACCESS = "offline_access"


class IssueFacts(msgspec.Struct, frozen=True):
    """What is prepared for the tokens that may be issued. Times are in seconds, digests in base64url.

    ``token_id`` is the ``jti`` of a JWT access token or the digest of an opaque one. ``refresh_hash`` is the digest of
    the next refresh token.
    """

    now: int
    issuer: str
    client: Client
    liveness: Liveness
    token_id: str
    refresh_hash: str
    hmac_key_id: str
    access_token_lifetime: int
    id_token_lifetime: int
    refresh_token_lifetime: int
    access_token_kid: str | None = None
    id_token_kid: str = ""


class IdToken(msgspec.Struct, frozen=True):
    """The contents of an ID token before signing: its event, and the grant's person, session and sign-in."""

    issued: IdTokenIssued
    client_id: str
    subject: str
    session_id: str | None
    auth_time: int
    acr: str
    amr: tuple[str, ...]
    nonce: str | None = None


class IssuedTokens(msgspec.Struct, frozen=True):
    """The successful token response, before signing. ``refresh_generation`` None: no refresh token."""

    access_token: AccessTokenIssued
    id_token: IdToken | None = None
    refresh_generation: int | None = None


def access_token(
    facts: IssueFacts,
    scope: tuple[str, ...],
    audience: tuple[str, ...],
    grant: Grant | None = None,
    binding: Confirmation = UNBOUND,
) -> AccessTokenIssued:
    """The access token of a grant, or without a grant of a client on its own behalf. It is bound to ``binding``."""
    request = grant.request if grant else None
    return AccessTokenIssued(
        token_id=facts.token_id,
        format=facts.client.metadata.access_token_format,
        client_id=facts.client.client_id,
        scope=scope,
        audience=audience,
        issued_at=facts.now,
        expires_at=facts.now + facts.access_token_lifetime,
        subject=grant.subject if grant else None,
        session_id=session_bound_to(grant) if grant else None,
        userinfo_claims=request.userinfo_claims if request else (),
        auth_time=grant.auth_time if grant else None,
        acr=grant.acr if grant else None,
        signing_kid=facts.access_token_kid,
        jkt=binding.jkt,
        x5t_s256=binding.x5t_s256,
        client_generation=request.client_generation if request else 0,
        account_epoch=grant.account_epoch if grant else 0,
    )


def id_token(
    facts: IssueFacts, grant: Grant, scope: tuple[str, ...], claims: tuple[str, ...] | None = None
) -> IdTokenIssued | None:
    """An ID token, if the scope has ``openid`` (OIDC Core §3.1.3.3). ``claims`` are the claims about the person; by
    default those of the token endpoint."""
    if OPENID not in scope:
        return None
    return IdTokenIssued(
        signing_kid=facts.id_token_kid,
        issued_at=facts.now,
        expires_at=facts.now + facts.id_token_lifetime,
        claims=_claims_in_id_token(facts, grant, scope) if claims is None else claims,
    )


def _claims_in_id_token(facts: IssueFacts, grant: Grant, scope: tuple[str, ...]) -> tuple[str, ...]:
    """The requested claims (OIDC Core §5.5) and, if the client is registered for it, the claims of this token's scope.
    Userinfo would return all of them too."""
    asked = grant.request.id_token_claims if grant.request else ()
    if facts.client.metadata.id_token_claims != BY_SCOPES:
        return asked
    return tuple(dict.fromkeys((*by_scope(scope), *asked)))


def first_refresh_token(
    facts: IssueFacts,
    scope: tuple[str, ...],
    binding: Confirmation = UNBOUND,
    instance_jkt: str | None = None,
) -> RefreshTokenIssued | None:
    """A refresh token, if the client may refresh and the grant outlives the session. ``instance_jkt`` is the key of the
    attested instance that it is issued to.

    With ``openid``, a grant outlives the session only with ``offline_access`` (OIDC Core §11); plain OAuth has no such
    scope.
    """
    if "refresh_token" not in facts.client.metadata.grant_types:
        return None
    if OPENID in scope and OFFLINE_ACCESS not in scope:
        return None
    bound_to = refresh_binding_of(facts.client, binding)
    return RefreshTokenIssued(
        generation=1,
        token_hash=facts.refresh_hash,
        hmac_key_id=facts.hmac_key_id,
        issued_at=facts.now,
        expires_at=facts.now + facts.refresh_token_lifetime,
        jkt=bound_to.jkt,
        x5t_s256=bound_to.x5t_s256,
        instance_jkt=instance_jkt,
    )


def audience(
    facts: IssueFacts, grant: Grant, requested: tuple[str, ...], scope: tuple[str, ...]
) -> tuple[str, ...] | Refusal:
    """The audience of the access token: the resources in the token request, which must be among those of the grant (RFC
    8707 §2.2)."""
    granted = grant.request.resource if grant.request else ()
    if granted and not set(requested) <= set(granted):
        return invalid_target("The grant is not for this resource.", hint="Name a resource of the grant.")
    default = grant.request.default_audience if grant.request else None
    return audience_for(facts.client, requested or granted, scope, facts.issuer, default)


def session_bound_to(grant: Grant) -> str | None:
    """The session whose end also ends the grant's tokens; None for offline access (OIDC Core §11)."""
    return None if OFFLINE_ACCESS in (grant.scope or ()) else grant.session_id


def session_known_to_client(grant: Grant) -> str | None:
    """The session that the client's ID tokens contain as ``sid``; None without ``openid``."""
    return grant.session_id if OPENID in (grant.scope or ()) else None


def present(*events: Event | None) -> tuple[Event, ...]:
    """The events that are not None, in order."""
    return tuple(event for event in events if event is not None)


def answer(
    grant: Grant,
    access: AccessTokenIssued,
    identity: IdTokenIssued | None,
    refresh_generation: int | None,
    refreshed: bool = False,
) -> IssuedTokens:
    """The token response for a person's grant, before signing. ``refreshed``: this is not the grant's first
    response."""
    said = None if identity is None else identity_of(grant, identity, refreshed)
    return IssuedTokens(access, said, refresh_generation)


def identity_of(grant: Grant, issued: IdTokenIssued, refreshed: bool = False) -> IdToken:
    """The contents of the ID token. A refreshed ID token has no nonce (OIDC Core §12.2)."""
    request = grant.request
    assert grant.subject is not None
    return IdToken(
        issued=issued,
        client_id=grant.client_id,
        subject=grant.subject,
        session_id=grant.session_id,
        auth_time=grant.auth_time,
        acr=grant.acr,
        amr=grant.amr,
        nonce=request.nonce if request and not refreshed else None,
    )
