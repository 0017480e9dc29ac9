"""What a person sends twice, or too soon, over real HTTP (RFC 6749 §10.13, RFC 9700 §4.16)."""

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest

from authrim.people import checks_under_way
from authrim.store.contract import Store
from authrim.web.cookies import MOST_OPEN_REQUESTS
from tests.support.browser import Browser, redeem
from tests.support.patience import LATER
from tests.support.running import RunningServer, running_server

SQLITE = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def codes_in(store: Any) -> int:
    """How many codes the log has."""
    return sum(event.type == "grant.code_issued.v1" for event in await store.read_log(0, 1000))


@SQLITE
async def test_an_answer_that_comes_too_soon_agrees_to_nothing(store: Store) -> None:
    """A181: within the pause the consent page comes again with a word why, and where the form does not say when
    it was shown; then it takes the answer."""
    async with running_server(store, consent_pause=1500) as server:
        browser, web = Browser(server), await server.client("web")
        shown, _ = await browser.authorize(web)
        consent = await browser.sign_in(shown)
        own = {"Origin": server.issuer, "Sec-Fetch-Site": "same-origin"}
        for action, claimed in (
            ("allow", {}),
            ("cancel", {}),
            ("allow", {"shown": "x"}),
            ("allow", {"shown": "0" * 99}),
        ):
            target, hidden = consent.form
            again = await browser.request("POST", target, hidden | {"action": action} | claimed, own)
            assert (again.status, again.location) == (200, None)
            assert "double click" in again.body
        assert await codes_in(store) == 0
        await asyncio.sleep(1.6)
        assert "code" in (await browser.submit(again, action="allow")).parameters


@SQLITE
async def test_a_form_sent_twice_leads_on_to_the_same_place(server: RunningServer, browser: Browser) -> None:
    """A consent or sign-in form that is sent twice, at once or one after the other, gives one code, and both answers
    lead to it; so with consent that is remembered."""
    web = await server.client("web")
    shown, verifier = await browser.authorize(web)
    first, second = await asyncio.gather(browser.sign_in(shown), browser.sign_in(shown))
    assert "/consent/" in first.url
    assert first.url == second.url
    answers = [await browser.submit(first, action="allow") for _ in range(2)]
    assert answers[0].location == answers[1].location
    assert (await redeem(server, web, answers[1].parameters["code"], verifier))[0] == 200
    fresh, _ = await browser.authorize(web, prompt="login")
    twice = await asyncio.gather(browser.sign_in(fresh), browser.sign_in(fresh))
    assert twice[0].location == twice[1].location
    assert "code" in twice[0].parameters
    assert await codes_in(server.core.store) == 2


@SQLITE
async def test_a_form_of_another_origin_gets_no_earlier_answer(
    server: RunningServer, browser: Browser
) -> None:
    """A179: the same bytes from elsewhere are refused, although our page has sent them a moment before."""
    shown, _ = await browser.authorize(await server.client("web"))
    consent = await browser.sign_in(shown)
    await browser.submit(consent, action="allow")
    action, hidden = consent.form
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answered = await browser.request("POST", action, hidden | {"action": "allow"}, headers)
        assert (answered.status, answered.location) == (400, None)


@SQLITE
async def test_a_wrong_password_sent_twice_counts_twice(server: RunningServer, browser: Browser) -> None:
    """A183: refusals are not kept, so that nobody guesses the same thing for nothing and no lock is missed."""
    shown, _ = await browser.authorize(await server.client("web"))
    statuses = [(await browser.sign_in(shown, password="wrong password")).status for _ in range(6)]
    assert statuses == [401] * 5 + [429]


async def test_right_passwords_at_once_are_no_guesses(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve browsers that sign the same person in at the same moment all get in; after five wrong passwords the right
    one must wait still (A183)."""
    monkeypatch.setattr(checks_under_way, "LONGEST_WAIT", LATER)  # on a busy machine those before take longer
    web = await server.client("web")

    async def signed_in() -> str:
        browser = Browser(server)
        shown, _ = await browser.authorize(web)
        return (await browser.sign_in(shown)).url

    urls = await asyncio.gather(*(signed_in() for _ in range(12)))
    assert all("/consent/" in url for url in urls), urls
    browsers = [Browser(server) for _ in range(8)]
    pages = [(await browser.authorize(web))[0] for browser in browsers]
    wrong = await asyncio.gather(
        *(
            browser.sign_in(page, password="wrong password")
            for browser, page in zip(browsers, pages, strict=True)
        )
    )
    assert sorted(answer.status for answer in wrong) == [401] * 5 + [429] * 3
    assert (await browsers[0].sign_in(pages[0])).status == 429


@SQLITE
async def test_the_oldest_open_requests_give_way(server: RunningServer, browser: Browser) -> None:
    """A217: a browser with 150 open requests is still answered; the newest go on, the oldest are forgotten."""
    web = await server.client("web")
    pages = [(await browser.authorize(web))[0] for _ in range(150)]
    held = [name for name in browser.cookies if "request-" in name]
    assert len(held) == MOST_OPEN_REQUESTS
    assert (await browser.request("GET", pages[0].url)).status == 400
    assert "/consent/" in (await browser.sign_in(pages[-1])).url
    assert "/consent/" in (await browser.sign_in(pages[-MOST_OPEN_REQUESTS])).url


@SQLITE
async def test_the_consent_page_names_nobody_after_logout(server: RunningServer, browser: Browser) -> None:
    """A181: once the session is over, the page shows no name to whoever comes after, as it takes no answer."""
    shown, _ = await browser.authorize(await server.client("web"))
    consent = await browser.sign_in(shown)
    name = (await browser.request("GET", consent.url)).body
    assert "Ada" in name or "alice" in name.lower()
    asked = await browser.request("GET", server.url("/logout?") + urlencode({}))
    await browser.submit(asked, action="logout")
    after = await browser.request("GET", consent.url)
    assert after.status == 400
    assert "your account" not in after.body
