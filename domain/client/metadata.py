"""What a client is registered with, in the names of the specifications that define each field.

What may stand in a field is in ``client_policy``, what a client may do with it in ``client``.
"""

# ruff: noqa: S105 - RFC 7591's names hold the word token, their values are no passwords

from typing import Any, Final

import msgspec

from domain.client.claim_mapping import ClaimMapping


class ClientMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a client is registered with (RFC 7591 §2, OIDC DCR §2). Lifetimes in seconds.

    ``scope`` and ``audiences`` are allow-lists: what is not in them cannot be asked for, and empty ones allow
    nothing (the issuer as audience follows its own rule, see ``resource.audience_for``). ``response_modes``
    empty: any. ``protected_resources`` are the resources that this client *is*: with ``may_introspect`` it
    learns about tokens meant for them. ``jwks`` holds public keys. A lifetime or grace of None: the server's.
    ``contacts`` are people's: what is recorded of a client never holds them. ``localized`` are texts and pages for a
    language, by their names with it, such as ``client_name#fr`` (RFC 7591 §2.2). ``logo_digest`` is the SHA-256 of
    the picture that we show for the client, None when there is none; it is set by us and is never a client's to
    choose (decisions.md 29). ``client_attesters`` are the names of those who may vouch for its instances; empty: the
    only one that the server trusts. ``id_token_claims``: ``minimal`` leaves the claims of the scopes to userinfo (OIDC
    Core §5.4), ``scopes`` puts them into the ID token of the token endpoint as well.
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
    # our own: whether ID tokens hold the claims of the granted scopes too, and under which names claims are told
    id_token_claims: str = "minimal"
    claim_mapping: tuple[ClaimMapping, ...] = ()
    # our own: the registration names neither of the ways to send a secret, so that the client may use both
    either_secret_method: bool = False
    # our own: an administrator lets its answers go to http addresses, for an application without TLS in an intranet
    plain_http_redirect_uris: bool = False


#: The names by one of which a certificate is the client's (RFC 8705 §2.1.2).
CERTIFICATE_NAMES: Final = (
    "tls_client_auth_subject_dn", "tls_client_auth_san_dns", "tls_client_auth_san_uri", "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
)  # fmt: skip


def addresses_or_keys_are_new(before: ClientMetadata, after: ClientMetadata) -> bool:
    """Whether somebody else could be behind the client now: an address that was not registered, a key that was not
    there, another place to fetch keys from, or another name of its certificate (A206). What is only taken away gives
    nobody anything."""
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
