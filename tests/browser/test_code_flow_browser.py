"""The code flow in a real browser: from the client's link through sign-in and consent back to the client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page

from authrim.store.contract import Store
from tests.support.accounts import add_account
from tests.support.browser import authorization_query, redeem
from tests.support.patience import PATIENCE
from tests.support.running import KnownClient, RunningServer, running_server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["with-javascript", "without-javascript"])


@dataclass
class ClientSite:
    """The client's own web site: a callback page that keeps what it was sent."""

    callback_url: str = ""
    received: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    async def callback(self, request: web.Request) -> web.Response:
        form = await request.post()
        sent = {name: str(value) for name, value in (form or request.query).items()}
        self.received.append((request.method, sent))
        return web.Response(
            text="<!doctype html><title>Client</title><h1>Back</h1>", content_type="text/html"
        )


@pytest_asyncio.fixture(loop_scope="module")
async def site() -> AsyncIterator[ClientSite]:
    """The client's site, on a port of its own."""
    site = ClientSite()
    app = web.Application()
    app.router.add_route("*", "/callback", site.callback)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "localhost", 0).start()
    site.callback_url = f"http://localhost:{runner.addresses[0][1]}/callback"
    yield site
    await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="module")
async def client(server: RunningServer, site: ClientSite) -> KnownClient:
    """The client that the site belongs to."""
    return await server.client("web", redirect_uris=(site.callback_url,))


@asynccontextmanager
async def a_context(browser: Browser, **options: Any) -> AsyncIterator[BrowserContext]:
    """A browser that has never been here."""
    async with await browser.new_context(**options) as context:
        context.set_default_timeout(PATIENCE * 1000)
        yield context


async def follow_link(page: Page, server: RunningServer, client: KnownClient, **parameters: Any) -> str:
    """Go where the client sends the browser; the verifier of the request."""
    verifier, query = authorization_query(client, scope="openid profile email", **parameters)
    await page.goto(server.url("/authorize?") + urlencode(query))
    return verifier


async def arrive(page: Page, address: str) -> None:
    """Wait until the browser shows what is at ``address``."""
    await page.wait_for_url(lambda now: now.startswith(address))


async def sign_in(page: Page, server: RunningServer) -> None:
    await page.get_by_label("Sign-in name").fill(server.login)
    await page.get_by_label("Password").fill(server.password)
    await page.click("#login-submit")


@SCRIPTS
async def test_a_person_signs_in_and_comes_back(
    started_chromium: Browser, server: RunningServer, client: KnownClient, site: ClientSite, scripts: bool
) -> None:
    """``oidcc-server`` in Chromium: sign in, agree, back with a code; the next time no page is shown."""
    async with a_context(started_chromium, java_script_enabled=scripts) as context:
        page = await context.new_page()
        verifier = await follow_link(page, server, client)
        await arrive(page, server.url("/login/"))
        await sign_in(page, server)
        await arrive(page, server.url("/consent/"))
        assert await page.get_by_role("listitem").count() == 3
        await page.click("#consent-submit")
        await arrive(page, site.callback_url)
        again = await follow_link(page, server, client, state="again")

    (first_method, first), (_, second) = site.received
    assert first_method == "GET"
    assert (first["state"], first["iss"]) == ("a-state", server.issuer)
    assert second["state"] == "again"
    for answer, proof in ((first, verifier), (second, again)):
        status, _ = await redeem(server, client, answer["code"], proof)
        assert status == 200


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
@SCRIPTS
async def test_somebody_else_answers(
    started_chromium: Browser, server: RunningServer, client: KnownClient, site: ClientSite, scripts: bool
) -> None:
    """A239: "Not you?" in Chromium: the second person signs in for the same request, is named, and comes back."""
    await add_account(server, "bob")
    async with a_context(started_chromium, java_script_enabled=scripts) as context:
        page = await context.new_page()
        await follow_link(page, server, client)
        await sign_in(page, server)
        await page.get_by_role("button", name="Not you?").click()
        await arrive(page, server.url("/login/"))
        assert await page.get_by_label("Sign-in name").input_value() == ""
        await page.get_by_label("Sign-in name").fill("bob")
        await page.locator("#password").fill(server.password)
        await page.click("#login-submit")
        await arrive(page, server.url("/consent/"))
        await page.click("#consent-submit")
        await arrive(page, site.callback_url)
    ((_, answer),) = site.received
    assert "code" in answer


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_a_person_makes_an_account_and_comes_back(
    started_chromium: Browser, store: Store, site: ClientSite
) -> None:
    """``prompt=create`` in Chromium without JavaScript: the form's own redirect reaches a client that nobody is asked
    about, past the page's policy."""
    async with running_server(store, self_registration=True) as server:
        client = await server.client("web", redirect_uris=(site.callback_url,), skip_consent=True)
        async with a_context(started_chromium, java_script_enabled=False) as context:
            page = await context.new_page()
            verifier = await follow_link(page, server, client, prompt="create", login_hint="bob")
            await arrive(page, server.url("/create-account/"))
            await page.fill("#password", "pass phrase")
            await page.fill("#password-repeated", "pass phrase")
            await page.click("#create-submit")
            await arrive(page, site.callback_url)
        [(_, answer)] = site.received
        status, _ = await redeem(server, client, answer["code"], verifier)
        assert status == 200


