"""A client on its own behalf (RFC 6749 §4.4): what it may have, and for whom (RFC 8707)."""

import json
from typing import Any

import pytest

from authrim.crypto import base64url
from tests.support.running import KnownClient, RunningServer

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def ask(
    server: RunningServer, client: KnownClient, *resources: str, **more: str
) -> tuple[int, dict[str, Any]]:
    """A token request; ``resources`` may be several."""
    form = [("grant_type", "client_credentials"), *more.items(), *(("resource", uri) for uri in resources)]
    return await server.post("/token", form, client.basic)


def audience_of(answer: dict[str, Any]) -> Any:
    return json.loads(base64url.decode(answer["access_token"].split(".")[1]))["aud"]


async def test_without_scope_it_gets_all_that_is_registered(server: RunningServer) -> None:
    """RFC 6749 §3.3: the default is the client's own scope, which the answer names; there is no refresh token."""
    service = await server.client("service")
    status, answer = await ask(server, service)
    assert status == 200
    assert set(answer) == {"access_token", "token_type", "expires_in", "scope"}
    assert answer["scope"] == "reports.read reports.write"
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)


async def test_a_scope_narrows_and_never_widens(server: RunningServer) -> None:
    """RFC 6749 §3.3: a part of what is registered is given; more is invalid_scope."""
    service = await server.client("service")
    status, answer = await ask(server, service, scope="reports.read")
    assert (status, answer["scope"]) == (200, "reports.read")
    for scope in ("reports.read admin", "openid", "reports.read  reports.write", "Reports.Read", 'a"b'):
        status, answer = await ask(server, service, scope=scope)
        assert (status, answer["error"]) == (400, "invalid_scope")


async def test_an_empty_allow_list_allows_nothing(server: RunningServer) -> None:
    """A client without a scope of its own, or with a person's alone, gets none, whatever it asks for."""
    nothing = await server.client("nothing", kind="service", scope=())
    personal = await server.client("personal", kind="service", scope=("openid", "profile", "offline_access"))
    for client in (nothing, personal):
        for scope in ({}, {"scope": "reports.read"}, {"scope": "openid"}):
            status, answer = await ask(server, client, **scope)
            assert (status, answer["error"]) == (400, "invalid_scope")


async def test_the_audience_is_the_resource(server: RunningServer) -> None:
    """RFC 8707 §2.2: the named resources, else the client's default, else the issuer."""
    one, two = "https://one.example/", "https://two.example/api"
    service = await server.client("service", audiences=(one, two), default_audience=two)
    plain = await server.client("plain", kind="service", audiences=(), default_audience=None)
    for client, resources, expected in (
        (service, (), two),
        (service, (one,), one),
        (service, (one, two), [one, two]),
        (service, (one, one), one),
        (service, (server.issuer,), server.issuer),
        (plain, (), server.issuer),
    ):
        status, answer = await ask(server, client, *resources)
        assert (status, audience_of(answer)) == (200, expected)


async def test_another_resource_is_an_invalid_target(server: RunningServer) -> None:
    """RFC 8707 §2: one that is not registered for the client, or is no absolute URI, alone or among others."""
    service = await server.client("service")
    wrong = [
        "https://evil.example/",
        "https://api.example",
        "https://api.example/#f",
        "api",
        "/api",
        "https://api.example/ x",
    ]
    for resource in wrong:
        for resources in ((resource,), ("https://api.example/", resource)):
            status, answer = await ask(server, service, *resources)
            assert (status, answer["error"]) == (400, "invalid_target")


async def test_only_who_is_registered_for_it(server: RunningServer) -> None:
    """RFC 6749 §4.4: public clients never, and others only with the grant type in their registration."""
    web, spa = await server.client("web"), await server.client("spa")
    status, answer = await ask(server, web)
    assert (status, answer["error"]) == (400, "unauthorized_client")
    status, answer = await server.post(
        "/token", {"grant_type": "client_credentials", "client_id": spa.client_id}
    )
    assert (status, answer["error"]) == (400, "unauthorized_client")


async def test_the_grant_type_must_be_known(server: RunningServer) -> None:
    """RFC 6749 §5.2: none is invalid_request, an unknown one unsupported_grant_type."""
    service = await server.client("service")
    for form, error in (
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}, "unsupported_grant_type"),
    ):
        status, answer = await server.post("/token", form, service.basic)
        assert (status, answer["error"]) == (400, error)
