"""A241: the links of the page after a logout, and of a sign-in that cannot go on, over real HTTP."""

import re
from html import unescape
from urllib.parse import urlencode

import pytest

from authrim.clients.records import disable_client
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser, BrowserPage
from tests.support.registration import as_known, registered
from tests.support.running import RunningServer

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

LOGIN, HOME = "https://rp.example/login", "https://rp.example/"


async def log_out(browser: Browser, action: str = "logout", **parameters: str) -> BrowserPage:
    """Ask for a logout, and answer the question when there is one."""
    page = await browser.request("GET", browser.server.url("/logout?") + urlencode(parameters))
    if "logout-yes" in page.body:
        page = await browser.submit(page, action=action)
    assert (page.status, page.location) == (200, None)
    return page


def links(page: BrowserPage) -> list[str]:
    """Where the page's buttons lead."""
    return [
        unescape(link) for link in re.findall(r'class="button[^"]*" id="[^"]*" href="([^"]+)"', page.body)
    ]


@pytest.mark.parametrize("action", ["logout", "cancel"])
async def test_the_page_leads_on_to_the_application(
    server: RunningServer, browser: Browser, action: str
) -> None:
    """A241: the sign-in that the client registered, with the issuer, and its own page; whether the person logged out or
    stayed, and in their language. Without a client, or with one that has no addresses, there is no link."""
    client = await server.client("web", initiate_login_uri=LOGIN, client_uri=HOME)
    begins = f"{LOGIN}?iss=" + server.issuer.replace(":", "%3A").replace("/", "%2F")
    page = await log_out(browser, action, client_id=client.client_id, ui_locales="de")
    assert links(page) == [begins, HOME]
    assert "Wieder anmelden bei rp.example" in page.body
    assert "form-action 'none'" in page.headers["Content-Security-Policy"]
    assert links(await log_out(browser, action)) == []
    plain = await server.client("plain", kind="web")
    assert links(await log_out(browser, action, client_id=plain.client_id)) == []


async def test_only_the_registration_says_where_a_link_leads(server: RunningServer, browser: Browser) -> None:
    """A241: a parameter chooses no link; a forged hint, and a disabled client give none."""
    client = await server.client("web", client_uri=HOME)
    asked = {"client_id": client.client_id}
    evil = {
        "client_uri": "https://evil.example/",
        "initiate_login_uri": "https://evil.example/",
        "post_logout_redirect_uri": "https://evil.example/",
        "state": "https://evil.example/",
    }
    page = await log_out(browser, **asked, **evil)
    assert links(page) == [HOME]
    assert 'href="https://evil' not in page.body
    assert links(await log_out(browser, **asked, id_token_hint="e30.e30.e30")) == []
    await disable_client(server.core.store, DEFAULT_TENANT, client.client_id, "test")
    await server.core.configuration.catch_up()
    assert links(await log_out(browser, **asked)) == []


async def test_a_stranger_has_to_show_an_id_token(server: RunningServer, browser: Browser) -> None:
    """A241: the id of a client that registered itself is everybody's to put into a link to us: it gives no link, and an
    ID token of the client does."""
    stranger = as_known(await registered(server, client_name="Bank", client_uri=HOME))
    tokens = await browser.code_flow(stranger)
    assert links(await log_out(Browser(server), client_id=stranger.client_id)) == []
    assert links(await log_out(browser, id_token_hint=tokens["id_token"])) == [HOME]


async def test_a_dead_end_offers_no_address_that_anybody_may_have_registered(server: RunningServer) -> None:
    """A241: anybody can open a request of a client that registered itself, and send its address to somebody else; of
    such a client, and of one that was disabled, the page of another browser has no link."""
    html = {"Accept": "text/html"}
    own = await registered(server, initiate_login_uri=LOGIN, client_uri=HOME)
    begun, _ = await Browser(server).authorize(as_known(own))
    shown = await Browser(server).request("GET", begun.url, headers=html)
    assert (shown.status, "rp.example" in shown.body) == (400, False)
    client = await server.client("web", initiate_login_uri=LOGIN, client_uri=HOME)
    begun, _ = await Browser(server).authorize(client)
    assert LOGIN in (await Browser(server).request("GET", begun.url, headers=html)).body
    await disable_client(server.core.store, DEFAULT_TENANT, client.client_id, "test")
    await server.core.configuration.catch_up()
    shown = await Browser(server).request("GET", begun.url, headers=html)
    assert (shown.status, "rp.example" in shown.body) == (400, False)
