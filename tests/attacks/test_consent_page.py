"""A179, A181, F31, F32 and OIDC Core §3.1.2.4: the consent page, over real HTTP."""

import asyncio
import re

import pytest

from authrim.clients.records import disable_client
from authrim.people.accounts import disable_account, withdraw_consent
from domain.grant.events import CodeIssued
from domain.stream import DEFAULT_TENANT
from tests.support.accounts import add_account, change_password
from tests.support.browser import Browser, BrowserPage
from tests.support.log import count_events, reason_of, whole_log
from tests.support.running import KnownClient, RunningServer

SQLITE = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def consent_page(browser: Browser, client: KnownClient, **parameters: object) -> BrowserPage:
    """The consent page of a new request."""
    shown, _ = await browser.authorize(client, **parameters)
    if "/login/" in shown.url:
        shown = await browser.sign_in(shown)
    assert "/consent/" in shown.url
    return shown


@SQLITE
async def test_consent_is_remembered_and_asked_for_again_for_more(
    server: RunningServer, browser: Browser
) -> None:
    """OIDC Core §3.1.2.4: what was agreed to needs no page, more does, and then both are remembered."""
    web = await server.client("web")
    await browser.submit(await consent_page(browser, web, scope="openid email"), action="allow")
    for scope in ("openid email", "openid"):
        assert "code" in (await browser.authorize(web, scope=scope))[0].parameters, scope
    await browser.submit(await consent_page(browser, web, scope="openid phone"), action="allow")
    assert "code" in (await browser.authorize(web, scope="openid email phone"))[0].parameters
    await consent_page(browser, web, scope="openid", prompt="consent")
    await consent_page(browser, await server.client("other", kind="web"))


@SQLITE
async def test_claims_by_name_are_no_way_around_consent(server: RunningServer, browser: Browser) -> None:
    """OIDC Core §5.5: asking for ``email`` by name is asking for the scope that it belongs to."""
    web = await server.client("web")
    await browser.code_flow(web)
    await consent_page(browser, web, claims='{"userinfo":{"email":null}}')
    limited = await server.client("limited", kind="web", scope=("openid",))
    tokens = await browser.code_flow(limited, claims='{"userinfo":{"email":null},"id_token":{"email":null}}')
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    async with server.http.get(server.url("/userinfo"), headers=bearer) as answer:
        assert await answer.json() == {"sub": server.subject}


async def test_withdrawn_consent_is_asked_for_again(server: RunningServer, browser: Browser) -> None:
    """A051: consent that was taken back is gone for the next request at once."""
    web = await server.client("web")
    await browser.code_flow(web)
    await withdraw_consent(server.core.store, DEFAULT_TENANT, server.subject, web.client_id)
    await consent_page(browser, web)


@SQLITE
async def test_cancelled_consent(server: RunningServer, browser: Browser) -> None:
    """RFC 6749 §4.1.2.1: ``access_denied`` with ``state`` and ``iss``, nothing is remembered, nothing is open."""
    web = await server.client("web")
    page = await consent_page(browser, web)
    answered = (await browser.submit(page, action="cancel")).parameters
    assert (answered["error"], answered["state"], answered["iss"]) == (
        "access_denied",
        "a-state",
        server.issuer,
    )
    assert (await browser.submit(page, action="allow")).status == 400
    await consent_page(browser, web)


@SQLITE
async def test_a_forced_consent(server: RunningServer, browser: Browser) -> None:
    """A179: without the token, from another origin, or with another request's token: 403 and no code."""
    web = await server.client("web")
    page = await consent_page(browser, web)
    other = await consent_page(browser, web)
    action, hidden = page.form
    own = {"Origin": server.issuer, "Sec-Fetch-Site": "same-origin"}
    for form, headers in (
        ({}, own),
        ({"csrf": other.form[1]["csrf"]}, own),
        (hidden, {"Origin": "https://evil.example"}),
        (hidden, own | {"Sec-Fetch-Site": "cross-site"}),
    ):
        answered = await browser.request("POST", action, form | {"action": "allow"}, headers)
        assert (answered.status, answered.location) == (403, None)
        assert await reason_of(server, answered.headers["Authrim-Error-Id"]) == "csrf"
    assert "grant.code_issued" not in await whole_log(server)


@SQLITE
async def test_what_the_browser_sends_changes_nothing(server: RunningServer, browser: Browser) -> None:
    """A018: scope, client and redirect URI in the form are not looked at; the recorded request decides."""
    web = await server.client("web")
    page = await consent_page(browser, web)
    forged = {"scope": "openid email phone", "client_id": "other", "redirect_uri": "https://evil.example/"}
    shown = await browser.submit(page, action="allow", **forged)
    assert (shown.location or "").startswith(web.redirect_uri + "?code=")
    shown, _ = await browser.authorize(web, scope="openid email", prompt="none")
    assert shown.parameters["error"] == "consent_required"


async def test_two_clicks_make_one_code(server: RunningServer, browser: Browser) -> None:
    """A046: one form sent several times at once leads to one code, the same for all."""
    page = await consent_page(browser, await server.client("web"))
    shown = await asyncio.gather(*(browser.submit(page, action="allow") for _ in range(8)))
    assert len({one.location for one in shown}) == 1
    assert await count_events(server, shown[0].parameters["code"], CodeIssued) == 1


