"""Reads our tokens as a client would: with joserfc, and the keys that the server publishes."""

from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet

from tests.support.running import RunningServer


async def verified_claims(server: RunningServer, token: str) -> dict[str, Any]:
    """The claims of a JWT whose signature verifies with the published keys."""
    async with server.http.get(server.url("/jwks")) as answer:
        keys = KeySet.import_key_set(await answer.json())
    return dict(jwt.decode(token, keys, algorithms=["ES256", "RS256"]).claims)
