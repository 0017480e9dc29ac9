"""The tokens this server signs: RFC 9068 access tokens and OpenID Connect ID tokens.

The payloads follow from the events that record them; nothing is decided here.
"""

import hashlib
from typing import Any

import msgspec

from authrim.crypto import base64url
from authrim.crypto.jws import SigningKey
from domain.grant_events import AccessTokenIssued, confirmation_of
from domain.issue import TokensIssued

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type (RFC 9068 §2.1)
ID_TOKEN_TYPE = "JWT"  # noqa: S105 - a media type (RFC 7519 §5.1)

_encode = msgspec.json.Encoder().encode
_HASHES = {
    "RS256": hashlib.sha256,
    "PS256": hashlib.sha256,
    "ES256": hashlib.sha256,
    "EdDSA": hashlib.sha512,  # Ed25519 hashes with SHA-512 inside
}


def access_token_claims(issuer: str, grant_id: str, token: AccessTokenIssued) -> dict[str, Any]:
    """The claims of a JWT access token (RFC 9068 §2.2). Without a person, ``sub`` is the client (§2.2)."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": token.subject or token.client_id,
        "aud": token.audience[0] if len(token.audience) == 1 else token.audience,
        "client_id": token.client_id,
        "iat": token.issued_at,
        "exp": token.expires_at,
        "jti": token.token_id,
        "grant_id": grant_id,
        "scope": " ".join(token.scope),
    }
    if token.subject is not None:
        claims["auth_time"] = token.auth_time
        claims["acr"] = token.acr
    bound_to = confirmation_of(token)
    if bound_to.is_bound:
        claims["cnf"] = bound_to.members
    return claims


def sign_access_token(key: SigningKey, issuer: str, grant_id: str, token: AccessTokenIssued) -> str:
    """The access token as an RFC 9068 JWT."""
    return key.sign(_encode(access_token_claims(issuer, grant_id, token)), ACCESS_TOKEN_TYPE)


def sign_id_token(
    key: SigningKey, issuer: str, issued: TokensIssued, access_token: str, session_id: str | None,
    more_claims: dict[str, Any],
) -> str:  # fmt: skip
    """The ID token (OIDC Core §2, §3.1.3.6). ``more_claims`` are those the ``claims`` parameter asked for."""
    assert issued.id_token is not None
    access = issued.access_token
    claims: dict[str, Any] = {
        **more_claims,
        "iss": issuer,
        "sub": access.subject,
        "aud": access.client_id,
        "iat": issued.id_token.issued_at,
        "exp": issued.id_token.expires_at,
        "auth_time": issued.auth_time,
        "acr": issued.acr,
        "amr": issued.amr,
        "at_hash": half_hash(key.alg, access_token),
    }
    if issued.nonce is not None:
        claims["nonce"] = issued.nonce
    if session_id is not None:
        claims["sid"] = session_id
    return key.sign(_encode(claims), ID_TOKEN_TYPE)


def half_hash(alg: str, value: str) -> str:
    """``at_hash`` and its kin: the left half of the digest that the algorithm uses (OIDC Core §3.1.3.6).

    An algorithm that is not known raises KeyError: there is no default to fall back to (A155).
    """
    digest = _HASHES[alg](value.encode("ascii")).digest()
    return base64url.encode(digest[: len(digest) // 2])
