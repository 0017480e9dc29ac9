"""RFC 7591, OpenID Connect Dynamic Client Registration: a client registers itself and is served."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from authrim.store.contract import Store
from tests.support.assertion import new_key, public_jwks
from tests.support.browser import Browser
from tests.support.log import whole_log
from tests.support.registration import MINIMAL, as_known, initial_token, register, registered
from tests.support.running import RunningServer, running_server

FULL: dict[str, Any] = {
    "redirect_uris": ["https://rp.example/cb", "https://rp.example/cb?tenant=1"],
    "client_name": "Shop",
    "client_name#fr": "Boutique",
    "client_uri": "https://rp.example/",
    "policy_uri": "https://rp.example/policy",
    "tos_uri": "https://rp.example/tos",
    "tos_uri#de-AT": "https://rp.example/agb",
    "contacts": ["ve7jtb@example.com", "mary@example.com"],
    "token_endpoint_auth_method": "client_secret_post",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "scope": "openid email",
    "application_type": "web",
    "default_max_age": 3600,
    "require_auth_time": True,
    "default_acr_values": ["urn:authrim:acr:password"],
    "initiate_login_uri": "https://rp.example/login",
    "request_uris": ["https://rp.example/request#47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"],
    "jwks": public_jwks(new_key()),
    "software_id": "4NRB1-0XZABZI9E6-5SM3R",
    "software_version": "2.1",
}


@pytest_asyncio.fixture
async def open_server(store: Store) -> AsyncIterator[RunningServer]:
    """A server that lets anybody register."""
    async with running_server(store, registration="open") as running:
        yield running


async def test_what_is_left_out_gets_its_default(server: RunningServer) -> None:
    """RFC 7591 §2, OIDC DCR §2: the defaults, each of them told; a secret that never expires."""
    client = await registered(server)
    assert client["token_endpoint_auth_method"] == "client_secret_basic"
    assert client["grant_types"] == ["authorization_code"]
    assert client["response_types"] == ["code"]
    assert client["application_type"] == "web"
    assert client["id_token_signed_response_alg"] == "RS256"
    assert client["subject_type"] == "public"
    assert client["scope"] == "openid profile email address phone offline_access"
    assert client["client_secret_expires_at"] == 0
    assert client["client_id_issued_at"] > 0
    assert client["registration_client_uri"] == server.url(f"/register/{client['client_id']}")
    assert len(client["client_secret"]) == 43


async def test_all_that_is_registered_is_told(server: RunningServer) -> None:
    """RFC 7591 §3.2.1: every member comes back as it was sent, those for a language too; status 201, not to be kept."""
    answer = await register(server, FULL, await initial_token(server))
    assert (answer.status, answer.headers["Content-Type"]) == (201, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    assert {name: answer.body.get(name) for name in FULL} == FULL


async def test_contacts_are_not_in_the_log(server: RunningServer) -> None:
    """decisions.md 16: who is responsible for a client is a person; the log never holds their addresses."""
    client = await registered(server, contacts=["mary@example.com"])
    assert client["contacts"] == ["mary@example.com"]
    assert "mary@example.com" not in await whole_log(server)


async def test_no_secret_is_in_the_log(server: RunningServer) -> None:
    """Neither the initial access token nor what the client is given: digests alone."""
    token = await initial_token(server)
    client = (await register(server, MINIMAL, token)).body
    log = await whole_log(server)
    for value in (token, client["client_secret"], client["registration_access_token"]):
        assert value not in log


async def test_a_registered_client_is_served(server: RunningServer, browser: Browser) -> None:
    """The whole code flow with refresh token, right after the registration; oidcc-server."""
    client = await registered(server, grant_types=["authorization_code", "refresh_token"])
    tokens = await browser.code_flow(as_known(client), scope="openid offline_access", prompt="consent")
    assert {"access_token", "id_token", "refresh_token"} <= tokens.keys()


async def test_unknown_members_and_nulls_are_ignored(server: RunningServer) -> None:
    """RFC 7591 §2: what is not understood is ignored; null is left out."""
    client = await registered(server, brand_new_member={"a": [1]}, client_name=None, jwks=None)
    assert not {"brand_new_member", "client_name", "jwks"} & client.keys()


async def test_a_public_client_gets_no_secret(server: RunningServer) -> None:
    """RFC 7591 §2: token_endpoint_auth_method none."""
    client = await registered(server, token_endpoint_auth_method="none")
    assert not {"client_secret", "client_secret_expires_at"} & client.keys()


async def test_a_client_with_keys_of_its_own(server: RunningServer) -> None:
    """private_key_jwt with inline jwks, as the dynamic certification plan registers; no secret is made."""
    jwks = public_jwks(new_key())
    client = await registered(server, token_endpoint_auth_method="private_key_jwt", jwks=jwks)
    assert client["jwks"] == jwks
    assert "client_secret" not in client


async def test_a_secret_can_end(store: Store) -> None:
    """RFC 7591 §3.2.1: client_secret_expires_at, as the setting says."""
    async with running_server(store, registration_secret_lifetime=86_400) as server:
        client = await registered(server)
        assert client["client_secret_expires_at"] == client["client_id_issued_at"] + 86_400


async def test_an_open_door(open_server: RunningServer) -> None:
    """RFC 7591 §3: with registration open nobody needs a token; one that is shown must be good all the same."""
    assert (await register(open_server)).status == 201
    assert (await register(open_server, token="iat.no.token")).error == (401, "invalid_token")


async def test_off_is_off(store: Store) -> None:
    """With registration off there is no route and no metadata."""
    async with running_server(store, registration="off") as server:
        async with server.http.post(server.url("/register"), json=MINIMAL) as answer:
            assert answer.status == 404
        async with server.http.get(server.url("/register/some-client")) as answer:
            assert answer.status == 404
        async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
            assert "registration_endpoint" not in await answer.json()


async def test_where_to_register_is_told(server: RunningServer) -> None:
    """RFC 8414 §2, OIDC Discovery §3: registration_endpoint."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        assert (await answer.json())["registration_endpoint"] == server.url("/register")


