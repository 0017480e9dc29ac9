"""The cookies of open requests stay below what proxies take with their default settings: nginx a line of 8 KiB, Apache
one of 8,190 bytes, HAProxy 15 KiB for all headers."""

import asyncio
from pathlib import Path

import pytest

from authrim.store.contract import Store
from authrim.web.cookies import MOST_OPEN_REQUESTS
from tests.support.browser import Browser, redeem
from tests.support.ports import free_port
from tests.support.proxies import proxy, wait_for_proxy
from tests.support.pushed import fetch, pushed
from tests.support.running import running_server

#: Half of the smallest limit: the other half is for the session, for logout, and for other applications of the host.
ROOM = 4096


def header_size(browser: Browser) -> int:
    """The Cookie header, with the longer names that cookies have over TLS."""
    return sum(len(f"__Host-{name}={value}; ") for name, value in browser.cookies.items())


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
async def test_many_open_requests_pass_a_proxy(store: Store, tmp_path: Path, kind: str) -> None:
    """A217: tabs that were opened and never answered, plain ones and pushed ones: the oldest give way, no request is
    refused for its headers, and the newest sign-in goes through."""
    front, back = free_port(), free_port()
    async with running_server(store, port=back, issuer=f"http://localhost:{front}") as server:
        with proxy(kind, tmp_path, front, back):
            await wait_for_proxy(server)
            web = await server.client("web")
            browser = Browser(server)
            sizes = []
            for number in range(120):
                if number % 2:
                    request_uri, _ = await pushed(server, web)
                    shown = await fetch(browser, web, request_uri)
                else:
                    shown, _ = await browser.authorize(web)
                assert shown.status == 200, shown.body
                sizes.append(header_size(browser))
            assert sum("request-" in name for name in browser.cookies) == MOST_OPEN_REQUESTS
            assert max(sizes) < ROOM
            shown, verifier = await browser.authorize(web)
            shown = await browser.through_pages(shown)
            assert (await redeem(server, web, shown.parameters["code"], verifier))[0] == 200


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
async def test_tabs_that_open_at_once_pass_a_proxy(store: Store, tmp_path: Path, kind: str) -> None:
    """A217: tabs that a browser opens together know nothing of each other's cookies. The next requests drop what is too
    much, a few at a time: all in one response would be more headers than nginx takes."""
    front, back = free_port(), free_port()
    async with running_server(store, port=back, issuer=f"http://localhost:{front}") as server:
        with proxy(kind, tmp_path, front, back):
            await wait_for_proxy(server)
            web = await server.client("web")
            browser = Browser(server)
            await asyncio.gather(*(browser.authorize(web) for _ in range(60)))
            for _ in range(7):
                shown, _ = await browser.authorize(web)
                assert shown.status == 200
            assert sum("request-" in name for name in browser.cookies) == MOST_OPEN_REQUESTS
            assert "/consent/" in (await browser.sign_in(shown)).url