async def test_consent_without_sign_in(server: RunningServer, browser: Browser) -> None:
    """A181: the consent page of a request that nobody signed in for leads to sign-in; its form gives nothing."""
    shown, _ = await browser.authorize(await server.client("web"))
    consent = shown.url.replace("/login/", "/consent/")
    assert "/login/" in (await browser.request("GET", consent)).url
    form = shown.form[1] | {"action": "allow"}
    answered = await browser.request("POST", consent, form, {"Origin": server.issuer})
    assert (answered.status, answered.location) == (400, None)


async def test_a_disabled_account_cannot_agree(server: RunningServer, browser: Browser) -> None:
    """F32: disabled between sign-in and consent: error page, no code; its session signs nobody in."""
    web = await server.client("web", skip_consent=True)
    asking = await server.client("asking", kind="web")
    page = await consent_page(browser, asking)
    await disable_account(server.core.store, DEFAULT_TENANT, server.subject, "test")
    answered = await browser.submit(page, action="allow")
    assert (answered.status, answered.location) == (400, None)
    shown, _ = await browser.authorize(web, prompt="none")
    assert shown.parameters["error"] == "login_required"
    assert "grant.code_issued" not in await whole_log(server)


async def test_consent_after_the_password_was_changed(server: RunningServer, browser: Browser) -> None:
    """A188: who signed in with the old password cannot agree any more, not even to offline access."""
    web = await server.client("web")
    page = await consent_page(browser, web, scope="openid offline_access", prompt="consent")
    await change_password(server, "a password that is new")
    answered = await browser.submit(page, action="allow")
    assert (answered.status, answered.location) == (400, None)
    assert "grant.code_issued" not in await whole_log(server)


async def test_one_persons_consent_is_not_anothers(server: RunningServer, browser: Browser) -> None:
    """A181: Bob signs in beside Alice's open request: his consent does not answer hers, nor can he give it."""
    web = await server.client("web")
    hers = await consent_page(browser, web)
    await add_account(server, "bob")
    shown, _ = await browser.authorize(web, prompt="select_account")
    shown = await browser.submit(await browser.sign_in(shown, "bob"), action="allow")
    assert "code" in shown.parameters
    resumed = await browser.request("GET", hers.url.replace("/consent/", "/authorize/"))
    assert (resumed.status, resumed.location) == (400, None), "the page would show her name"
    answered = await browser.submit(hers, action="allow")
    assert (answered.status, answered.location) == (400, None)


@SQLITE
async def test_a_disabled_client_is_not_agreed_to(server: RunningServer, browser: Browser) -> None:
    """F31: disabled between sign-in and consent: error page and no redirect."""
    web = await server.client("web")
    page = await consent_page(browser, web)
    await disable_client(server.core.store, DEFAULT_TENANT, web.client_id, "test")
    await server.core.configuration.catch_up()
    answered = await browser.submit(page, action="allow")
    assert (answered.status, answered.location) == (400, None)
    assert await reason_of(server, answered.headers["Authrim-Error-Id"]) == "client_changed"


@SQLITE
async def test_the_page_says_who_asks_and_where_the_answer_goes(
    server: RunningServer, browser: Browser
) -> None:
    """A038: the host of the redirect URI and the links are shown; invisible marks in a name are gone."""
    web = await server.client(
        "web",
        client_name="Acme\u202e\u200b Bank",
        redirect_uris=("https://rp.example:8443/cb",),
        policy_uri="https://rp.example/policy",
        tos_uri="https://rp.example/terms",
    )
    page = await consent_page(browser, web, scope="openid email")
    assert "Acme Bank" in page.body
    assert "\u202e" not in page.body
    for expected in ("rp.example:8443", "https://rp.example/policy", "https://rp.example/terms"):
        assert expected in page.body
    assert 'id="consent-submit"' in page.body
    assert 'id="cancel"' in page.body


@SQLITE
async def test_headers_of_the_pages(server: RunningServer, browser: Browser) -> None:
    """A036, A180, A195, A196: no frame, no foreign content, no referrer to others, and no script in the answer."""
    web = await server.client("web")
    pages = [(await browser.authorize(web))[0], await consent_page(browser, web)]
    pages.append(await browser.request("GET", server.url("/authorize")))
    for page in pages:
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        script = re.search(r"script-src ([^;]*)", policy)
        # The one script is our own file, and shows what is typed as a password.
        assert (script is not None) == ("/login/" in page.url)
        assert script is None or re.fullmatch(r"'nonce-[\w-]{22}'", script[1])
        assert page.headers["X-Frame-Options"] == "DENY"
        assert page.headers["Referrer-Policy"] == "same-origin"
        assert page.headers["Cache-Control"] == "no-store"
    assert "form-action 'none'" in pages[2].headers["Content-Security-Policy"]
    shown, _ = await browser.authorize(web, prompt="none", response_mode="form_post", state='"><script>x')
    assert "<script>x" not in shown.body
    assert shown.form[1]["state"] == '"><script>x'
