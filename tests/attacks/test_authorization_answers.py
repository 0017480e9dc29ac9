"""What goes back from the authorization endpoint, and how."""

from urllib.parse import urlencode

import pytest

from authrim.store.contract import Store
from tests.support.browser import Browser, authorization_query, refused
from tests.support.log import reason_of
from tests.support.running import RunningServer, running_server

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

CALLBACK = "https://rp.example/cb"


async def test_every_redirect_is_a_303_with_the_issuer(server: RunningServer, browser: Browser) -> None:
    """A034, A035: ``iss`` in errors and in successes; the password's POST is answered by 303 and no other."""
    web = await server.client("web")
    shown, _ = await browser.authorize(web)
    assert shown.status == 200
    action, hidden = shown.form
    form = hidden | {"login": server.login, "password": server.password, "action": "sign-in"}
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    async with server.http.post(
        action, data=form, headers={"Cookie": cookies}, allow_redirects=False
    ) as answer:
        assert answer.status == 303
    await Browser(server).code_flow(web)
    shown = await browser.through_pages((await browser.authorize(web))[0])
    assert shown.status == 303
    assert shown.parameters["iss"] == server.issuer


async def test_a_resource_that_is_not_the_clients(server: RunningServer, browser: Browser) -> None:
    """A039: relative, with a fragment, or not allowed for the client: ``invalid_target``."""
    web = await server.client("web", audiences=("https://api.example/",))
    for resource in ("/relative", "https://api.example/#f", "https://other.example/", "https://api.example"):
        assert (await refused(browser, web, resource=resource))["error"] == "invalid_target", resource


async def test_pkce_at_the_authorization_endpoint(server: RunningServer, browser: Browser) -> None:
    """A041, A042: a public client needs a challenge; ``plain``, no method and a method alone are refused."""
    spa, web = await server.client("spa"), await server.client("web")
    missing = {"code_challenge": None, "code_challenge_method": None}
    assert (await refused(browser, spa, **missing))["error"] == "invalid_request"
    for parameters in (
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "S512"},
        {"code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge": "short"},
        {"code_challenge": "é" * 43},
    ):
        for client in (spa, web):
            assert (await refused(browser, client, **parameters))["error"] == "invalid_request", parameters


async def test_what_cannot_be_honoured_is_said_to_be_so(server: RunningServer, browser: Browser) -> None:
    """``oidcc-unsigned-request-object-…`` and ``-request-uri-…-or-rejected``: never silently ignored."""
    web = await server.client("web")
    for name, error in (
        ("request", "invalid_request_object"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ):
        assert (await refused(browser, web, **{name: "https://rp.example/x"}))["error"] == error


async def test_an_error_in_the_mode_that_was_asked_for(server: RunningServer, browser: Browser) -> None:
    """A034: errors travel in the request's own mode, with ``iss`` and ``state``."""
    web = await server.client("web")
    shown, _ = await browser.authorize(web, prompt="none", response_mode="fragment")
    assert (shown.location or "").startswith(CALLBACK + "#")
    assert shown.parameters["error"] == "login_required"
    shown, _ = await browser.authorize(web, prompt="none", response_mode="form_post")
    action, fields = shown.form
    assert action == CALLBACK
    assert (fields["error"], fields["iss"], fields["state"]) == ("login_required", server.issuer, "a-state")


async def test_the_error_page_as_json(server: RunningServer, browser: Browser) -> None:
    """A002: a caller that prefers JSON gets the error as JSON, with the same status and error id header."""
    shown = await browser.request("GET", server.url("/authorize"), headers={"Accept": "application/json"})
    assert shown.status == 400
    assert shown.headers["Content-Type"].startswith("application/json")
    assert '"error":"invalid_request"' in shown.body
    assert shown.headers["Authrim-Error-Id"]


async def test_a_refusal_by_redirect_can_be_explained(server: RunningServer, browser: Browser) -> None:
    """The error id of a redirect is in a header, and leads an auditor to the reason in the log."""
    web = await server.client("web")
    for parameters in ({"scope": "unregistered"}, {"prompt": "none"}):
        _, query = authorization_query(web, **parameters)
        url = server.url("/authorize?") + urlencode(query)
        async with server.http.get(url, allow_redirects=False) as answer:
            assert answer.status == 303
            assert await reason_of(server, answer.headers["Authrim-Error-Id"])


async def test_a_flood_of_requests(store: Store) -> None:
    """decisions.md 20: each accepted request is kept, so one source gets so many a minute, then 429."""
    async with running_server(store, authorize_requests_per_minute=3) as server:
        web, browser = await server.client("web"), Browser(server)
        statuses = [(await browser.authorize(web))[0].status for _ in range(3)]
        shown, _ = await browser.authorize(web)
        assert statuses == [200, 200, 200]
        assert (shown.status, shown.location) == (429, None)
        assert int(shown.headers["Retry-After"]) > 0