async def test_no_script_reads_our_cookies(
    started_chromium: Browser, server: RunningServer, client: KnownClient, site: ClientSite
) -> None:
    """Decisions 28: every cookie is HttpOnly and SameSite=Lax, and the request's own goes when it ends; but for the two
    of our frame in clients' pages, of which its script reads the one that holds no secret."""
    async with a_context(started_chromium) as context:
        page = await context.new_page()
        await follow_link(page, server, client)
        during = await context.cookies(server.issuer)
        assert await page.evaluate("document.cookie") == ""
        await sign_in(page, server)
        await page.click("#consent-submit")
        await arrive(page, site.callback_url)
        afterwards = await context.cookies(server.issuer)
    assert [cookie["name"].startswith("authrim-request-") for cookie in during] == [True]
    kept = {cookie["name"]: cookie for cookie in afterwards}
    of_ours_alone = ("authrim-session", "authrim-known-browser")
    assert kept.keys() == {*of_ours_alone, "authrim-browser-state", "authrim-watchers"}
    for cookie in (*during, *(kept[name] for name in of_ours_alone)):
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
    for name, http_only in (("authrim-browser-state", False), ("authrim-watchers", True)):
        cookie = kept[name]
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (http_only, "None", True)


@SCRIPTS
async def test_form_post_brings_the_answer_in_a_body(
    started_chromium: Browser, server: RunningServer, client: KnownClient, site: ClientSite, scripts: bool
) -> None:
    """Form Post Response Mode: by script at once, without scripts by the button that is there."""
    async with a_context(started_chromium, java_script_enabled=scripts) as context:
        page = await context.new_page()
        verifier = await follow_link(page, server, client, response_mode="form_post")
        await sign_in(page, server)
        await page.click("#consent-submit")
        if not scripts:
            await page.get_by_role("button", name="Continue").click()
        await arrive(page, site.callback_url)
    [(method, answer)] = site.received
    assert method == "POST"
    assert answer["iss"] == server.issuer
    status, _ = await redeem(server, client, answer["code"], verifier)
    assert status == 200


@pytest.mark.parametrize("page_name", ["login", "consent"])
async def test_who_cancels_comes_back_with_access_denied(
    started_chromium: Browser, server: RunningServer, client: KnownClient, site: ClientSite, page_name: str
) -> None:
    """RFC 6749 §4.1.2.1: cancel is an answer to the client, on either page, without filling anything in."""
    async with a_context(started_chromium, java_script_enabled=False) as context:
        page = await context.new_page()
        await follow_link(page, server, client)
        if page_name == "consent":
            await sign_in(page, server)
        await arrive(page, server.url(f"/{page_name}/"))
        await page.click("#cancel")
        await arrive(page, site.callback_url)
    [(_, answer)] = site.received
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "a-state", server.issuer)
    assert "code" not in answer


async def test_a182_a_wrong_password_is_told_and_can_be_corrected(
    started_chromium: Browser, server: RunningServer, client: KnownClient, site: ClientSite
) -> None:
    """A182: the message names no part, the name stays, the password does not, and the next try works."""
    async with a_context(started_chromium, java_script_enabled=False) as context:
        page = await context.new_page()
        await follow_link(page, server, client)
        await page.fill("#login", server.login)
        await page.fill("#password", "not the password")
        await page.click("#login-submit")
        assert "The sign-in name or the password is wrong." in await page.get_by_role("alert").inner_text()
        assert await page.input_value("#login") == server.login
        assert await page.input_value("#password") == ""
        await page.fill("#password", server.password)
        await page.click("#login-submit")
        await page.click("#consent-submit")
        await arrive(page, site.callback_url)
    assert "code" in site.received[0][1]
