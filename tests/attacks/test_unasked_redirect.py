"""An authorization server is no open redirector for whoever registers a client (RFC 9700 §4.11.2)."""

import re
from collections.abc import AsyncIterator
from html import unescape
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from authrim.store.contract import Store
from tests.support.browser import Browser, BrowserPage, authorization_query
from tests.support.pushed import fetch, pushed
from tests.support.registration import as_known, registered
from tests.support.running import KnownClient, RunningServer, running_server

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

#: Requests that are refused by redirect: invalid ones, and the silent one of a browser where nobody is signed in.
REFUSED = ({"scope": "no-such-scope"}, {"response_type": "no"}, {"code_challenge": "x"}, {"prompt": "none"})


@pytest_asyncio.fixture
async def stranger(server: RunningServer) -> KnownClient:
    """A client that registered itself."""
    return as_known(await registered(server, client_name="Bank", grant_types=["authorization_code"]))


def leads_on_to(shown: BrowserPage) -> str:
    """Where the page's link goes."""
    link = re.search(r'id="go-on" href="([^"]+)"', shown.body)
    assert link, shown.body
    return unescape(link[1])


@pytest.mark.parametrize("wrong", REFUSED)
async def test_a_stranger_gets_no_redirect_unasked(
    server: RunningServer, browser: Browser, stranger: KnownClient, wrong: dict[str, str]
) -> None:
    """RFC 9700 §4.11.2: an error of a self-registered client is a page that names its host and leads on by a link, with
    the answer that the redirect would have had."""
    shown, _ = await browser.authorize(stranger, **wrong)
    assert (shown.status, shown.location) == (400, None)
    assert "<strong>rp.example</strong>" in shown.body
    shown.location = leads_on_to(shown)
    assert shown.location.startswith("https://rp.example/cb?")
    assert {"error", "state", "iss"} <= set(shown.parameters)


@pytest.mark.parametrize("wrong", REFUSED)
async def test_a_post_and_a_pushed_request_lead_nobody_away_either(
    server: RunningServer, browser: Browser, stranger: KnownClient, wrong: dict[str, str]
) -> None:
    """RFC 9700 §4.11.2: the same where the request comes by POST, as a form, or was pushed."""
    _, query = authorization_query(stranger, **wrong)
    shown = await browser.request("POST", server.url("/authorize"), query)
    assert (shown.status, shown.location) == (400, None)
    shown, _ = await browser.authorize(stranger, **wrong, response_mode="form_post")
    assert (shown.status, shown.location) == (400, None)
    assert "document.forms[0].submit" not in shown.body
    assert shown.form[0] == stranger.redirect_uri
    assert "error" in shown.form[1]


async def test_a_pushed_request_leads_nobody_away(
    server: RunningServer, browser: Browser, stranger: KnownClient
) -> None:
    """RFC 9700 §4.11.2: nor does a pushed request that is valid and cannot be answered silently."""
    request_uri, _ = await pushed(server, stranger, prompt="none")
    shown = await fetch(browser, stranger, request_uri)
    assert (shown.status, shown.location) == (400, None)


async def test_whom_the_person_allowed_something_gets_its_errors(
    server: RunningServer, browser: Browser, stranger: KnownClient
) -> None:
    """Who is signed in and has agreed to the client is led on as ever; so is whoever cancels on our own page, which
    said where; so is a frame, which deceives nobody; so is every client that an administrator made."""
    shown, _ = await browser.authorize(stranger)
    cancelled = await browser.submit(shown, login="", password="", action="cancel")
    assert cancelled.parameters["error"] == "access_denied"
    _, query = authorization_query(stranger, prompt="none")
    url = server.url("/authorize?") + urlencode(query)
    framed = await browser.request("GET", url, headers={"Sec-Fetch-Dest": "iframe"})
    assert framed.parameters["error"] == "login_required"
    made, _ = await browser.authorize(await server.client("web"), scope="no-such-scope")
    assert made.parameters["error"] == "invalid_scope"
    shown, _ = await browser.authorize(stranger)
    assert "code" in (await browser.through_pages(shown)).parameters
    agreed, _ = await browser.authorize(stranger, scope="no-such-scope")
    assert agreed.parameters["error"] == "invalid_scope"
    other, _ = await Browser(server).authorize(stranger, scope="no-such-scope")
    assert other.location is None


@pytest_asyncio.fixture
async def certified(store: Store) -> AsyncIterator[RunningServer]:
    """A server as a conformance suite wants it."""
    async with running_server(store, redirect_errors_at_once=True) as running:
        yield running


async def test_a_setting_brings_the_redirect_back(certified: RunningServer) -> None:
    """The setting ``redirect_errors_at_once`` redirects every error at once."""
    client = as_known(await registered(certified))
    shown, _ = await Browser(certified).authorize(client, scope="no-such-scope")
    assert shown.parameters["error"] == "invalid_scope"
