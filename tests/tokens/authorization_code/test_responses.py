"""How the authorization response travels, and how a request that is posted goes on."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.browser import Browser, authorization_query, redeem
from tests.support.running import RunningServer

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def test_a_registered_query_is_kept(server: RunningServer, browser: Browser) -> None:
    """The suite's second client: ``?dummy1=lorem&dummy2=ipsum`` stays, and the answer comes behind it."""
    redirect_uri = "https://rp.example/cb?dummy1=lorem&dummy2=ipsum"
    client = await server.client("query", kind="web", redirect_uris=(redirect_uri,))
    for parameters in ({}, {"prompt": "none", "scope": "openid email"}):
        shown = await browser.through_pages((await browser.authorize(client, **parameters))[0])
        assert (shown.location or "").startswith(redirect_uri + "&")
        names = [name for name, _ in parse_qsl(urlsplit(shown.location or "").query)]
        assert names[:2] == ["dummy1", "dummy2"]
        assert "state" in names
        assert names[-1] == "iss"


async def test_fragment(server: RunningServer, browser: Browser) -> None:
    """OAuth MRT §2.1: ``response_mode=fragment`` puts the answer behind the #, and nothing in the query."""
    shown, verifier = await browser.authorize(await server.client("web"), response_mode="fragment")
    shown = await browser.through_pages(shown)
    assert urlsplit(shown.location or "").query == ""
    assert set(shown.parameters) == {"code", "state", "session_state", "iss"}
    status, _ = await redeem(server, await server.client("web"), shown.parameters["code"], verifier)
    assert status == 200


async def test_form_post(server: RunningServer, browser: Browser) -> None:
    """Form Post Response Mode §2: a page whose form posts the answer to the redirect URI; it works by hand too."""
    web = await server.client("web")
    shown, verifier = await browser.authorize(web, response_mode="form_post", state="s\"'<&>é")
    shown = await browser.through_pages(shown)
    action, fields = shown.form
    assert shown.status == 200
    assert action == web.redirect_uri
    assert set(fields) == {"code", "state", "session_state", "iss"}
    assert (fields["state"], fields["iss"]) == ("s\"'<&>é", server.issuer)
    assert "<button" in shown.body
    assert "nonce-" in shown.headers["Content-Security-Policy"]
    assert (await redeem(server, web, fields["code"], verifier))[0] == 200


async def test_a_request_by_post(server: RunningServer, browser: Browser) -> None:
    """``oidcc-ensure-post-request-succeeds``: the request as a form goes the same way."""
    web = await server.client("web")
    verifier, query = authorization_query(web)
    shown = await browser.through_pages(await browser.request("POST", server.url("/authorize"), query))
    assert shown.parameters["state"] == "a-state"
    assert (await redeem(server, web, shown.parameters["code"], verifier))[0] == 200


async def test_a_cross_site_post_finds_the_session(server: RunningServer, browser: Browser) -> None:
    """decisions.md 28: browsers leave Lax cookies out of a cross-site POST; behind the 303 the session is found."""
    web = await server.client("web")
    await browser.code_flow(web)
    session = dict(browser.cookies)
    for prompt, answered in (("none", "code"), (None, "code")):
        verifier, query = authorization_query(web, prompt=prompt)
        browser.cookies = dict(session)
        headers = {"Origin": "https://rp.example", "Sec-Fetch-Site": "cross-site"}
        url = server.url("/authorize")
        async with server.http.post(url, data=query, headers=headers, allow_redirects=False) as posted:
            assert posted.status == 303
            assert posted.headers["Location"].startswith(server.url("/authorize/"))
            browser.cookies |= {name: morsel.value for name, morsel in posted.cookies.items()}
            location = posted.headers["Location"]
        shown = await browser.request("GET", location)
        assert set(shown.parameters) == {answered, "state", "session_state", "iss"}
        assert browser.cookies == session, "the cookie of the request is gone when it is over"
        assert (await redeem(server, web, shown.parameters[answered], verifier))[0] == 200


async def test_a_posted_request_without_a_session(server: RunningServer, browser: Browser) -> None:
    """A022: a posted ``prompt=none`` is answered without a page too."""
    _, query = authorization_query(await server.client("web"), prompt="none")
    shown = await browser.request("POST", server.url("/authorize"), query)
    assert shown.parameters["error"] == "login_required"
    assert not browser.cookies


async def test_two_tabs(server: RunningServer, browser: Browser) -> None:
    """Two requests of one browser do not take each other's place, in whatever order they end."""
    web = await server.client("web")
    first, _ = await browser.authorize(web, state="first")
    second, _ = await browser.authorize(web, state="second")
    assert (await browser.through_pages(second)).parameters["state"] == "second"
    assert (await browser.through_pages(first)).parameters["state"] == "first"


async def test_leaving_out_the_only_redirect_uri(server: RunningServer, browser: Browser) -> None:
    """RFC 6749 §3.1.2.3, §4.1.3: plain OAuth may leave it out, in the request and then at the token endpoint."""
    client = await server.client("oauth", kind="web", scope=("things",))
    shown, verifier = await browser.authorize(client, redirect_uri=None, scope="things")
    shown = await browser.through_pages(shown)
    assert (shown.location or "").startswith(client.redirect_uri)
    form = {"grant_type": "authorization_code", "code": shown.parameters["code"], "code_verifier": verifier}
    status, tokens = await server.post("/token", form, client.basic)
    assert status == 200
    assert "id_token" not in tokens
