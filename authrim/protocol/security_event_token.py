"""RFC 8417: security event tokens, as the Shared Signals Framework 1.0 (§4) profiles them; subjects of RFC 9493."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from authrim.crypto.jws import Signer

SET_TYPE: Final = "secevent+jwt"
MEDIA_TYPE: Final = "application/secevent+jwt"

_encode = msgspec.json.Encoder().encode


def iss_sub(issuer: str, subject: str) -> dict[str, Any]:
    """A person as an ID token names them (RFC 9493 §3.2.3)."""
    return {"format": "iss_sub", "iss": issuer, "sub": subject}


def opaque(identifier: str) -> dict[str, Any]:
    """Something whose name says nothing (RFC 9493 §3.2.4)."""
    return {"format": "opaque", "id": identifier}


def session_of(user: Mapping[str, Any], session_id: str) -> dict[str, Any]:
    """One session of a person (SSF §3.2.1)."""
    return {"format": "complex", "user": user, "session": opaque(session_id)}


class SecurityEvent(msgspec.Struct, frozen=True):
    """What a token says: of whom, which type of event, and its members. ``happened_at`` is in seconds. ``token_id`` is
    the ``jti``."""

    token_id: str
    event_type: str
    subject: Mapping[str, Any]
    members: Mapping[str, Any]
    happened_at: int


async def sign_set(key: Signer, issuer: str, audience: str, event: SecurityEvent) -> str:
    """The token. There is no ``sub`` and no ``exp`` in it, so that it passes for no other JWT (§4.1.2, §4.1.7); a token
    that is made again of the same event is the same."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "jti": event.token_id,
        "iat": event.happened_at,
        "aud": audience,
        "sub_id": event.subject,
        "events": {event.event_type: event.members},
    }
    return await key.signed(_encode(claims), SET_TYPE)
