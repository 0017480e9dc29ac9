"""The tokens of a grant: which ones are issued, for whom and for how long. They are signed elsewhere."""

from collections.abc import Mapping
from typing import Final

import msgspec

from domain.claim.catalogue import BUILT_IN, Catalogue
from domain.client.claim_mapping import ACCESS_TOKEN, ID_TOKEN, ClaimMapping
from domain.client.client import Client
from domain.client.profile import BY_SCOPES
from domain.client.resource import audience_for
from domain.client.told_claims import Agreed, for_audience, released
from domain.errors import Refusal, invalid_target
from domain.event import Event
from domain.grant.events import AccessTokenIssued, IdTokenIssued, RefreshTokenIssued
from domain.grant.grant import Grant
from domain.grant.sender_constraint import refresh_binding_of
from domain.grant.target import Target, target_of
from domain.inputs import Lifetimes
from domain.liveness import Liveness
from domain.resource.resource import AT_JWT, JWT, NO_RESOURCES, OPAQUE, Resources
from domain.vocabulary.confirmation import UNBOUND, Confirmation

OPENID = "openid"
OFFLINE_ACCESS = "offline_access"


NO_KEY_FOR_RESOURCE: Final = invalid_target(
    "The server has no key for the algorithm that signs the tokens of this resource.",
    hint="Add the algorithm to signing_algorithms, or choose another for the resource server.",
)


class IssueFacts(msgspec.Struct, frozen=True):
    """What is prepared for the tokens that may be issued. Times are in seconds, digests in base64url.

    ``token_id`` is the ``jti`` of a JWT access token, ``opaque_token_id`` the digest of an opaque one: one of the two
    is used. ``refresh_hash`` is the digest of the next refresh token. ``signing_kids`` are the keys that sign now, by
    algorithm, ``resources`` the registered resource servers, and ``catalogue`` the claims that
    there are.
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
    id_token_kid: str = ""
    opaque_token_id: str = ""
    signing_kids: Mapping[str, str] = {}
    resources: Resources = NO_RESOURCES
    catalogue: Catalogue = BUILT_IN

    def mappings_for(self, audience: tuple[str, ...]) -> tuple[ClaimMapping, ...]:
        """How claims are told to this audience of an access token."""
        return for_audience(self.client.metadata.claim_mapping, audience, self.issuer, self.resources)


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


def lifetimes_for(client: Client, settings: Lifetimes) -> Lifetimes:
    """The lifetimes of the client's tokens: its own, else the server's. A resource server may shorten one."""
    own = client.metadata
    return Lifetimes(
        own.access_token_lifetime or settings.access_token,
        settings.id_token,
        own.refresh_token_lifetime or settings.refresh_token,
    )


def access_token(
    facts: IssueFacts, target: Target, grant: Grant | None = None, binding: Confirmation = UNBOUND
) -> AccessTokenIssued:
    """The access token of a grant, or without a grant of a client on its own behalf. It is bound to ``binding``."""
    request, form = grant.request if grant else None, target.form
    return AccessTokenIssued(
        token_id=facts.opaque_token_id if form.format == OPAQUE else facts.token_id,
        format=form.format,
        client_id=facts.client.client_id,
        scope=target.scope,
        audience=target.audience,
        issued_at=facts.now,
        expires_at=facts.now + (target.lifetime or facts.access_token_lifetime),
        subject=grant.subject if grant else None,
        session_id=session_bound_to(grant) if grant else None,
        userinfo_claims=request.userinfo_claims if request else (),
        auth_time=grant.auth_time if grant else None,
        acr=grant.acr if grant else None,
        signing_kid=facts.signing_kids[form.signing_alg] if form.format == JWT else None,
        jkt=binding.jkt,
        x5t_s256=binding.x5t_s256,
        client_generation=request.client_generation if request else 0,
        account_epoch=grant.account_epoch if grant else 0,
        typ=None if form.format == OPAQUE or form.typ == AT_JWT else form.typ,
        encrypted_to=form.encrypted_to,
        agreed_claims=grant.agreed_claims if grant else (),
        claims=_claims_in_access_token(facts, grant, target) if grant else (),
    )


def _claims_in_access_token(facts: IssueFacts, grant: Grant, target: Target) -> tuple[str, ...]:
    """The claims about the person in a JWT: those that this token's scope releases and that were chosen for all of its
    audience. What was requested by name is for userinfo or the ID token (OIDC Core §5.5). An opaque token has none."""
    if target.form.format != JWT:
        return ()
    mappings = facts.mappings_for(target.audience)
    agreed = Agreed(target.scope, defined=grant.agreed_claims)
    return released(facts.catalogue, agreed, ACCESS_TOKEN, mappings).names


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
    by_scopes = facts.client.metadata.id_token_claims == BY_SCOPES
    return claims_in_id_token(facts, grant, scope if by_scopes else ())


def claims_in_id_token(facts: IssueFacts, grant: Grant, scope: tuple[str, ...]) -> tuple[str, ...]:
    """The claims of ``scope`` and the requested ones, as far as the person agreed to them."""
    asked = grant.request.id_token_claims if grant.request else ()
    agreed = Agreed(scope, asked, grant.agreed_claims)
    return released(facts.catalogue, agreed, ID_TOKEN, ()).names


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


def target(
    facts: IssueFacts, grant: Grant, requested: tuple[str, ...], scope: tuple[str, ...]
) -> Target | Refusal:
    """The audience of the access token, and its form: the resources in the token request, which must be among those of
    the grant (RFC 8707 §2.2)."""
    granted = grant.request.resource if grant.request else ()
    if granted and not set(requested) <= set(granted):
        return invalid_target("The grant is not for this resource.", hint="Name a resource of the grant.")
    default = grant.request.default_audience if grant.request else None
    audience = audience_for(
        facts.client, requested or granted, scope, facts.issuer, default, resources=facts.resources
    )
    return audience if isinstance(audience, Refusal) else target_of_audience(facts, audience, scope)


def target_of_audience(
    facts: IssueFacts, audience: tuple[str, ...], scope: tuple[str, ...]
) -> Target | Refusal:
    """How the token is made for its audience; refused where the server has no key that signs as it should."""
    found = target_of(facts.client, audience, scope, facts.resources, facts.issuer, facts.catalogue)
    if (
        isinstance(found, Target)
        and found.form.format == JWT
        and found.form.signing_alg not in facts.signing_kids
    ):
        return NO_KEY_FOR_RESOURCE
    return found


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
