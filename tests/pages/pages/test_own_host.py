"""A browser that comes by another name of this machine is led to the issuer's own before it gets a cookie."""

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from yarl import URL

from authrim.store.contract import Store
from tests.support.browser import Browser, authorization_query
from tests.support.running import RunningServer, running_server

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def answered(
    server: RunningServer, method: str, path: str, host: str, form: dict[str, str] | None = None
) -> tuple[int, str, bool]:
    """Status, Location and whether a cookie was set, of a request with this ``Host``."""
    async with server.http.request(
        method, URL(server.url(path), encoded=True), headers={"Host": host}, data=form, allow_redirects=False
    ) as answer:
        return answer.status, answer.headers.get("Location", ""), bool(answer.cookies)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "another.example"])
async def test_a_page_at_another_name_leads_home(server: RunningServer, host: str) -> None:
    """By 303, before a cookie is set, with the whole query; then the sign-in works at the issuer's own name."""
    web, port = await server.client("web"), server.core.settings.port
    _, query = authorization_query(web)
    path = "/authorize?" + urlencode(query)
    status, location, cookie = await answered(server, "GET", path, f"{host}:{port}")
    assert (status, location, cookie) == (303, server.url(path) + "&led_here=1", False)
    browser = Browser(server)
    assert "code" in (await browser.through_pages(await browser.request("GET", location))).parameters


async def test_every_page_and_no_form(server: RunningServer) -> None:
    """The same at the pages of a sign-in and at logout; a POST is not sent on, nor what is no page."""
    grant, host = "0" * 32, f"127.0.0.1:{server.core.settings.port}"
    for path in (f"/login/{grant}", f"/consent/{grant}", f"/authorize/{grant}", "/logout"):
        assert (await answered(server, "GET", path, host))[:2] == (303, server.url(path) + "?led_here=1")
    for path in (f"/login/{grant}", f"/consent/{grant}"):
        assert (await answered(server, "POST", path, host, {}))[0] == 400
    assert (await answered(server, "GET", "/.well-known/openid-configuration", host))[0] == 200


async def test_nobody_is_led_in_a_circle(server: RunningServer) -> None:
    """Whoever was led before and still comes by another name, behind something that changes Host, gets the page."""
    host = f"127.0.0.1:{server.core.settings.port}"
    assert (await answered(server, "GET", "/logout?led_here=1", host))[0] == 200


async def test_a_sign_in_that_was_begun_elsewhere_leads_home(server: RunningServer, browser: Browser) -> None:
    """A page that was led to before, without the cookie of the issuer's own name, says so and links to it."""
    begun, _ = await browser.authorize(await server.client("web"))
    host = {"Host": f"127.0.0.1:{server.core.settings.port}"}
    async with server.http.get(begun.url + "?led_here=1", headers=host) as answer:
        body = await answer.text()
    assert "another address of this server" in body
    assert f'href="{begun.url}"' in body


@pytest_asyncio.fixture
async def proxied(store: Store) -> AsyncIterator[RunningServer]:
    """A server behind a proxy, which may change Host."""
    async with running_server(store, trusted_proxies=("10.0.0.0/8",)) as running:
        yield running


async def test_behind_a_proxy_host_says_nothing(proxied: RunningServer) -> None:
    """With trusted proxies nobody is led: their Host is not the browser's."""
    host = f"127.0.0.1:{proxied.core.settings.port}"
    assert (await answered(proxied, "GET", "/logout", host))[0] == 200
