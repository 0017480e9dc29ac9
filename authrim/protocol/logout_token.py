"""OpenID Connect Back-Channel Logout 1.0 §2.4: the token that tells a client of the end of a session."""

from typing import Any, Final

import msgspec

from authrim.crypto.ids import digest
from authrim.crypto.jws import Signer

LOGOUT_TOKEN_TYPE: Final = "logout+jwt"  # noqa: S105 - a media type

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"

#: Seconds. §2.4: preferably at most two minutes in the future.
LIFETIME: Final = 120

_encode = msgspec.json.Encoder().encode


def logout_token_id(tenant: str, session_id: str, client_id: str) -> str:
    """The ``jti``: a session ends once, so each attempt to tell a client carries the same, and a client that has heard
    it already can see that it has (§2.6)."""
    return digest(f"logout:{tenant}:{session_id}:{client_id}")


async def sign_logout_token(
    key: Signer, issuer: str, client_id: str, subject: str, session_id: str, token_id: str, now: int
) -> str:
    """The logout token. ``subject`` is the person as this client knows them; a ``nonce`` is never in it (§2.4)."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": subject,
        "aud": client_id,
        "iat": now,
        "exp": now + LIFETIME,
        "jti": token_id,
        "events": {EVENT: {}},
        "sid": session_id,
    }
    return await key.signed(_encode(claims), LOGOUT_TOKEN_TYPE)
