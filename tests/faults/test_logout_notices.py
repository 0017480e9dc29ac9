"""Logouts among several processes: seen on each at once, and told to the clients whoever dies (F22)."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from joserfc.jws import extract_compact

from authrim.store import codec
from authrim.store.opening import open_store
from domain.person.session_events import BackChannelLogoutDelivered
from domain.stream import DEFAULT_TENANT, SESSION, session_stream
from tests.faults.processes import Site, site
from tests.support.browser import Browser
from tests.support.https_site import Authority, serving_site
from tests.support.logout import log_out
from tests.support.logout_receiver import PATH, tokens_at, until
from tests.support.nodes import another_node
from tests.support.patience import PATIENCE
from tests.support.running import RunningServer


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client without cookies of its own."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def test_a_logout_on_one_node_is_seen_on_another(server: RunningServer, browser: Browser) -> None:
    """A188: the next request at any node finds nobody signed in, whatever it remembers."""
    web_client = await server.client("web")
    tokens = await browser.code_flow(web_client)
    async with another_node(server) as other:
        elsewhere = Browser(other)
        elsewhere.cookies |= browser.cookies
        shown, _ = await elsewhere.authorize(web_client, prompt="none")
        assert "code" in shown.parameters
        await log_out(browser, id_token_hint=tokens["id_token"])
        shown, _ = await elsewhere.authorize(web_client, prompt="none")
        assert shown.parameters["error"] == "login_required"
        _, answer = await other.post("/introspect", {"token": tokens["access_token"]}, web_client.basic)
        assert answer == {"active": False}


async def test_f22_no_logout_is_lost_with_the_process_that_tells_of_it(
    store_place: Path | str, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """F22: ``kill -9`` while the client's endpoint is being posted to: another process tells it, same ``jti``."""
    authority = Authority(tmp_path)
    settings = {
        "egress_allow": ["localhost"],
        "egress_ca_file": str(authority.ca_file),
        "egress_timeout_seconds": 1,
        "background": "auto",
    }
    async with serving_site(authority) as receiver:
        hangs = asyncio.Event()

        async def answer(_request: web.Request) -> web.StreamResponse:
            if receiver.asked(PATH) == 1:
                await hangs.wait()
            return web.Response()

        receiver.answers[PATH] = answer
        changes: dict[str, Any] = {"backchannel_logout_uri": receiver.url(PATH)}
        async with site(store_place, tmp_path, 1, settings, **changes) as place:
            browser = Browser(place.as_running(http))
            tokens = await browser.code_flow(place.clients["web"])
            await log_out(browser, id_token_hint=tokens["id_token"])
            await until(lambda: receiver.asked(PATH) == 1)
            await place.servers[0].kill()
            hangs.set()
            await place.servers[0].start()
            await until(lambda: receiver.asked(PATH) == 2, 30)
            claims = [json.loads(extract_compact(one.encode()).payload) for one in tokens_at(receiver)]
            assert claims[0]["jti"] == claims[1]["jti"]
            await until_recorded(place, claims[0]["sid"])


async def until_recorded(place: Site, session_id: str) -> None:
    """Wait until the log says that the client was told."""
    store = open_store(place.settings)
    await store.open()
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                read = await store.read_stream(session_stream(DEFAULT_TENANT, session_id))
                events = codec.decode_stream(SESSION, read)
                if any(isinstance(event, BackChannelLogoutDelivered) for event in events):
                    return
                await asyncio.sleep(0.1)
    finally:
        await store.close()
