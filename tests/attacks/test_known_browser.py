"""A183: strangers slow guesses at an account down, and lock nobody out who has signed in to it before."""

import re

import pytest

from authrim.crypto.master import MasterKeys
from authrim.people.sign_in.known_browsers import PEOPLE, REMEMBERED, kept_after_sign_in, known_as
from authrim.store.contract import Store
from authrim.wire.forwarded import source_of, wider_networks
from tests.support.accounts import add_account
from tests.support.browser import Browser, BrowserPage
from tests.support.running import RunningServer, running_server

ONE_STORE = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

KNOWN = "authrim-known-browser"
HASHES = ("hash-of-alice",)
MASTER = MasterKeys([b"1" * 32])
NOW = 1_800_000_000


async def guess(
    browser: Browser, page: BrowserPage, source: str, password: str = "wrong", login: str = ""
) -> BrowserPage:
    """Sign in from an address; the wrong password unless another is given."""
    action, hidden = page.form
    form = hidden | {"login": login or browser.server.login, "password": password}
    headers = {"Origin": browser.server.issuer, "X-Forwarded-For": source}
    return await browser.request("POST", action, form, headers)


async def sign_in_page(browser: Browser) -> BrowserPage:
    shown, _ = await browser.authorize(await browser.server.client("web"), prompt="login")
    return shown


async def statuses(server: RunningServer, sources: list[str]) -> list[int]:
    """What a stranger is answered who guesses once from each of these addresses."""
    stranger = Browser(server)
    page = await sign_in_page(stranger)
    return [(await guess(stranger, page, source)).status for source in sources]


@ONE_STORE
async def test_a183_strangers_lock_no_known_browser_out(store: Store) -> None:
    """A183: when all that strangers may guess at an account is used up, from the person's own address too, the
    person's own browser signs in with the right password, and another one has to wait."""
    proxies = ("127.0.0.0/8", "::1/128")
    async with running_server(store, trusted_proxies=proxies, sign_in_attempts_per_account=1) as server:
        own = Browser(server)
        await own.sign_in(await sign_in_page(own))
        sources = [f"198.51.100.{number}" for number in range(25)]
        assert (await statuses(server, sources)).count(401) == 20
        other = Browser(server)
        assert (await guess(other, await sign_in_page(other), "192.0.2.1", server.password)).status == 429
        page = await sign_in_page(own)
        assert "/consent/" in (await guess(own, page, sources[0], server.password)).url


@ONE_STORE
async def test_a183_a_known_browser_is_counted_too(store: Store) -> None:
    """A183: a known browser has as many tries as an address, wherever it is and however many sign in at once; what it
    uses up is nobody else's."""
    proxies = ("127.0.0.0/8", "::1/128")
    async with running_server(store, trusted_proxies=proxies) as server:
        own = Browser(server)
        await own.sign_in(await sign_in_page(own))
        page = await sign_in_page(own)
        tried = [(await guess(own, page, f"198.51.100.{number}")).status for number in range(7)]
        assert tried == [401] * 5 + [429] * 2
        other = Browser(server)
        assert (
            "/consent/"
            in (await guess(other, await sign_in_page(other), "198.51.100.0", server.password)).url
        )


@ONE_STORE
async def test_a183_a_browser_is_known_for_its_own_people_alone(store: Store) -> None:
    """A183: who has an account of their own is a stranger to every other account."""
    proxies = ("127.0.0.0/8", "::1/128")
    async with running_server(store, trusted_proxies=proxies, sign_in_attempts_per_account=1) as server:
        await add_account(server, "bob")
        stranger = Browser(server)
        await guess(stranger, await sign_in_page(stranger), "192.0.2.1", server.password, "bob")
        assert KNOWN in stranger.cookies
        page = await sign_in_page(stranger)
        assert [(await guess(stranger, page, "192.0.2.1")).status for _ in range(2)] == [401, 429]


@ONE_STORE
async def test_a183_many_networks_of_one_holder_count_as_one(store: Store) -> None:
    """A183: the 256 /64s of one /56, and the 65,536 of one /48, do not multiply what may be guessed."""
    proxies = ("127.0.0.0/8", "::1/128")
    async with running_server(store, trusted_proxies=proxies) as server:
        one_56 = [f"2001:db8:1:{number:x}::1" for number in range(30)]
        assert (await statuses(server, one_56)).count(401) == 10
        one_48 = [f"2001:db8:1:{number:x}00::1" for number in range(1, 30)]
        assert (await statuses(server, one_48)).count(401) == 10, "with the ten before, twenty"
        assert (await statuses(server, ["2001:db8:2::1"])) == [401]


@ONE_STORE
async def test_the_cookie_tells_nothing(server: RunningServer, browser: Browser) -> None:
    """The cookie is for the server alone, and names no account: it has a random name, a time and a keyed hash."""
    await browser.sign_in(await sign_in_page(browser))
    kept = browser.cookies[KNOWN]
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}[0-9a-f]{8}[A-Za-z0-9_-]{43}", kept)
    assert server.login not in kept
    assert server.subject not in kept
    again = Browser(server)
    await again.sign_in(await sign_in_page(again))
    assert again.cookies[KNOWN] != kept


def test_networks_around_an_address() -> None:
    """IPv6 counts by /64, /56 and /48; IPv4 by itself, written as IPv6 too."""
    assert source_of("2001:db8:1:2ff::1") == "2001:db8:1:2ff::/64"
    assert wider_networks("2001:db8:1:2ff::/64") == ("2001:db8:1:200::/56", "2001:db8:1::/48")
    for address in ("192.0.2.1", "::ffff:192.0.2.1", ""):
        assert wider_networks(source_of(address)) == ()


def test_what_a_browser_keeps() -> None:
    """A browser is known until its time is over, for five people; no changed character is believed."""
    kept = ""
    for person in range(PEOPLE + 1):
        kept = kept_after_sign_in(MASTER, "default", (f"hash-{person}",), kept, NOW)
    assert kept.count(".") == PEOPLE - 1
    assert known_as(MASTER, "default", ("hash-0",), kept, NOW) is None
    name = known_as(MASTER, "default", ("hash-1",), kept, NOW)
    assert name is not None
    assert known_as(MASTER, "default", ("hash-1",), kept, NOW + REMEMBERED) is None
    assert known_as(MASTER, "other", ("hash-1",), kept, NOW) is None
    renewed = kept_after_sign_in(MASTER, "default", ("hash-1",), kept, NOW + 1)
    assert renewed.startswith(name)
    assert renewed.count(".") == PEOPLE - 1
    entry = kept_after_sign_in(MASTER, "default", HASHES, "", NOW)
    for at in range(len(entry)):
        changed = entry[:at] + ("A" if entry[at] != "A" else "B") + entry[at + 1 :]
        assert known_as(MASTER, "default", HASHES, changed, NOW) is None, at
    for garbage in ("", "é" * 73, "x" * 73, "x" * 10_000, "." * 300):
        assert known_as(MASTER, "default", HASHES, garbage, NOW) is None


def test_a_browser_is_known_after_the_master_key_has_changed() -> None:
    """What was made with an earlier master key is still known, and made again with the next sign-in."""
    kept = kept_after_sign_in(MASTER, "default", HASHES, "", NOW)
    both = MasterKeys([b"2" * 32, b"1" * 32])
    assert known_as(both, "default", ("hash-under-the-new-key", *HASHES), kept, NOW) is not None
