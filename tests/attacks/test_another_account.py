"""A239: "Not you?" on the consent page, over real HTTP."""

import pytest

from authrim.people.claims import display_name_of
from domain.grant.events import AnotherAccountRequested, ConsentGranted
from domain.stream import DEFAULT_TENANT
from tests.support.accounts import add_account
from tests.support.browser import Browser, BrowserPage, redeem
from tests.support.log import reason_of, whole_log
from tests.support.running import KnownClient, RunningServer

SQLITE = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
OTHER = "the-other"


async def consent_page(
    browser: Browser, client: KnownClient, **parameters: object
) -> tuple[BrowserPage, str]:
    """The consent page of a new request, and its verifier."""
    shown, verifier = await browser.authorize(client, **parameters)
    shown = await browser.sign_in(shown)
    assert "/consent/" in shown.url
    return shown, verifier


async def switch(browser: Browser, shown: BrowserPage, **changes: str) -> BrowserPage:
    """Press "Not you?"."""
    headers = {"Origin": browser.server.issuer, "Sec-Fetch-Site": "same-origin"}
    return await browser.request("POST", switch_url(shown), shown.form[1] | changes, headers)


def switch_url(shown: BrowserPage) -> str:
    assert 'id="switch-account"' in shown.body
    return shown.url.partition("?")[0] + "/another-account"


async def test_another_person_answers_the_same_request(server: RunningServer, browser: Browser) -> None:
    """A239: "Not you?" leads to the sign-in of the same request, with an empty name. Whoever signs in there is asked,
    and the tokens are theirs; until then the session of before lives on."""
    other = await add_account(server, OTHER)
    web = await server.client("web")
    page, verifier = await consent_page(browser, web, login_hint=server.login)
    before = dict(browser.cookies)
    asked = await switch(browser, page)
    assert asked.url == page.url.replace("/consent/", "/login/")
    assert f'value="{server.login}"' not in asked.body
    # Neither the sign-in page nor the consent page goes back to the session that is still there.
    for url in (asked.url, page.url):
        assert (await browser.request("GET", url)).url == asked.url
    still = Browser(server)
    still.cookies = dict(before)
    shown, _ = await still.authorize(web, prompt="none")
    assert shown.parameters["error"] == "consent_required", "the session has not ended"

    page = await browser.sign_in(asked, OTHER)
    assert await display_name_of(server.core, DEFAULT_TENANT, other) in page.body
    shown = await browser.submit(page, action="allow")
    _, tokens = await redeem(server, web, shown.parameters["code"], verifier)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    async with server.http.get(server.url("/userinfo"), headers=headers) as answer:
        assert (await answer.json())["sub"] == other
    log = await whole_log(server)
    assert log.count("grant.another_account_requested.v1") == 1
    assert log.count("grant.consent_granted.v1") == 1


@SQLITE
async def test_a_page_of_before_agrees_to_nothing(server: RunningServer, browser: Browser) -> None:
    """A239: a consent page that named one person does not agree for another one who signed in since, in another tab: it
    is shown again, with the name. Between the two it leads to the sign-in."""
    await add_account(server, OTHER)
    web = await server.client("web")
    old, _ = await consent_page(browser, web)
    asked = await switch(browser, old)
    assert (await browser.submit(old, action="allow")).url == asked.url
    await browser.sign_in(asked, OTHER)
    # The same bytes again would get the same answer again, so the form is not quite the same.
    again = await browser.submit(old, action="allow", once_more="1")
    assert (again.status, again.location) == (200, None)
    assert again.url == old.url
    assert "grant.consent_granted" not in await whole_log(server)
    assert "code" in (await browser.submit(again, action="allow")).parameters


@SQLITE
@pytest.mark.parametrize("action", ["", "switch", "Allow", "cancel-not"])
async def test_only_the_button_agrees(server: RunningServer, browser: Browser, action: str) -> None:
    """A239: a form of the page that says neither "allow" nor "cancel" agrees to nothing; the page is shown again."""
    page, _ = await consent_page(browser, await server.client("web"))
    again = await browser.submit(page, action=action)
    assert (again.status, again.location) == (200, None)
    assert "/consent/" in again.url
    assert ConsentGranted.__struct_config__.tag not in await whole_log(server)


@SQLITE
async def test_nobody_is_switched_from_elsewhere(server: RunningServer, browser: Browser) -> None:
    """A179, A239: without the token, from another origin or another browser: refused, and the person stays."""
    page, _ = await consent_page(browser, await server.client("web"))
    url, hidden = switch_url(page), page.form[1]
    own = {"Origin": server.issuer, "Sec-Fetch-Site": "same-origin"}
    for form, headers in (
        ({}, own),
        (hidden, {"Origin": "https://evil.example"}),
        (hidden, own | {"Sec-Fetch-Site": "cross-site"}),
    ):
        answered = await browser.request("POST", url, form, headers)
        assert (answered.status, answered.location) == (403, None)
        assert await reason_of(server, answered.headers["Authrim-Error-Id"]) == "csrf"
    assert (await Browser(server).request("POST", url, hidden, own)).status == 400
    assert (await browser.request("GET", url, headers={"Accept": "application/json"})).status == 405
    assert AnotherAccountRequested.__struct_config__.tag not in await whole_log(server)


@SQLITE
async def test_a_request_about_one_person_offers_nobody_else(server: RunningServer, browser: Browser) -> None:
    """A239: where ``id_token_hint`` names the person, nobody else could answer: it is not offered, and does nothing."""
    web = await server.client("web")
    tokens = await browser.code_flow(web)
    shown, _ = await browser.authorize(
        web, scope="openid phone", id_token_hint=tokens["id_token"], prompt="consent"
    )
    assert "/consent/" in shown.url
    assert "switch-account" not in shown.body
    headers = {"Origin": server.issuer, "Sec-Fetch-Site": "same-origin"}
    again = await browser.request("POST", f"{shown.url}/another-account", shown.form[1], headers)
    assert again.url == shown.url
    assert "another_account" not in await whole_log(server)
