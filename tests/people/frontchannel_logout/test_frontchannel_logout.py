"""Front-channel logout: our page loads each client's own, and then goes on."""

import html
import re
from typing import Any

import pytest

from authrim.clients.records import create_client
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser, BrowserPage
from tests.support.logout import RETURN, STATE, is_logged_in, log_out, logout_client
from tests.support.running import RunningServer, running_server
from tests.support.tokens import verified_claims

one_store = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

OTHER = "https://other.example"


def frames(shown: BrowserPage) -> list[str]:
    return [html.unescape(src) for src in re.findall(r'<iframe src="([^"]*)"', shown.body)]


def policy(shown: BrowserPage) -> list[str]:
    return shown.headers["Content-Security-Policy"].split("; ")


async def two_clients(server: RunningServer) -> tuple[Any, Any]:
    """Two clients with a front-channel page, one with a query of its own."""
    web = await logout_client(
        server, frontchannel_logout_uri="https://rp.example/frontchannel_logout",
        frontchannel_logout_session_required=True,
    )  # fmt: skip
    other = await logout_client(
        server, "post", redirect_uris=(f"{OTHER}:8443/cb",), frontchannel_logout_uri=f"{OTHER}:8443/out?a=b"
    )
    return web, other


@one_store
async def test_discovery(server: RunningServer) -> None:
    """``oidcc-frontchannel-logout-discovery-endpoint-verification``: both members are true."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        document = await answer.json()
    assert document["frontchannel_logout_supported"] is True
    assert document["frontchannel_logout_session_supported"] is True


async def test_every_client_of_the_session_is_told_in_a_frame(
    server: RunningServer, browser: Browser
) -> None:
    """``oidcc-frontchannel-rp-initiated-logout``: a frame a client with ``iss`` and its own ``sid``; then back."""
    web, other = await two_clients(server)
    await logout_client(server, "spa", frontchannel_logout_uri="https://rp.example/never")
    token = (await browser.code_flow(web))["id_token"]
    of_other = await verified_claims(server, (await browser.code_flow(other))["id_token"])
    sid = (await verified_claims(server, token))["sid"]
    assert of_other["sid"] == sid
    shown = await log_out(browser, id_token_hint=token, post_logout_redirect_uri=RETURN, state=STATE)
    assert (shown.status, shown.location) == (200, None)
    issuer = server.issuer.replace(":", "%3A").replace("/", "%2F")
    assert sorted(frames(shown)) == [
        f"{OTHER}:8443/out?a=b&iss={issuer}&sid={sid}",
        f"https://rp.example/frontchannel_logout?iss={issuer}&sid={sid}",
    ]
    assert f"frame-src {OTHER}:8443 https://rp.example" in policy(shown)
    assert "frame-ancestors 'none'" in policy(shown)
    assert f'id="continue" href="{RETURN}?state={STATE}"' in shown.body
    assert f'http-equiv="refresh" content="5;url={RETURN}?state={STATE}"' in shown.body
    assert not await is_logged_in(browser, web)


@one_store
async def test_the_page_of_a_logout_that_goes_nowhere_has_the_frames_too(
    server: RunningServer, browser: Browser
) -> None:
    """Front-Channel Logout 1.0 §3: told are all clients of the session, wherever the browser goes."""
    web, _ = await two_clients(server)
    shown = await log_out(browser, id_token_hint=(await browser.code_flow(web))["id_token"])
    assert "You are logged out" in shown.body
    assert len(frames(shown)) == 1
    assert "<script" not in shown.body


@one_store
async def test_another_session_of_the_same_person_is_not_touched(server: RunningServer) -> None:
    """§3: a ``sid`` names one browser's session; the person's other browsers stay logged in."""
    web, other = await two_clients(server)
    here, there = Browser(server), Browser(server)
    token = (await here.code_flow(web))["id_token"]
    await there.code_flow(other)
    assert len(frames(await log_out(here, id_token_hint=token))) == 1
    assert await is_logged_in(there, other)


@one_store
@pytest.mark.parametrize(
    "uri",
    [
        "https://elsewhere.example/out",
        "https://rp.example:8443/out",
        "http://rp.example/out",
        "https://rp.example/out#now",
        "javascript:alert(1)",
    ],
)
async def test_the_page_is_of_a_redirect_uris_origin(server: RunningServer, uri: str) -> None:
    """§2: scheme, host and port MUST be those of a registered redirect URI."""
    metadata = ClientMetadata(redirect_uris=("https://rp.example/cb",), frontchannel_logout_uri=uri)
    refused = await create_client(server.core.store, DEFAULT_TENANT, metadata)
    assert isinstance(refused, Refusal)
    assert (refused.error, refused.description.split()[0]) == (
        "invalid_client_metadata", "frontchannel_logout_uri",
    )  # fmt: skip


@one_store
async def test_what_is_off_leaves_nothing(store: Any) -> None:
    """Switched off, there is no metadata and no frame."""
    async with running_server(store, features_off=("frontchannel_logout",)) as server:
        web, _ = await two_clients(server)
        browser = Browser(server)
        async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
            assert "frontchannel_logout_supported" not in await answer.json()
        token = (await browser.code_flow(web))["id_token"]
        assert (
            await log_out(browser, id_token_hint=token, post_logout_redirect_uri=RETURN)
        ).location == RETURN
