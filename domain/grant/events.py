"""The events of a grant, from the authorization request to the revocation.

Times named ``…_at`` are in seconds since 1970 (UTC), the unit of the protocols. Digests are SHA-256 in base64url
without padding.
"""

from domain.event import Event, registry
from domain.vocabulary.confirmation import Confirmation, NamesKeys


class AuthorizationRequested(Event, frozen=True, tag="grant.authorization_requested.v1"):
    """A valid authorization request was accepted (OIDC Core §3.1.2.1). Parameters that may hold personal data
    (``state``, hints, claim values) are in a sealed row; ``private_digest`` is the digest of its plain text.

    ``request_object_hash`` is the digest of the signed request object (RFC 9101) after decryption, and
    ``request_object_kid`` is the client's key that signed it. A pushed request (RFC 9126) has ``request_uri_hash``, and
    the method and key that the client authenticated with. ``dpop_jkt`` is the key that the code is bound to (RFC 9449
    §10), ``x5t_s256`` the certificate that was presented with the pushed request (RFC 8705). ``client_generation`` is
    the generation of the client at that time. A request of an earlier generation is void (A206).

    Two values of the registration at that time hold for the whole grant: ``default_audience`` is the audience of its
    tokens when no resource is named, and ``sender_constraints`` are the ways in which they must be bound. Each entry
    lists alternatives, separated by spaces; one of them is needed."""

    client_id: str
    redirect_uri: str
    response_type: str
    response_mode: str
    scope: tuple[str, ...]
    requested_at: int
    expires_at: int
    redirect_uri_given: bool = True
    resource: tuple[str, ...] = ()
    code_challenge: str | None = None
    nonce: str | None = None
    prompt: tuple[str, ...] = ()
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    acr_essential: bool = False
    auth_time_requested: bool = False
    id_token_claims: tuple[str, ...] = ()
    userinfo_claims: tuple[str, ...] = ()
    display: str = "page"
    ui_locales: tuple[str, ...] = ()
    browser_hash: str | None = None
    private_digest: str | None = None
    claims_locales: tuple[str, ...] = ()
    request_object_hash: str | None = None
    request_object_kid: str | None = None
    request_uri_hash: str | None = None
    request_uri_expires_at: int | None = None
    client_auth_method: str | None = None
    client_key_id: str | None = None
    dpop_jkt: str | None = None
    x5t_s256: str | None = None
    client_generation: int = 0
    default_audience: str | None = None
    sender_constraints: tuple[str, ...] = ()


class SubjectAuthenticated(Event, frozen=True, tag="grant.subject_authenticated.v1"):
    """The person is known, by a new sign-in or by a session that was sufficient. ``browser_hash`` identifies the
    browser that a pushed request belongs to from now on. ``account_epoch`` is the number of the latest event that ended
    grants of the account; a later one ends this grant too."""

    subject: str
    session_id: str
    auth_time: int
    acr: str
    amr: tuple[str, ...]
    by_session: bool = False
    browser_hash: str | None = None
    account_epoch: int = 0


class AnotherAccountRequested(Event, frozen=True, tag="grant.another_account_requested.v1"):
    """The person on the consent page asked to use another account. Whoever was known is not the person of this grant
    any more, and a new sign-in is needed. No session ended."""

    requested_at: int


class SignInFailed(Event, frozen=True, tag="grant.sign_in_failed.v1"):
    """A sign-in attempt was refused. ``subject`` is set only when the account exists."""

    reason: str
    failed_at: int
    subject: str | None = None


class ConsentGranted(Event, frozen=True, tag="grant.consent_granted.v1"):
    """The person gave consent, now or earlier (``remembered``). ``account_epoch`` as in ``SubjectAuthenticated``.
    ``claims`` are the defined claims that the consent named; none that is added to a scope later is released."""

    scope: tuple[str, ...]
    remembered: bool = False
    account_epoch: int = 0
    claims: tuple[str, ...] = ()


class AuthorizationRefused(Event, frozen=True, tag="grant.authorization_refused.v1"):
    """The request ended with an error response to the client."""

    error: str
    description: str
    refused_at: int


class AuthorizationAnswered(Event, frozen=True, tag="grant.authorization_answered.v1"):
    """The request ended with a successful response without a code: with the tokens of the following events, or with
    none (OIDC Core §3.2.2.5, OAuth MRT §4). ``session_id`` as in ``CodeIssued``."""

    answered_at: int
    client_id: str | None = None
    session_id: str | None = None


class CodeIssued(Event, frozen=True, tag="grant.code_issued.v1"):
    """An authorization code was issued; only its digest is stored. ``session_id`` is the session that the client
    takes part in from now on, because its ID token will contain the ``sid``. None: no ID token will."""

    code_hash: str
    issued_at: int
    expires_at: int
    client_id: str | None = None
    session_id: str | None = None


class CodeRedeemed(Event, frozen=True, tag="grant.code_redeemed.v1"):
    """The code was exchanged, once (RFC 6749 §4.1.3). ``jkt`` and ``x5t_s256`` are the keys that the request proved
    possession of (RFC 9449, RFC 8705)."""

    client_auth_method: str
    redeemed_at: int
    client_key_id: str | None = None
    jkt: str | None = None
    x5t_s256: str | None = None


class CodeReplayed(Event, frozen=True, tag="grant.code_replayed.v1"):
    """The client of the code presented it again (RFC 6749 §10.5)."""

    replayed_at: int


class CodeVoided(Event, frozen=True, tag="grant.code_voided.v1"):
    """A code was invalidated before it was redeemed: ``code_wrong_client``, ``wrong_verifier``, …"""

    reason: str
    voided_at: int


