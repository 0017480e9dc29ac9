"""Clients that authenticate with a signed JWT (RFC 7523), signed by another library than the server's own."""

import time
import uuid
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from tests.support.running import KnownClient, RunningServer

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Key = ECKey | RSAKey | OKPKey


def new_key(alg: str = "ES256", kid: str = "client-key") -> Key:
    """A client's key pair for one algorithm."""
    members: Any = {"kid": kid, "alg": alg, "use": "sig"}
    match alg:
        case "ES256":
            return ECKey.generate_key("P-256", members)
        case "EdDSA" | "Ed25519":
            return OKPKey.generate_key("Ed25519", members)
        case _:
            return RSAKey.generate_key(2048, members)


def public_jwks(*keys: Key) -> dict[str, Any]:
    """What a client registers."""
    return {"keys": [key.as_dict(private=False) for key in keys]}


async def assertion_client(
    server: RunningServer, key: Key, name: str = "signs", **changes: Any
) -> KnownClient:
    """A service that authenticates with this key."""
    return await server.client(
        name,
        kind="service",
        token_endpoint_auth_method="private_key_jwt",
        jwks=public_jwks(key),
        **changes,
    )


async def secret_client(server: RunningServer, name: str = "hmac", **changes: Any) -> KnownClient:
    """A service that authenticates with an HMAC of its secret."""
    return await server.client(
        name, kind="service", token_endpoint_auth_method="client_secret_jwt", **changes
    )


def signed_with_secret(client: KnownClient, claims: dict[str, Any], alg: str = "HS256", **header: Any) -> str:
    """The assertion of a client that signs with its secret."""
    secret = OctKey.import_key(client.secret or "")
    return jwt.encode({"alg": alg, "typ": "JWT"} | header, claims, secret, algorithms=[alg])


def claims_for(server: RunningServer, client: KnownClient, **changes: Any) -> dict[str, Any]:
    """The claims of a valid assertion, changed as wanted; None leaves one out."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": server.issuer,
        "jti": uuid.uuid4().hex,
        "iat": now,
        "exp": now + 60,
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


def signed(key: Key, claims: dict[str, Any], **header: Any) -> str:
    """The assertion, with more header parameters as wanted; None leaves one out."""
    members = {"alg": key.alg, "kid": key.kid, "typ": "JWT"} | header
    protected = {name: value for name, value in members.items() if value is not None}
    return jwt.encode(protected, claims, key, algorithms=[str(protected["alg"])])


def assertion_form(assertion: str, **more: str) -> dict[str, str]:
    """A token request with this assertion."""
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
        **more,
    }


async def present(server: RunningServer, assertion: str, **more: str) -> tuple[int, str]:
    """Status and error of a token request with this assertion."""
    status, answer = await server.post("/token", assertion_form(assertion, **more))
    return status, answer.get("error", "")


async def assert_refused(server: RunningServer, assertion: str, **more: str) -> None:
    assert await present(server, assertion, **more) == (401, "invalid_client")
