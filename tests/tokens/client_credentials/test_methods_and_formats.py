"""Client credentials by every method of authentication, in both formats of token, bearer and bound (RFC 6749 §4.4)."""

from typing import Any

import pytest

from tests.support.assertion import (
    assertion_form,
    claims_for,
    new_key,
    public_jwks,
    signed,
    signed_with_secret,
)
from tests.support.dpop import dpop, jkt_of, proof_key
from tests.support.running import KnownClient, RunningServer

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

KEY, PROOF_KEY = new_key(), proof_key()
ONE, TWO = "https://one.example/", "https://two.example/"
METHODS = ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"]


async def service(server: RunningServer, method: str, token_format: str) -> KnownClient:
    keys: dict[str, Any] = {"jwks": public_jwks(KEY)} if method == "private_key_jwt" else {}
    return await server.client(
        "service",
        token_endpoint_auth_method=method,
        access_token_format=token_format,
        audiences=(ONE, TWO),
        default_audience=None,
        **keys,
    )


async def ask(
    server: RunningServer, client: KnownClient, form: list[tuple[str, str]], **headers: str
) -> tuple[int, dict[str, Any]]:
    """A request of the client by its own method."""
    method = client.metadata.token_endpoint_auth_method
    if method == "client_secret_basic":
        return await server.post("/token", form, client.basic | headers)
    if method == "client_secret_post":
        more = {"client_id": client.client_id, "client_secret": client.secret or ""}
    else:
        claims = claims_for(server, client)
        by_key = method == "private_key_jwt"
        more = assertion_form(signed(KEY, claims) if by_key else signed_with_secret(client, claims))
        del more["grant_type"]
    return await server.post("/token", [*form, *more.items()], headers)


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
@pytest.mark.parametrize("method", METHODS)
async def test_a_token_for_two_resources(server: RunningServer, method: str, token_format: str) -> None:
    """RFC 8707 §2: scope and resources are in the token as introspection tells it; a proof binds it, and there is no
    refresh token (``fapi2-security-profile-final`` with fapi_client_credentials_grant)."""
    client = await service(server, method, token_format)
    api = await server.client("api", protected_resources=(TWO,))
    form = [
        ("grant_type", "client_credentials"),
        ("scope", "reports.read"),
        ("resource", ONE),
        ("resource", TWO),
    ]
    for headers, token_type in (({}, "Bearer"), ({"DPoP": dpop(server, PROOF_KEY)}, "DPoP")):
        status, answer = await ask(server, client, form, **headers)
        assert (status, answer.get("token_type"), answer.get("scope")) == (200, token_type, "reports.read")
        assert "refresh_token" not in answer
        _, seen = await server.post("/introspect", {"token": answer["access_token"]}, api.basic)
        assert (seen["active"], seen["client_id"], seen["sub"]) == (True, client.client_id, client.client_id)
        assert (seen["aud"], seen["scope"], seen["token_type"]) == ([ONE, TWO], "reports.read", token_type)
        assert seen.get("cnf") == ({"jkt": jkt_of(PROOF_KEY)} if token_type == "DPoP" else None)
    status, answer = await ask(server, client, [*form, ("resource", "https://three.example/")])
    assert (status, answer["error"]) == (400, "invalid_target")


async def test_a_fapi2_service_is_bound(server: RunningServer) -> None:
    """``fapi2-security-profile-final`` with fapi_client_credentials_grant: by key and with a proof, or not at all."""
    client = await server.client(
        "bank", kind="service", profile="fapi2-security", token_endpoint_auth_method="private_key_jwt",
        jwks=public_jwks(KEY),
    )  # fmt: skip
    form = [("grant_type", "client_credentials")]
    status, answer = await ask(server, client, form)
    assert (status, answer["error"]) == (400, "invalid_request")
    status, answer = await ask(server, client, form, DPoP=dpop(server, PROOF_KEY))
    assert (status, answer["token_type"]) == (200, "DPoP")
