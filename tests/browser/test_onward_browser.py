"""A client that sends the browser on from its callback: Chromium holds that to the policy of our page (decisions.md 28,
docs/designs/0020)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web
from playwright.async_api import Browser

from tests.support.browser import authorization_query
from tests.support.certificates import Authority
from tests.support.patience import PATIENCE
from tests.support.running import RunningServer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("store_place", ["sqlite"], indirect=True),
]


class Callback:
    """A client's callback, which leads on to ``onward``; there a page shows that the person has arrived."""

    def __init__(self, onward: str) -> None:
        self.onward = onward
        self.uri = ""

    async def lead_on(self, request: web.Request) -> web.Response:
        await request.post()
        return web.Response(status=303, headers={"Location": self.onward})


@asynccontextmanager
async def callback(onward: str, context: ssl.SSLContext | None) -> AsyncIterator[Callback]:
    """``onward`` may have a place for the port of the server that answers there."""

    async def arrived(_request: web.Request) -> web.Response:
        return web.Response(text="arrived")

    made = Callback(onward)
    app = web.Application()
    app.add_routes([web.route("*", "/callback", made.lead_on), web.get("/arrived", arrived)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 0, ssl_context=context).start()
    await web.TCPSite(runner, "0.0.0.0", 0).start()
    ports = [address[1] for address in runner.addresses]
    made.onward = onward.format(tls=ports[0], plain=ports[1])
    made.uri = f"{'https' if context else 'http'}://localhost:{ports[0]}/callback"
    yield made
    await runner.cleanup()


def tls(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*Authority("CN=Test").server().write(folder, "client"))
    return context


async def lead_there(
    browser: Browser, server: RunningServer, place: Callback, mode: str, last_page: str, **client: Any
) -> tuple[list[str], list[str]]:
    """Sign in, and agree on the consent page unless it is skipped: what was asked for, and what the browser said, by
    the time that it has arrived or has given up."""
    known = await server.client(
        "web", redirect_uris=(place.uri,), skip_consent=last_page == "login", **client
    )
    _, query = authorization_query(known, response_mode=mode)
    asked: list[str] = []
    said: list[str] = []
    async with await browser.new_context(ignore_https_errors=True) as context:
        page = await context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        await page.goto(server.url("/authorize?") + urlencode(query))
        await page.fill("#login", server.login)
        await page.fill("#password", server.password)
        await page.click("#login-submit")
        if last_page == "consent":
            await page.click("#consent-submit")
        until = monotonic() + PATIENCE
        while place.onward not in asked and not any("form-action" in text for text in said):
            assert monotonic() < until, (asked, said)
            await asyncio.sleep(0.05)
        if place.onward.startswith("http") and place.onward in asked:
            await page.get_by_text("arrived").wait_for()
    return asked, said


ONWARD = [
    "https://127.0.0.2:{tls}/arrived",
    "http://127.0.0.3:{plain}/arrived",
    "myapp://arrived",
    "vscode:/cb",
]
WAYS = [("query", "consent"), ("fragment", "login"), ("form_post", "consent"), ("form_post.jwt", "login")]


@pytest.mark.parametrize("onward", ONWARD)
@pytest.mark.parametrize(("mode", "last_page"), WAYS)
async def test_the_client_may_lead_on(
    started_chromium: Browser, server: RunningServer, tmp_path: Path, mode: str, last_page: str, onward: str
) -> None:
    """Whichever page of ours was the last, and however the answer travels: the person arrives behind the callback, at
    another host, in an intranet without TLS, or in an app."""
    async with callback(onward, tls(tmp_path)) as place:
        asked, said = await lead_there(started_chromium, server, place, mode, last_page)
        assert place.onward in asked, said


@pytest.mark.parametrize("onward", ONWARD[1:])
async def test_a_tool_on_the_machine_may_lead_on(
    started_chromium: Browser, server: RunningServer, onward: str
) -> None:
    """RFC 8252 §7.3: from a loopback callback the browser may go on to the editor that began, or to a page."""
    async with callback(onward, None) as place:
        asked, said = await lead_there(
            started_chromium, server, place, "query", "consent", application_type="native"
        )
        assert place.onward in asked, said
