"""A click too many, in a real browser over a slow network: it agrees to nothing, and it is no dead end."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import pytest
from playwright.async_api import Browser, Page

from authrim.store.contract import Store
from tests.support.browser import authorization_query
from tests.support.running import KnownClient, RunningServer, running_server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("store_place", ["sqlite"], indirect=True),
]

SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["with-javascript", "without-javascript"])


@asynccontextmanager
async def a_page(browser: Browser, latency: int, scripts: bool) -> AsyncIterator[Page]:
    """A page of a browser whose every answer takes ``latency`` milliseconds longer."""
    async with await browser.new_context(java_script_enabled=scripts) as context:
        page = await context.new_page()
        session = await context.new_cdp_session(page)
        await session.send("Network.enable")
        slow = {"offline": False, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1}
        await session.send("Network.emulateNetworkConditions", slow)
        yield page


async def begin(page: Page, server: RunningServer, client: KnownClient) -> tuple[float, float]:
    """The sign-in page, filled in; the middle of its button."""
    _, query = authorization_query(client)
    await page.goto(server.url("/authorize?") + urlencode(query))
    await page.fill("#login", server.login)
    await page.fill("#password", server.password)
    box = await page.locator("#login-submit").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def click_for_a_second(page: Page, x: float, y: float, pause: float) -> None:
    """Click again and again on one place, the last time just before a second is over."""
    began = time.monotonic()
    while time.monotonic() - began < 0.95 - pause:
        await page.mouse.click(x, y)
        await asyncio.sleep(pause)


@SCRIPTS
@pytest.mark.parametrize("latency", [0, 150])
async def test_no_click_within_a_second_of_the_sign_in_answers_the_consent_page(
    started_chromium: Browser, store: Store, latency: int, scripts: bool
) -> None:
    """RFC 6749 §10.13, RFC 9700 §4.16: whoever clicks on for a second is on the consent page, and nothing is
    agreed to or refused."""
    async with running_server(store, consent_pause=1500) as server:
        client = await server.client("web")
        async with a_page(started_chromium, latency, scripts) as page:
            for pause in (0.05, 0.3):
                x, y = await begin(page, server, client)
                await click_for_a_second(page, x, y, pause)
                await page.wait_for_selector("#consent-submit")
                types = [event.type for event in await store.read_log(0, 1000)]
                assert "grant.subject_authenticated.v1" in types
                assert "grant.code_issued.v1" not in types
                if path := os.environ.get("SCREENSHOTS"):
                    await page.screenshot(path=f"{path}/consent-{latency}-{scripts}-{pause}.png")
                await page.context.clear_cookies()


@SCRIPTS
async def test_an_impatient_second_click_leads_on(
    started_chromium: Browser, store: Store, scripts: bool
) -> None:
    """A second click during a slow answer ends where the first one led: at the application."""
    async with running_server(store, consent_pause=1500) as server:
        client = await server.client("web", skip_consent=True)
        async with a_page(started_chromium, 150, scripts) as page:
            for pause in (0.03, 0.1, 0.2):
                x, y = await begin(page, server, client)
                await page.mouse.click(x, y)
                await asyncio.sleep(pause)
                await page.mouse.click(x, y)
                await asyncio.sleep(1.5)
                assert "code=" in page.url or page.url.startswith("chrome-error:"), page.url
                assert "does not belong" not in await page.content()
                await page.context.clear_cookies()
