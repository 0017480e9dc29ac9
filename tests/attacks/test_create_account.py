"""A179, A181 to A183, A195, A219, A225: what the page for a new account refuses, over real HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import time_machine

from authrim.people.new_account import find_subject
from authrim.store.contract import Store
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser
from tests.support.log import reason_of
from tests.support.running import RunningServer, running_server
from tests.support.signing_up import LOGIN, NAME, PASSWORD, sign_up, sign_up_page

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
SESSION = "authrim-session"


@pytest.fixture
async def server(store: Store) -> AsyncIterator[RunningServer]:
    async with running_server(store, self_registration=True) as running:
        yield running


async def is_known(server: RunningServer, login: str = LOGIN) -> bool:
    core = server.core
    return await find_subject(core.store, core.master, DEFAULT_TENANT, login) is not None


async def test_a_forged_form(server: RunningServer, browser: Browser) -> None:
    """A179: without our token, with another, or from another origin: 403, and no account is made."""
    page = await sign_up_page(browser)
    other = await sign_up_page(Browser(server))
    action, hidden = page.form
    form = hidden | {"login": LOGIN, "password": PASSWORD, "password_repeated": PASSWORD, "action": "create"}
    own = {"Origin": server.issuer, "Sec-Fetch-Site": "same-origin"}
    for headers, changes in (
        (own, {"csrf": ""}),
        (own, {"csrf": other.form[1]["csrf"]}),
        (own | {"Origin": "https://evil.example"}, {}),
        (own | {"Origin": "null"}, {}),
        (own | {"Sec-Fetch-Site": "cross-site"}, {}),
    ):
        answered = await browser.request("POST", action, form | changes, headers)
        assert (answered.status, answered.location) == (403, None), (headers, changes)
        assert await reason_of(server, answered.headers["Authrim-Error-Id"]) == "csrf"
    assert not await is_known(server)
    assert SESSION not in browser.cookies


async def test_another_browser_cannot_use_the_address(server: RunningServer, browser: Browser) -> None:
    """A018, A181: a stolen address of the page is an error page elsewhere, and makes no account."""
    page = await sign_up_page(browser)
    thief = Browser(server)
    own = await sign_up_page(thief)
    shown = await thief.request("GET", page.url)
    assert (shown.status, shown.location) == (400, None)
    assert await reason_of(server, shown.headers["Authrim-Error-Id"]) == "interaction_not_of_browser"
    action, _ = page.form
    form = {"csrf": own.form[1]["csrf"], "login": LOGIN, "password": PASSWORD, "password_repeated": PASSWORD}
    assert (await thief.request("POST", action, form)).status == 400
    assert not await is_known(server)
    assert "/consent/" in (await sign_up(browser, page)).url, "and the owner goes on"


async def test_no_cookie_of_before_survives(server: RunningServer) -> None:
    """A181: a session cookie that an attacker planted is replaced when the account is made."""
    attacker = Browser(server)
    await sign_up(attacker, await sign_up_page(attacker), "attacker")
    for number, planted in enumerate((attacker.cookies[SESSION], f"{'0' * 32}.{'A' * 43}", "garbage")):
        victim = Browser(server)
        victim.cookies[SESSION] = planted
        await sign_up(victim, await sign_up_page(victim), f"victim-{number}")
        assert victim.cookies[SESSION].partition(".")[0] != planted.partition(".")[0]


async def test_reading_the_page_changes_nothing(server: RunningServer, browser: Browser) -> None:
    """A181: a GET appends nothing, however often."""
    page = await sign_up_page(browser)
    before = await server.core.store.head()
    for _ in range(3):
        assert (await browser.request("GET", page.url)).status == 200
    assert (await server.core.store.head()).position == before.position


async def test_a_form_is_used_once(server: RunningServer, browser: Browser) -> None:
    """A018: when the request is over its form makes no second account; nor after it has expired."""
    page = await sign_up_page(browser)
    cookies = dict(browser.cookies)
    await browser.submit(await sign_up(browser, page), action="allow")
    browser.cookies |= cookies
    assert (await sign_up(browser, page, "a-second")).status == 400
    late = Browser(server)
    page = await sign_up_page(late)
    with time_machine.travel((await server.core.store.head()).now / 1e6 + 601):
        assert (await sign_up(late, page, "a-third")).status == 400
    assert not await is_known(server, "a-second")
    assert not await is_known(server, "a-third")


async def test_trying_out_which_logins_are_taken(server: RunningServer, browser: Browser) -> None:
    """A182, A183: one request may ask five times, in whatever spelling (A225); then 429 with Retry-After, also for a
    login that is free, and nothing is made. What is wrong in itself is told without a count."""
    page = await sign_up_page(browser)
    for _ in range(6):
        assert (await sign_up(browser, page, password="short", password_repeated="short")).status == 400
    for login in ("alice", "ALICE", " alice", "Alice ", "ａlice"):
        shown = await sign_up(browser, page, login)
        assert (shown.status, "already" in shown.body) == (400, True), login
    for login in ("alice", LOGIN):
        shown = await sign_up(browser, page, login)
        assert (shown.status, shown.headers["Retry-After"]) == (429, "900")
        assert "already" not in shown.body
        assert await reason_of(server, shown.headers["Authrim-Error-Id"]) == "too_many_accounts"
    assert not await is_known(server)


async def test_accounts_by_the_thousand(store: Store) -> None:
    """A183, A225: one address makes only so many in the window, each with a request of its own; the /64 of IPv6 is one
    address, and a header in front of the trusted proxy's changes nothing. Others are not held up, nor are sign-ins."""
    changes = {"trusted_proxies": ("127.0.0.0/8", "::1/128"), "sign_in_attempts_per_address": 3}
    async with running_server(store, self_registration=True, **changes) as server:

        async def make(number: int, source: str) -> int:
            person = Browser(server)
            page = await sign_up_page(person)
            action, hidden = page.form
            form = hidden | {"login": f"p{number}", "password": PASSWORD, "password_repeated": PASSWORD}
            headers = {"X-Forwarded-For": source}
            return (await person.request("POST", action, form | {"action": "create"}, headers)).status

        made = [await make(number, f"192.0.2.{number}, 2001:db8::{number}") for number in range(5)]
        assert made == [200, 200, 200, 429, 429]
        assert await make(9, "2001:db8:0:1::1") == 200
        person = Browser(server)
        page, _ = await person.authorize(await server.client("web"))
        assert "/consent/" in (await person.sign_in(page)).url


