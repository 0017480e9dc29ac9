"""Logout in a real browser: the question, the frames, and a single-page app that watches its session."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page

from tests.browser.logout_site import LogoutSite, logout_site
from tests.support.patience import PATIENCE
from tests.support.running import KnownClient, RunningServer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("store_place", ["sqlite"], indirect=True),
]


@pytest_asyncio.fixture(loop_scope="module")
async def site(server: RunningServer) -> AsyncIterator[LogoutSite]:
    """The client's site, which knows its server."""
    async with logout_site() as serving:
        serving.issuer = server.issuer
        yield serving


@pytest_asyncio.fixture(loop_scope="module")
async def client(server: RunningServer, site: LogoutSite) -> KnownClient:
    """The single-page app."""
    made = await server.client(
        "spa",
        redirect_uris=(f"{site.url}/app", f"{site.url}/silent"),
        post_logout_redirect_uris=(f"{site.url}/back",),
        frontchannel_logout_uri=f"{site.url}/frontchannel_logout",
        skip_consent=True,
    )
    site.client_id = made.client_id
    return made


@pytest_asyncio.fixture(loop_scope="module")
async def context(started_chromium: Browser) -> AsyncIterator[BrowserContext]:
    """A browser that has never been here."""
    async with await started_chromium.new_context() as made:
        made.set_default_timeout(PATIENCE * 1000)
        yield made


async def titled(page: Page, title: str) -> None:
    await page.wait_for_function("(title) => document.title === title", arg=title)


async def signed_in_app(context: BrowserContext, server: RunningServer, site: LogoutSite) -> Page:
    """The app, with the person signed in."""
    page = await context.new_page()
    await page.goto(f"{site.url}/app")
    await titled(page, "nobody")
    await page.evaluate("void manager.signinRedirect()")
    await page.get_by_label("Sign-in name").fill(server.login)
    await page.get_by_label("Password").fill(server.password)
    await page.click("#login-submit")
    await titled(page, "signed in")
    return page


async def test_oidc_client_ts_sees_the_logout(
    server: RunningServer, client: KnownClient, site: LogoutSite, context: BrowserContext
) -> None:
    """``oidcc-session-management-rp-initiated-logout`` with oidc-client-ts: "unchanged" again and again across
    origins, then "changed" after a logout in another tab, and the app signs its user out."""
    app = await signed_in_app(context, server, site)
    await app.wait_for_function("said.length >= 2")
    assert set(await app.evaluate("said")) == {"unchanged"}
    tab = await context.new_page()
    await tab.goto(server.url("/logout"))
    await tab.click("#logout-yes")
    assert "You are logged out" in await tab.inner_text("body")
    await titled(app, "signed out")
    assert "changed" in await app.evaluate("said")


async def test_oidc_client_ts_logs_out_through_the_frames(
    server: RunningServer, client: KnownClient, site: LogoutSite, context: BrowserContext
) -> None:
    """``oidcc-frontchannel-rp-initiated-logout`` with oidc-client-ts: the frame is loaded with ``iss`` and ``sid``
    before the browser comes back."""
    app = await signed_in_app(context, server, site)
    sid = await app.evaluate("manager.getUser().then((user) => user.profile.sid)")
    await app.evaluate(f"void manager.signoutRedirect({{post_logout_redirect_uri: '{site.url}/back'}})")
    await titled(app, "back")
    assert site.framed == [{"iss": server.issuer, "sid": sid}]


async def test_a_frame_that_hangs_holds_nobody_up(
    server: RunningServer, client: KnownClient, site: LogoutSite, context: BrowserContext
) -> None:
    """Front-Channel Logout 1.0 §4: a client that does not answer delays the way back by seconds, not forever."""
    site.hangs = asyncio.Event()
    app = await signed_in_app(context, server, site)
    await app.evaluate(f"void manager.signoutRedirect({{post_logout_redirect_uri: '{site.url}/back'}})")
    await titled(app, "back")
    site.hangs.set()
    assert len(site.framed) == 1


async def test_the_question_without_javascript(
    server: RunningServer, client: KnownClient, site: LogoutSite, context: BrowserContext
) -> None:
    """§2: the page asks, its button logs out, and without scripts a link leads on."""
    await signed_in_app(context, server, site)
    state = await context.storage_state()
    assert context.browser is not None
    plain = await context.browser.new_context(java_script_enabled=False, storage_state=state)
    page = await plain.new_page()
    query = {"client_id": client.client_id, "post_logout_redirect_uri": f"{site.url}/back", "state": "s"}
    await page.goto(server.url("/logout?") + urlencode(query))
    assert await page.get_by_role("heading", level=1).inner_text() == "Do you want to log out?"
    await page.click("#logout-yes")
    await page.click("#continue")
    await page.wait_for_url(f"{site.url}/back?state=s")
