"""A client that sends the browser on from its callback: Chromium holds that to the policy of our page (decisions.md 28,
docs/designs/0008)."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from aiohttp import web

from tests.browser.chromium import chromium
from tests.support.browser import authorization_query
from tests.support.certificates import Authority
from tests.support.running import RunningServer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("store_place", ["sqlite"], indirect=True),
]


@pytest.fixture
async def callback(tmp_path: Path) -> AsyncIterator[str]:
    """A callback over TLS that leads on to another origin, which shows that the person has arrived."""

    async def lead_on(request: web.Request) -> web.Response:
        await request.post()
        raise web.HTTPSeeOther(f"https://127.0.0.2:{request.url.port}/arrived")

    async def arrived(_request: web.Request) -> web.Response:
        return web.Response(text="arrived")

    app = web.Application()
    app.add_routes([web.route("*", "/callback", lead_on), web.get("/arrived", arrived)])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*Authority("CN=Test").server().write(tmp_path, "client"))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 0, ssl_context=context).start()
    yield f"https://localhost:{runner.addresses[0][1]}/callback"
    await runner.cleanup()


@pytest.mark.parametrize(
    ("mode", "last_page"),
    [("query", "consent"), ("fragment", "login"), ("form_post", "consent"), ("form_post.jwt", "login")],
)
async def test_the_client_may_lead_on(
    server: RunningServer, callback: str, mode: str, last_page: str
) -> None:
    """Whichever page of ours was the last, and however the answer travels: the person arrives behind the callback."""
    client = await server.client("web", redirect_uris=(callback,), skip_consent=last_page == "login")
    _, query = authorization_query(client, response_mode=mode)
    async with chromium() as browser:
        page = await browser.new_page(ignore_https_errors=True)
        page.set_default_timeout(10_000)
        await page.goto(server.url("/authorize?") + urlencode(query))
        await page.fill("#login", server.login)
        await page.fill("#password", server.password)
        await page.click("#login-submit")
        if last_page == "consent":
            await page.click("#consent-submit")
        await page.get_by_text("arrived").wait_for()
