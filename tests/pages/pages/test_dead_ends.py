"""A sign-in that cannot go on: each cause is told apart, and each page leads on."""

import re
from html import unescape

import msgspec
import pytest

from authrim.core.execute import Change, Outcome
from authrim.core.origin import Origin
from domain.stream import DEFAULT_TENANT, grant_stream
from tests.support.browser import Browser, BrowserPage
from tests.support.log import reason_of
from tests.support.running import KnownClient, RunningServer

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

HTML = {"Accept": "text/html,*/*;q=0.8"}
CLIENT = {
    "kind": "web",
    "initiate_login_uri": "https://rp.example/login?a=1",
    "client_uri": "https://rp.example/",
}


@pytest.fixture
async def web(server: RunningServer) -> KnownClient:
    """A client that says where a sign-in begins."""
    return await server.client("app", **CLIENT)


def way_on(shown: BrowserPage) -> str:
    """Where the page's link leads."""
    link = re.search(r'id="way-on" href="([^"]+)"', shown.body)
    return unescape(link[1]) if link else ""


async def told(server: RunningServer, shown: BrowserPage, words: str) -> str:
    """The reason in the log, of a page without a redirect that has these words."""
    assert (shown.status, shown.location) == (400, None)
    assert words in unescape(shown.body), shown.body
    return await reason_of(server, shown.headers["Authrim-Error-Id"])


async def test_another_browser(server: RunningServer, browser: Browser, web: KnownClient) -> None:
    """A link to a sign-in that was begun elsewhere says so and leads to the application's own beginning, with the
    issuer (OIDC Core §4); the browser kept the probe's cookie, so cookies are not the cause."""
    begun, _ = await browser.authorize(web)
    other = await Browser(server).request("GET", begun.url, headers=HTML)
    assert await told(server, other, "another browser") == "interaction_not_of_browser"
    assert way_on(other).startswith("https://rp.example/login?a=1&iss=http%3A%2F%2Flocalhost%3A")


async def test_a_browser_without_cookies(server: RunningServer, web: KnownClient) -> None:
    """Where a cookie that was set does not come back, the page says that cookies are off, and asks to allow them."""
    begun, _ = await Browser(server).authorize(web)
    url = begun.url
    for _ in range(5):
        async with server.http.get(url, headers=HTML, allow_redirects=False) as answer:
            location, shown = answer.headers.get("Location"), BrowserPage(
                answer.status, url, await answer.text(), answer.headers
            )  # fmt: skip
        if location is None:
            break
        url = location
    assert await told(server, shown, "keeps no cookies") == "interaction_without_cookies"
    assert way_on(shown).startswith("https://rp.example/login?")


async def test_finished(server: RunningServer, browser: Browser, web: KnownClient) -> None:
    """The page of a sign-in that was answered, in another tab or long ago, says that it is finished."""
    begun, _ = await browser.authorize(web)
    assert "code" in (await browser.through_pages(begun)).parameters
    for url in (
        begun.url,
        begun.url.replace("/login/", "/consent/"),
        begun.url.replace("/login/", "/authorize/"),
    ):
        shown = await browser.request("GET", url, headers=HTML)
        assert await told(server, shown, "is finished") == "interaction_done"
        assert way_on(shown).startswith("https://rp.example/login?")


async def test_open_too_long(server: RunningServer, browser: Browser) -> None:
    """A sign-in beyond its time says so, and leads to the application's page when it registered no other."""
    home = await server.client("home", kind="web", client_uri="https://rp.example/home")
    begun, _ = await browser.authorize(home)
    executor, old = server.core.executor, "0" * 31 + "1"
    asked = (await executor.read_grant(DEFAULT_TENANT, begun.url.rpartition("/")[2])).grant.request
    assert asked is not None
    stream, late = grant_stream(DEFAULT_TENANT, old), msgspec.structs.replace(asked, expires_at=1)

    async def attempt() -> Outcome[None]:
        return Outcome(None, (Change(stream, 0, (late,)),))

    await executor.until_it_fits(Origin(DEFAULT_TENANT), attempt, stream)
    shown = await browser.request("GET", server.url(f"/login/{old}"), headers=HTML)
    assert await told(server, shown, "open too long") == "interaction_expired"
    assert way_on(shown) == "https://rp.example/home"


async def test_no_sign_in_there(server: RunningServer, browser: Browser) -> None:
    """An address of no sign-in says so: there is nothing to lead to."""
    shown = await browser.request("GET", server.url("/login/" + "0" * 32), headers=HTML)
    assert await told(server, shown, "no sign-in at this address") == "interaction_unknown"
    assert way_on(shown) == ""


async def test_logged_out_meanwhile(server: RunningServer, browser: Browser, web: KnownClient) -> None:
    """The consent page of a session that was ended says that the person was logged out."""
    begun, _ = await browser.authorize(web)
    consent = await browser.sign_in(begun)
    await browser.submit(await browser.request("GET", server.url("/logout")), action="logout")
    for shown in (await browser.request("GET", consent.url), await browser.submit(consent, action="allow")):
        assert await told(server, shown, "logged out meanwhile") == "interaction_signed_out"
        assert way_on(shown).startswith("https://rp.example/login?")


async def test_another_tab_goes_on_without_a_second_password(
    server: RunningServer, browser: Browser, web: KnownClient
) -> None:
    """Two tabs wait at the sign-in page: after signing in in one, loading the other again goes on. One that asks for a
    new sign-in still gets it."""
    first, _ = await browser.authorize(web)
    second, _ = await browser.authorize(web)
    strict, _ = await browser.authorize(web, prompt="login")
    await browser.sign_in(first)
    again = await browser.request("GET", second.url, headers=HTML)
    assert "/consent/" in again.url
    assert "code" in (await browser.submit(again, action="allow")).parameters
    assert "/login/" in (await browser.request("GET", strict.url, headers=HTML)).url
