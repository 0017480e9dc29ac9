"""RFC 9728: a client that knows our userinfo endpoint alone finds out where to get a token for it."""

from typing import Any

import aiohttp
import pytest

from authrim.server.app import make_app
from authrim.server.wiring import make_parts
from authrim.store.contract import Store
from authrim.wire.limits import Limits
from authrim.wire.listener import start_site
from tests.support.browser import Browser
from tests.support.ports import free_port
from tests.support.registration import call
from tests.support.running import RunningServer, development_settings, running_server

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

PATH = "/.well-known/oauth-protected-resource/userinfo"


async def document_at(server: RunningServer, url: str) -> dict[str, Any]:
    async with server.http.get(url) as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        document: dict[str, Any] = await answer.json()
        return document


async def test_the_document(server: RunningServer) -> None:
    """RFC 9728 §2: the resource by its own URL, its authorization server, and how a token is sent."""
    document = await document_at(server, server.url(PATH))
    assert document["resource"] == server.url("/userinfo")
    assert document["authorization_servers"] == [server.issuer]
    assert document["jwks_uri"] == server.url("/jwks")
    assert "openid" in document["scopes_supported"]
    assert document["bearer_methods_supported"] == ["header", "body"]
    assert document["dpop_signing_alg_values_supported"]


async def test_every_challenge_leads_there(server: RunningServer, browser: Browser) -> None:
    """RFC 9728 §5.1, §3.3: without a token, with a wrong one, with too little scope; the resource is the URL asked."""
    spa = await server.client("spa", scope=("profile",))
    tokens = await browser.code_flow(spa, scope="profile")
    for token, status in ((None, 401), ("x", 401), (tokens["access_token"], 403)):
        answer = await call(server, "GET", server.url("/userinfo"), token)
        assert answer.status == status
        challenges = answer.headers.getall("WWW-Authenticate")
        assert challenges
        assert all(f'resource_metadata="{server.url(PATH)}"' in challenge for challenge in challenges)
    assert (await document_at(server, server.url(PATH)))["resource"] == server.url("/userinfo")


async def test_its_name_can_be_asked_for(server: RunningServer, browser: Browser) -> None:
    """RFC 8707 §2, RFC 9728 §7.4: a token for the resource that the document names, and userinfo takes it."""
    web = await server.client()
    tokens = await browser.code_flow(web, scope="openid", resource=server.url("/userinfo"))
    assert (await call(server, "GET", server.url("/userinfo"), tokens["access_token"])).status == 200


async def test_an_issuer_with_a_path(store: Store) -> None:
    """RFC 9728 §3.1: the well-known path stands before the issuer's path and the resource's own."""
    port = free_port()
    settings = development_settings(port, issuer=f"http://localhost:{port}/tenant")
    parts = await make_parts(settings, store)
    limits = Limits()
    running = await start_site(make_app(parts, limits), "localhost", port, limits=limits)
    try:
        async with aiohttp.ClientSession() as http:
            address = f"http://localhost:{port}/.well-known/oauth-protected-resource/tenant/userinfo"
            async with http.get(address) as answer:
                assert (await answer.json())["resource"] == f"{settings.issuer}/userinfo"
            async with http.get(f"{settings.issuer}/userinfo") as answer:
                assert f'resource_metadata="{address}"' in answer.headers["WWW-Authenticate"]
    finally:
        await running.stop(1)


async def test_off_is_off(store: Store) -> None:
    """Switched off, there is no document and no challenge that names it."""
    async with running_server(store, features_off=("protected_resource_metadata",)) as server:
        assert (await call(server, "GET", server.url(PATH))).status == 404
        answer = await call(server, "GET", server.url("/userinfo"))
        assert "resource_metadata" not in answer.headers["WWW-Authenticate"]