class ClientCredentialsGranted(Event, frozen=True, tag="grant.client_credentials_granted.v1"):
    """A client was granted access on its own behalf (RFC 6749 §4.4)."""

    client_id: str
    scope: tuple[str, ...]
    audience: tuple[str, ...]
    client_auth_method: str
    granted_at: int
    client_key_id: str | None = None
    jkt: str | None = None
    x5t_s256: str | None = None


class AccessTokenIssued(Event, frozen=True, tag="grant.access_token_issued.v1"):
    """An access token was issued. ``token_id`` is the ``jti`` of a JWT, or the digest of an opaque token. ``jkt`` or
    ``x5t_s256`` is the key that it is bound to (RFC 9449 §6, RFC 8705 §3). ``client_generation`` and ``account_epoch``
    are those of its grant: whatever voids the grant makes the token inactive. ``typ`` is the media type of a JWT, if
    not ``at+jwt`` (RFC 9068 §2.1). ``encrypted_to`` is the resource server that alone can read the token (RFC 9068 §6),
    and ``sent_hash`` the digest of the token as it was sent. ``agreed_claims`` are the defined claims that userinfo and
    introspection may release for it, ``claims`` the names of the claims about the person in the token itself."""

    token_id: str
    format: str
    client_id: str
    scope: tuple[str, ...]
    audience: tuple[str, ...]
    issued_at: int
    expires_at: int
    subject: str | None = None
    session_id: str | None = None
    userinfo_claims: tuple[str, ...] = ()
    auth_time: int | None = None
    acr: str | None = None
    signing_kid: str | None = None
    jkt: str | None = None
    x5t_s256: str | None = None
    client_generation: int = 0
    account_epoch: int = 0
    typ: str | None = None
    encrypted_to: str | None = None
    sent_hash: str | None = None
    agreed_claims: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()


def token_type_of(issued: AccessTokenIssued) -> str:
    """How the token is presented (RFC 6750, RFC 9449 §5): a certificate does not change that (RFC 8705 §3)."""
    return "Bearer" if issued.jkt is None else "DPoP"


def confirmation_of(said: NamesKeys) -> Confirmation:
    """The keys that the sender of a token must prove possession of, or that a request proved."""
    return Confirmation(said.jkt, said.x5t_s256)


class AccessTokenRevoked(Event, frozen=True, tag="grant.access_token_revoked.v1"):
    """One access token was revoked by its client (RFC 7009)."""

    token_id: str
    revoked_at: int


class IdTokenIssued(Event, frozen=True, tag="grant.id_token_issued.v1"):
    """An ID token was issued (OIDC Core §2)."""

    signing_kid: str
    issued_at: int
    expires_at: int
    claims: tuple[str, ...] = ()


class RefreshTokenIssued(Event, frozen=True, tag="grant.refresh_token_issued.v1"):
    """The first refresh token of the grant was issued. Its secret is an HMAC with the key ``hmac_key_id``. For a public
    client it is bound to the key ``jkt`` or the certificate ``x5t_s256`` (RFC 9449 §5, RFC 8705 §4), for an attested
    client to the key of its instance, ``instance_jkt``."""

    generation: int
    token_hash: str
    hmac_key_id: str
    issued_at: int
    expires_at: int
    jkt: str | None = None
    x5t_s256: str | None = None
    instance_jkt: str | None = None


class RefreshTokenRotated(Event, frozen=True, tag="grant.refresh_token_rotated.v1"):
    """``generation`` replaced the previous one, which still works until ``grace_until``. The other fields say how the
    client authenticated, and which keys it proved possession of."""

    generation: int
    token_hash: str
    hmac_key_id: str
    rotated_at: int
    expires_at: int
    grace_until: int
    client_auth_method: str | None = None
    client_key_id: str | None = None
    jkt: str | None = None
    x5t_s256: str | None = None


class RefreshTokenUsed(Event, frozen=True, tag="grant.refresh_token_used.v1"):
    """A refresh token that is not rotated was exchanged for new tokens (FAPI 2 Security Profile §5.3.2.1)."""

    generation: int
    used_at: int
    client_auth_method: str | None = None
    client_key_id: str | None = None
    jkt: str | None = None
    x5t_s256: str | None = None


class RefreshTokenRepeated(Event, frozen=True, tag="grant.refresh_token_repeated.v1"):
    """The token before ``generation`` was used again within its grace period and got the same successor."""

    generation: int
    repeated_at: int


class RefreshTokenReused(Event, frozen=True, tag="grant.refresh_token_reused.v1"):
    """A rotated refresh token was used again after its grace period (RFC 9700 §4.14.2)."""

    generation: int
    reused_at: int


class GrantRevoked(Event, frozen=True, tag="grant.revoked.v1"):
    """The grant was revoked. All its tokens are inactive from now on."""

    reason: str
    revoked_at: int


class GrantSummarized(Event, frozen=True, tag="grant.summarized.v1"):
    """The folded state so far, so that a grant that is refreshed for years can be read from here. It changes
    nothing."""

    state: dict[str, object]


GRANT_EVENTS = registry(
    AuthorizationRequested,
    SubjectAuthenticated,
    AnotherAccountRequested,
    SignInFailed,
    ConsentGranted,
    AuthorizationRefused,
    AuthorizationAnswered,
    CodeIssued,
    CodeRedeemed,
    CodeReplayed,
    CodeVoided,
    ClientCredentialsGranted,
    AccessTokenIssued,
    AccessTokenRevoked,
    IdTokenIssued,
    RefreshTokenIssued,
    RefreshTokenRotated,
    RefreshTokenUsed,
    RefreshTokenRepeated,
    RefreshTokenReused,
    GrantRevoked,
    GrantSummarized,
)