async def test_a_profile_brings_its_defaults(server: RunningServer) -> None:
    """What the profile demands is what is registered where the client says nothing; the rest it must say."""
    token = await initial_token(server, profile="fapi2-security")
    document = MINIMAL | {"jwks": public_jwks(new_key()), "dpop_bound_access_tokens": True}
    answer = await register(server, document, token)
    assert answer.status == 201, answer.body
    assert answer.body["token_endpoint_auth_method"] == "private_key_jwt"
    assert answer.body["require_pushed_authorization_requests"] is True
    assert answer.body["id_token_signed_response_alg"] == "ES256"


async def test_a_token_may_say_what_its_clients_may_have(server: RunningServer) -> None:
    """An initial access token goes before the settings: scope, grant types, and the profile they are held to."""
    token = await initial_token(
        server, 2, scope=("orders.read",), grant_types=("client_credentials",), profile="oauth21"
    )
    service = {"grant_types": ["client_credentials"]}
    client = (await register(server, service, token)).body
    assert (client["scope"], client["response_types"]) == ("orders.read", [])
    status, tokens = await server.post(
        "/token", {"grant_type": "client_credentials"}, as_known(client | {"redirect_uris": []}).basic
    )
    assert (status, tokens["scope"]) == (200, "orders.read")
    assert (await register(server, MINIMAL, token)).error == (400, "invalid_client_metadata")


async def test_what_a_library_sends_by_default_registers(open_server: RunningServer) -> None:
    """RFC 7591 §3.2.1: what ``idpyoidc`` 5 sends when nothing is set; what has no effect is not in the answer."""
    document = {
        "application_type": "web", "response_types": ["code", "id_token", "code id_token"],
        "redirect_uris": ["https://rp.example/authz_cb"], "grant_types": ["authorization_code", "implicit"],
        "jwks_uri": "https://rp.example/static/jwks.json", "subject_type": "public",
        "id_token_signed_response_alg": "RS256", "userinfo_signed_response_alg": "RS256",
        "request_object_signing_alg": "RS256", "token_endpoint_auth_method": "client_secret_basic",
        "token_endpoint_auth_signing_alg": "RS256", "default_max_age": 86400,
        "response_modes": ["query", "fragment", "form_post"],
    }  # fmt: skip
    answer = await register(open_server, document)
    assert answer.status == 201, answer.body
    assert answer.body["request_object_signing_alg"] == "RS256"
    assert "token_endpoint_auth_signing_alg" not in answer.body
    answer = await register(open_server, {**document, "jwks_uri": None})
    assert answer.status == 201, answer.body
    assert not {"request_object_signing_alg", "jwks_uri"} & answer.body.keys()


@pytest.mark.parametrize(
    ("change", "told"),
    [({"kid": 5}, "kid"), ({"kid": ""}, "kid"), ({"alg": "RS256"}, "alg"), ({"alg": ["ES256"]}, "alg")],
)
async def test_a_key_that_use_would_refuse_is_refused(
    server: RunningServer, change: dict[str, Any], told: str
) -> None:
    """A174: a key that would spoil the set of its client at each use is named at the registration."""
    document = MINIMAL | {
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [{**public_jwks(new_key())["keys"][0], **change}]},
    }
    answer = await register(server, document, await initial_token(server))
    assert answer.error == (400, "invalid_client_metadata")
    assert told in answer.body["error_description"]
