"""JARM, JWT Secured Authorization Response Mode for OAuth 2.0 (Final): the whole authorization response, good or bad,
as one signed JWT."""

from collections.abc import Mapping
from typing import Final

import msgspec

from authrim.crypto.jws import SigningKey

#: Seconds for which a response may be used; a browser brings it at once (JARM §2.1: at most 10 minutes).
LIFETIME: Final = 120
RESPONSE_TYPE: Final = "JWT"

_encode = msgspec.json.Encoder().encode


def signed_response(
    key: SigningKey, issuer: str, client_id: str, parameters: Mapping[str, str], now: int
) -> str:
    """The response JWT (JARM §2.1): from us, to this client alone, and all parameters in it."""
    claims: dict[str, object] = {**parameters, "iss": issuer, "aud": client_id, "exp": now + LIFETIME}
    return key.sign(_encode(claims), RESPONSE_TYPE)
