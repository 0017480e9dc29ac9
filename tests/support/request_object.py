"""Clients that sign their requests (RFC 9101), by another library than the server's own."""

import base64
import json
import time
from typing import Any
from urllib.parse import urlencode

from joserfc import jwe, jws
from joserfc.jwk import ECKey

from tests.support.assertion import Key, new_key, public_jwks
from tests.support.browser import Browser, BrowserPage, authorization_query
from tests.support.running import KnownClient, RunningServer

TYPE = "oauth-authz-req+jwt"
KEY = new_key()


async def signing_client(
    server: RunningServer, name: str = "signs requests", *, key: Key = KEY, **changes: Any
) -> KnownClient:
    """A web client with this key; it authenticates with a secret."""
    return await server.client(name, kind="web", jwks=public_jwks(key), **changes)


def object_claims(server: RunningServer, client: KnownClient, **changes: Any) -> tuple[str, dict[str, Any]]:
    """The verifier, and the claims of a good object, changed as wanted; None leaves one out."""
    now = int(time.time())
    verifier, query = authorization_query(client)
    claims = query | {"iss": client.client_id, "aud": server.issuer, "nbf": now, "exp": now + 300} | changes
    return verifier, {name: value for name, value in claims.items() if value is not None}


def signed_object(claims: dict[str, Any], key: Key = KEY, **header: Any) -> str:
    """The object, signed; header members as wanted, None leaves one out."""
    members = {"alg": key.alg, "kid": key.kid, "typ": TYPE} | header
    protected = {name: value for name, value in members.items() if value is not None}
    return jws.serialize_compact(protected, json.dumps(claims), key, algorithms=[str(protected["alg"])])


async def encrypted_object(
    server: RunningServer, content: str, alg: str = "ECDH-ES", enc: str = "A256GCM"
) -> str:
    """``content`` encrypted to the server's published key."""
    async with server.http.get(server.url("/jwks")) as answer:
        keys = (await answer.json())["keys"]
    key = next(key for key in keys if key.get("use") == "enc" and key["kty"] == "EC")
    header = {"alg": alg, "enc": enc, "kid": key["kid"], "cty": "JWT"}
    return jwe.encrypt_compact(header, content, ECKey.import_key(key), algorithms=[alg, enc])


def unsigned_object(claims: dict[str, Any], alg: str = "none") -> str:
    """An object that nobody signed."""
    parts = ({"alg": alg, "typ": TYPE}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, ""])


async def send(browser: Browser, client: KnownClient, request: str, **beside: str) -> BrowserPage:
    """The authorization endpoint with the object by value; ``beside`` are more parameters of the query."""
    query = {"client_id": client.client_id, "request": request, **beside}
    return await browser.request("GET", browser.server.url("/authorize?") + urlencode(query))
