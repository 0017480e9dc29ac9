"""JARM, JWT Secured Authorization Response Mode for OAuth 2.0 (Final): the whole authorization response, good or bad,
as one signed JWT."""

from collections.abc import Mapping
from typing import Final

import msgspec

from authrim.crypto.jws import Signer

#: The one parameter of a response (JARM §2.3).
PARAMETER: Final = "response"
#: Seconds for which a response is good; a browser brings it at once (JARM §2.1: at most 10 minutes).
LIFETIME: Final = 120

_TYPE: Final = "JWT"
_encode = msgspec.json.Encoder().encode


async def signed_response(
    key: Signer, issuer: str, client_id: str, parameters: Mapping[str, str], now: int
) -> str:
    """The response JWT (JARM §2.1): from us, to this client alone, for a short time, and all parameters in it."""
    claims: dict[str, object] = {**parameters, "iss": issuer, "aud": client_id, "exp": now + LIFETIME}
    return await key.signed(_encode(claims), _TYPE)
