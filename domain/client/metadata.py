"""The metadata of a client, with the names of the specifications that define each field.

The policy for the values is in ``domain/registration/policy.py``, their effect in ``client``.
"""

# ruff: noqa: S105 - RFC 7591's names hold the word token, their values are no passwords

from typing import Any, Final

import msgspec

from domain.client.claim_mapping import ClaimMapping


class ClientMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """The metadata of a client (RFC 7591 §2, OIDC DCR §2). Lifetimes are in seconds.

    ``scope`` and ``audiences`` are allow-lists: other values cannot be requested, and empty lists allow nothing (for
    the issuer as audience see ``resource.audience_for``). ``response_modes`` empty: any. ``protected_resources`` are
    the resources that this client *is*: with ``may_introspect`` it may introspect their tokens. ``jwks`` contains
    public keys. A lifetime or grace period of None is that of the server. ``contacts`` are personal data and never
    recorded in events. ``localized`` are texts and pages in other languages, with names such as ``client_name#fr`` (RFC
    7591 §2.2). ``logo_digest`` is the SHA-256 of the client's logo, None when it has none; the server sets it, never
    the client (decisions.md 29). ``client_attesters`` are the names of attesters that may vouch for its instances;
    empty: the only attester that the server trusts. ``id_token_claims``: with ``minimal`` the claims of the scopes are
    only in userinfo (OIDC Core §5.4), with ``scopes`` also in the ID token of the token endpoint.
    """

    client_name: str = ""
    redirect_uris: tuple[str, ...] = ()
    token_endpoint_auth_method: str = "client_secret_basic"
    token_endpoint_auth_signing_alg: str | None = None
    grant_types: tuple[str, ...] = ("authorization_code",)
    response_types: tuple[str, ...] = ("code",)
    response_modes: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    application_type: str = "web"
    jwks: dict[str, Any] | None = None
    logo_uri: str | None = None
    client_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    id_token_signed_response_alg: str = "RS256"
    default_max_age: int | None = None
    require_auth_time: bool = False
    default_acr_values: tuple[str, ...] = ()
    subject_type: str = "public"
    access_token_format: str = "jwt"
    access_token_signing_alg: str = "RS256"
    access_token_lifetime: int | None = None
    refresh_token_lifetime: int | None = None
    audiences: tuple[str, ...] = ()
    default_audience: str | None = None
    protected_resources: tuple[str, ...] = ()
    may_introspect: bool = False
    skip_consent: bool = False
    profile: str = "oidc"
    refresh_grace_seconds: int | None = None
    refresh_grace_count: int | None = None
    logo_digest: str | None = None
    # OpenID Connect Dynamic Client Registration 1.0 §2
    jwks_uri: str | None = None
    contacts: tuple[str, ...] = ()
    sector_identifier_uri: str | None = None
    id_token_encrypted_response_alg: str | None = None
    id_token_encrypted_response_enc: str | None = None
    userinfo_signed_response_alg: str | None = None
    userinfo_encrypted_response_alg: str | None = None
    userinfo_encrypted_response_enc: str | None = None
    request_object_signing_alg: str | None = None
    request_object_encryption_alg: str | None = None
    request_object_encryption_enc: str | None = None
    request_uris: tuple[str, ...] = ()
    initiate_login_uri: str | None = None
    software_id: str | None = None
    software_version: str | None = None
    localized: dict[str, str] = {}
    # OpenID Connect RP-Initiated Logout 1.0 §3.1, Front-Channel Logout 1.0 §2, Back-Channel Logout 1.0 §2.2
    post_logout_redirect_uris: tuple[str, ...] = ()
    frontchannel_logout_uri: str | None = None
    frontchannel_logout_session_required: bool = False
    backchannel_logout_uri: str | None = None
    backchannel_logout_session_required: bool = False
    # RFC 9101 §10.5, RFC 9126 §6, JARM §3
    require_signed_request_object: bool = False
    require_pushed_authorization_requests: bool = False
    authorization_signed_response_alg: str | None = None
    authorization_encrypted_response_alg: str | None = None
    authorization_encrypted_response_enc: str | None = None
    # RFC 8705 §2.1.2, §3.4, RFC 9449 §5.2
    tls_client_auth_subject_dn: str | None = None
    tls_client_auth_san_dns: str | None = None
    tls_client_auth_san_uri: str | None = None
    tls_client_auth_san_ip: str | None = None
    tls_client_auth_san_email: str | None = None
    tls_client_certificate_bound_access_tokens: bool = False
    dpop_bound_access_tokens: bool = False
    # draft-ietf-oauth-attestation-based-client-auth-10
    client_attesters: tuple[str, ...] = ()
    # Authrim's own: whether ID tokens also have the claims of the granted scopes, and the mapping of claims
    id_token_claims: str = "minimal"
    claim_mapping: tuple[ClaimMapping, ...] = ()
    # Authrim's own: the registration names neither way to send a secret, so the client may use both
    either_secret_method: bool = False
    # our own: an administrator lets its answers go to http addresses, for an application without TLS in an intranet
    plain_http_redirect_uris: bool = False


#: The names of which one identifies the client's certificate (RFC 8705 §2.1.2).
CERTIFICATE_NAMES: Final = (
    "tls_client_auth_subject_dn", "tls_client_auth_san_dns", "tls_client_auth_san_uri", "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
)  # fmt: skip


def addresses_or_keys_are_new(before: ClientMetadata, after: ClientMetadata) -> bool:
    """Whether somebody else could now act as the client: it has a new redirect URI, a new key, another address of its
    keys, or another name of its certificate (A206). Removing any of them allows nothing new."""
    known = _keys(before)
    return (
        not set(after.redirect_uris) <= set(before.redirect_uris)
        or any(key not in known for key in _keys(after))
        or (after.jwks_uri is not None and after.jwks_uri != before.jwks_uri)
        or after.token_endpoint_auth_method != before.token_endpoint_auth_method
        or any(getattr(after, name) not in (None, getattr(before, name)) for name in CERTIFICATE_NAMES)
    )


def _keys(metadata: ClientMetadata) -> list[Any]:
    keys = (metadata.jwks or {}).get("keys")
    return keys if isinstance(keys, list) else []
