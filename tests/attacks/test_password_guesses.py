"""Guessing passwords: failed sign-ins are limited, and correct ones are not counted (A182, A183)."""

import asyncio

import time_machine

from authrim.store.contract import Store
from tests.attacks.sign_in_pages import SESSION, SQLITE, post_form, sign_in_page
from tests.support.browser import Browser
from tests.support.log import reason_of
from tests.support.running import RunningServer, running_server


async def test_guesses_are_slowed_down(server: RunningServer, browser: Browser) -> None:
    """A183: after five wrong passwords 429 with Retry-After, for the right one too, but not for another person."""
    page = await sign_in_page(browser)
    for _ in range(5):
        assert (await browser.sign_in(page, password="wrong")).status == 401
    for password in ("wrong", server.password):
        shown = await browser.sign_in(page, password=password)
        assert (shown.status, shown.headers["Retry-After"]) == (429, "900")
        assert await reason_of(server, shown.headers["Authrim-Error-Id"]) == "too_many_attempts"
    assert (await browser.sign_in(page, "somebody-else", "wrong")).status == 401
    assert SESSION not in browser.cookies


async def test_parallel_guesses_are_counted_like_others(server: RunningServer, browser: Browser) -> None:
    """A183: of 20 guesses at once no more than five are looked at."""
    page = await sign_in_page(browser)
    shown = await asyncio.gather(*(browser.sign_in(page, password=f"wrong {n}") for n in range(20)))
    assert sorted(one.status for one in shown) == [401] * 5 + [429] * 15


@SQLITE
async def test_nobody_is_locked_out_from_elsewhere(store: Store) -> None:
    """A183: however often one address guesses, the person signs in from another."""
    async with running_server(store, trusted_proxies=("127.0.0.0/8", "::1/128")) as server:
        attacker, person = Browser(server), Browser(server)
        page = await sign_in_page(attacker)
        statuses = []
        for _ in range(110):
            guess = await post_form(attacker, page, {"X-Forwarded-For": "192.0.2.1"}, password="wrong")
            statuses.append(guess.status)
        assert statuses == [401] * 5 + [429] * 105
        shown = await post_form(person, await sign_in_page(person), {"X-Forwarded-For": "192.0.2.2"})
        assert "/consent/" in shown.url


@SQLITE
async def test_waiting_ends(server: RunningServer, browser: Browser) -> None:
    """A183: nobody is locked out for good: when the window is over the right password works again."""
    page = await sign_in_page(browser)
    for _ in range(6):
        last = await browser.sign_in(page, password="wrong")
    assert last.status == 429
    with time_machine.travel((await server.core.store.head()).now / 1e6 + 901):
        assert "/consent/" in (await browser.sign_in(await sign_in_page(browser))).url


@SQLITE
async def test_signing_in_often_is_no_guessing(server: RunningServer) -> None:
    """A183: right passwords do not add up to a refusal."""
    for _ in range(8):
        fresh = Browser(server)
        assert (await fresh.sign_in(await sign_in_page(fresh))).status in (200, 303)


@SQLITE
async def test_signing_in_at_once_is_no_guessing(server: RunningServer) -> None:
    """A183: what was refused for coming at once with others is not counted, so nobody has to wait afterwards."""
    for _ in range(3):
        browsers = [Browser(server) for _ in range(8)]
        pages = [await sign_in_page(browser) for browser in browsers]
        await asyncio.gather(*(browser.sign_in(page) for browser, page in zip(browsers, pages, strict=True)))
    last = Browser(server)
    assert "/consent/" in (await last.sign_in(await sign_in_page(last))).url
