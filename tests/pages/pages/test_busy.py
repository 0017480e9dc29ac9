"""More passwords than can be checked: whoever is too many is asked to come again, and nobody waits forever."""

import asyncio

import pytest

from authrim.store.contract import Store
from tests.support.browser import Browser, BrowserPage
from tests.support.running import RunningServer, running_server


async def sign_in(server: RunningServer) -> BrowserPage:
    browser = Browser(server)
    shown, _ = await browser.authorize(await server.client("web"))
    return await browser.sign_in(shown)


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_a_full_queue_of_passwords_is_503(store: Store) -> None:
    """F25: beyond the limit a sign-in is answered 503 with Retry-After, the others are let in, and it passes."""
    busy = {"password_workers": 1, "password_queue_limit": 1, "sign_in_attempts_per_account": 1000}
    async with running_server(store, **busy) as server:
        await server.client("web")
        answers = await asyncio.gather(*(sign_in(server) for _ in range(12)))
        refused = [shown for shown in answers if shown.status == 503]
        assert refused
        assert all(int(shown.headers["Retry-After"]) > 0 for shown in refused)
        assert {shown.status for shown in answers} == {200, 503}
        assert "/consent/" in (await sign_in(server)).url
