"""Clients that the tests of their rules begin with."""

from typing import Any

import msgspec

from domain.client import client as rules
from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.registration import lifecycle as registration
from domain.registration.lifecycle import RegisterClient

NOW = 1_700_000_000
JWK = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y", "kid": "1"}
JWKS = {"keys": [JWK]}
WEB = ClientMetadata(
    client_name="Shop",
    redirect_uris=("https://shop.example/cb",),
    grant_types=("authorization_code", "refresh_token"),
    scope=("openid", "email"),
    audiences=("https://api.example",),
)


def changed(**fields: Any) -> ClientMetadata:
    return msgspec.structs.replace(WEB, **fields)


FAPI = changed(
    profile="fapi2-security",
    token_endpoint_auth_method="private_key_jwt",
    jwks=JWKS,
    id_token_signed_response_alg="PS256",
    access_token_signing_alg="PS256",
)
SERVICE = changed(grant_types=("client_credentials",), response_types=(), redirect_uris=())


def registered(metadata: ClientMetadata = WEB) -> Client:
    decision = registration.decide_register(rules.NO_CLIENT, RegisterClient("shop", metadata), NOW)
    assert isinstance(decision.answer, Client), decision.answer
    return decision.answer


#: A hybrid client.
BOTH: dict[str, Any] = {
    "grant_types": ("authorization_code", "implicit"),
    "response_types": ("id_token code",),
}
