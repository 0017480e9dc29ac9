"""The tokens this server signs: RFC 9068 access tokens and OpenID Connect ID tokens.

The payloads follow from the events that record them; nothing is decided here.
"""

import hashlib
from typing import Any, NamedTuple

import msgspec

from authrim.crypto import base64url
from authrim.crypto.jws import Signer
from domain.grant.events import AccessTokenIssued, confirmation_of
from domain.grant.issue import IdToken
from domain.resource.resource import AT_JWT

ID_TOKEN_TYPE = "JWT"  # noqa: S105 - a media type (RFC 7519 §5.1)

_encode = msgspec.json.Encoder().encode
_HASHES = {
    "RS256": hashlib.sha256,
    "PS256": hashlib.sha256,
    "ES256": hashlib.sha256,
    "EdDSA": hashlib.sha512,  # Ed25519 hashes with SHA-512 inside
    "Ed25519": hashlib.sha512,
}


def access_token_claims(issuer: str, grant_id: str, token: AccessTokenIssued, subject: str) -> dict[str, Any]:
    """The claims of a JWT access token (RFC 9068 §2.2), ``subject`` being the person's name for its client, or the
    client itself."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": subject,
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


async def sign_access_token(
    key: Signer, issuer: str, grant_id: str, token: AccessTokenIssued, subject: str,
    more_claims: dict[str, Any],
) -> str:  # fmt: skip
    """The access token as an RFC 9068 JWT, with the ``typ`` that its resource server takes. ``more_claims`` are those
    about the person; none of them can take the place of one of ours."""
    claims = {**more_claims, **access_token_claims(issuer, grant_id, token, subject)}
    return await key.signed(_encode(claims), typ_of(token))


def typ_of(token: AccessTokenIssued) -> str:
    """The ``typ`` of a JWT access token: the one of RFC 9068 §2.1 if nothing else is recorded."""
    return token.typ or AT_JWT


class HashInputs(NamedTuple):
    """The values that an ID token is sent with and contains hashes of: code, access token, state."""

    access_token: str | None = None
    code: str | None = None
    state: str | None = None


async def sign_id_token(
    key: Signer,
    issuer: str,
    token: IdToken,
    subject: str,
    session_id: str | None,
    sent_with: HashInputs,
    more_claims: dict[str, Any],
) -> str:
    """The ID token (OIDC Core §2). ``subject`` is the person's name for this client, ``session_id`` the session's, and
    ``more_claims`` are those about the person."""
    claims: dict[str, Any] = {
        **more_claims,
        "iss": issuer,
        "sub": subject,
        "aud": token.client_id,
        "iat": token.issued.issued_at,
        "exp": token.issued.expires_at,
        "auth_time": token.auth_time,
        "acr": token.acr,
        "amr": token.amr,
        **_hashes(key.alg, sent_with),
    }
    if token.nonce is not None:
        claims["nonce"] = token.nonce
    if session_id is not None:
        claims["sid"] = session_id
    return await key.signed(_encode(claims), ID_TOKEN_TYPE)


async def sign_userinfo(key: Signer, issuer: str, client_id: str, claims: dict[str, Any]) -> str:
    """A person's claims, from us and for this client (OIDC Core §5.3.2). Without ``typ``, so that it is never taken for
    an ID token, which it resembles (RFC 8725 §3.12)."""
    return await key.signed(_encode({**claims, "iss": issuer, "aud": client_id}), None)


def _hashes(alg: str, sent_with: HashInputs) -> dict[str, str]:
    """OIDC Core §3.3.2.11, FAPI 1 Advanced §5.2.2.1: nobody can put another code, token or state beside it."""
    named = {"at_hash": sent_with.access_token, "c_hash": sent_with.code, "s_hash": sent_with.state}
    return {name: half_hash(alg, value) for name, value in named.items() if value is not None}


def half_hash(alg: str, value: str) -> str:
    """``at_hash`` and its kin: the left half of the digest that the algorithm uses (OIDC Core §3.1.3.6).

    An algorithm that is not known raises KeyError: there is no default to fall back to (A155).
    """
    digest = _HASHES[alg](value.encode("utf-8")).digest()
    return base64url.encode(digest[: len(digest) // 2])