async def test_markup_stays_text(browser: Browser) -> None:
    """A195: a hint, a login and a name full of markup come back as text."""
    markup = '"><script>alert(1)</script>'
    page = await sign_up_page(browser, login_hint=markup)
    again = await sign_up(browser, page, "alice", name=markup)
    consent = await sign_up(browser, page, name=markup)
    for shown in (page, again, consent):
        assert "<script>" not in shown.body
        assert "&lt;script&gt;" in shown.body


async def test_odd_input(server: RunningServer, browser: Browser) -> None:
    """A219: empty, huge and unreadable values are refused, on the page or as an error page, never a 500."""
    page = await sign_up_page(browser)
    action, hidden = page.form
    for fields in (
        {},
        {"login": "x" * 20_000},
        {"password": "y" * 20_000, "password_repeated": "y" * 20_000},
    ):
        answered = await browser.request("POST", action, hidden | {"login": LOGIN} | fields)
        assert (answered.status, answered.location) == (400, None)
    for raw in (b"login=%00", b"login=%ff", b"login=%zz"):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = raw + b"&csrf=" + hidden["csrf"].encode()
        assert (await browser.request("POST", action, body, headers)).status == 400, raw
    for path in ("/create-account/" + "0" * 32, "/create-account/xyz"):
        assert (await browser.request("GET", server.url(path))).status in (400, 404), path


async def test_no_secret_reaches_a_log_line_or_the_disk(
    store: Store, store_place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A182, A226: passwords, logins and names, of accounts that are made and of those that are not, are in no line and
    in no file."""
    async with running_server(store, self_registration=True) as server:
        browser = Browser(server)
        page = await sign_up_page(browser, login_hint="hinted@people.example")
        page = await sign_up(browser, page, "alice", name="Mallory Mistyped")
        await sign_up(browser, page)
        cookie = browser.cookies[SESSION].partition(".")[2]
    written = capfd.readouterr()
    kept = b"".join(file.read_bytes() for file in store_place.parent.iterdir() if file.is_file())
    assert len(kept) > 10_000
    assert "create_account_post" in written.out + written.err
    for secret in (LOGIN, NAME, PASSWORD, "hinted@people.example", "Mallory Mistyped", cookie):
        assert secret not in written.out + written.err
        assert secret.encode() not in kept
