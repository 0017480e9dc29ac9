"""The tokens that a grant yields: which ones, for whom, how long. Signing them is the shell's work."""

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
    """What the shell has prepared for tokens about to be issued. Times in seconds, digests base64url.

    ``token_id`` is the ``jti`` of a JWT access token or the digest of an opaque one. ``refresh_hash`` is the
    digest of the refresh token that would come next.
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
    """What an ID token says, before signing: its event, and what the grant knows of person, session and sign-in."""

    issued: IdTokenIssued
    client_id: str
    subject: str
    session_id: str | None
    auth_time: int
    acr: str
    amr: tuple[str, ...]
    nonce: str | None = None


class IssuedTokens(msgspec.Struct, frozen=True):
    """The accepted answer of the token endpoint, before signing. ``refresh_generation`` None: no refresh token."""

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
    """The access token of a grant, or of a client on its own behalf when there is none, bound to ``binding``."""
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
    """An ID token when the person's identity was asked for (OIDC Core §3.1.3.3). ``claims`` about the person are those
    of the token endpoint, when nothing else is said."""
    if OPENID not in scope:
        return None
    return IdTokenIssued(
        signing_kid=facts.id_token_kid,
        issued_at=facts.now,
        expires_at=facts.now + facts.id_token_lifetime,
        claims=_claims_in_id_token(facts, grant, scope) if claims is None else claims,
    )


def _claims_in_id_token(facts: IssueFacts, grant: Grant, scope: tuple[str, ...]) -> tuple[str, ...]:
    """What the request asked for by name (OIDC Core §5.5), and where the client is registered for it what this token's
    scope stands for: never more than userinfo would tell it."""
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
    """A refresh token when the client may refresh and the grant outlives the session. ``instance_jkt``: the key of the
    attested instance that it is for.

    With ``openid`` that is what ``offline_access`` asks for (OIDC Core §11); plain OAuth has no such scope.
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
    """Whom the access token is for: what the token request names, within what the grant was for (RFC 8707 §2.2)."""
    granted = grant.request.resource if grant.request else ()
    if granted and not set(requested) <= set(granted):
        return invalid_target(
            "The resource is not one the grant was for.", hint="Name a resource of the grant."
        )
    default = grant.request.default_audience if grant.request else None
    return audience_for(facts.client, requested or granted, scope, facts.issuer, default)


def session_bound_to(grant: Grant) -> str | None:
    """The session whose end also ends the grant's tokens: none for offline access (OIDC Core §11)."""
    return None if OFFLINE_ACCESS in (grant.scope or ()) else grant.session_id


def session_known_to_client(grant: Grant) -> str | None:
    """The session that the client's ID tokens name as ``sid``; None without ``openid``."""
    return grant.session_id if OPENID in (grant.scope or ()) else None


def present(*events: Event | None) -> tuple[Event, ...]:
    """The events that are there, in order."""
    return tuple(event for event in events if event is not None)


def answer(
    grant: Grant,
    access: AccessTokenIssued,
    identity: IdTokenIssued | None,
    refresh_generation: int | None,
    refreshed: bool = False,
) -> IssuedTokens:
    """What the shell signs and sends for a person's grant; ``refreshed``: it was sent before."""
    said = None if identity is None else identity_of(grant, identity, refreshed)
    return IssuedTokens(access, said, refresh_generation)


def identity_of(grant: Grant, issued: IdTokenIssued, refreshed: bool = False) -> IdToken:
    """What the ID token says. The nonce was for the first ones: a refreshed one holds none (OIDC Core §12.2)."""
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
