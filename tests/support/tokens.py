"""What clients do with our tokens: read them with joserfc and the published keys, refresh them, ask about them."""

import json
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet

from authrim.crypto import base64url
from tests.support.browser import authenticated_post
from tests.support.running import KnownClient, RunningServer

#: What an authorization request asks for that is to end in a refresh token.
OFFLINE = {"scope": "openid profile offline_access", "prompt": "consent"}


async def verified_claims(server: RunningServer, token: str) -> dict[str, Any]:
    """The claims of a JWT whose signature verifies with the published keys."""
    async with server.http.get(server.url("/jwks")) as answer:
        keys = KeySet.import_key_set(await answer.json())
    return dict(jwt.decode(token, keys, algorithms=["ES256", "RS256"]).claims)


def verified_by(token: str, published: dict[str, Any]) -> str:
    """The ``kid`` of the key, among those of a key set, with which a JWT verifies."""
    header = jwt.decode(token, KeySet.import_key_set(published), algorithms=["ES256", "RS256"]).header
    return str(header["kid"])


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWT as they stand in it; nothing is verified."""
    claims: dict[str, Any] = json.loads(base64url.decode(token.split(".")[1]))
    return claims


async def refresh(
    server: RunningServer, client: KnownClient, token: str, **more: str
) -> tuple[int, dict[str, Any]]:
    """Present a refresh token."""
    form = {"grant_type": "refresh_token", "refresh_token": token, **more}
    return await authenticated_post(server, client, "/token", form)


async def is_active(server: RunningServer, asker: KnownClient, token: str) -> bool:
    """What introspection says to a client."""
    _, answer = await authenticated_post(server, asker, "/introspect", {"token": token})
    return bool(answer["active"])
