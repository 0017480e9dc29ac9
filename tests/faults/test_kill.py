"""``kill -9`` in the middle of load, on both stores, by the kernel that has no memory left where a control group can be
made: nothing that was answered is lost (F01, F02, F03, F26). ``test_kill_at_each_await.py`` has exact moments."""

import asyncio
from pathlib import Path

import aiohttp

from authrim.audit.rebuild import verify as verify_projections
from authrim.store.chain import verify as verify_chain
from authrim.store.opening import open_store
from tests.faults.processes import Site, site
from tests.support.browser import Browser
from tests.support.memory_group import can_make_groups

CLIENTS = 16


class History:
    """What the clients were told, to be held against the log afterwards."""

    def __init__(self) -> None:
        self.access_tokens: list[str] = []
        self.refresh_tokens: dict[int, str] = {}
        self.answered = 0


async def ask_for_tokens(http: aiohttp.ClientSession, place: Site, history: History) -> None:
    """Client credentials, again and again, until the server is gone."""
    service = place.clients["service"]
    while True:
        try:
            async with http.post(
                place.url("/token"), data={"grant_type": "client_credentials"}, headers=service.basic
            ) as answer:
                body = await answer.json()
        except (aiohttp.ClientError, OSError):
            return
        assert answer.status == 200, body
        history.access_tokens.append(body["access_token"])


async def refresh(
    http: aiohttp.ClientSession, place: Site, history: History, number: int, token: str
) -> None:
    """One chain of refreshes, each with the token that the last answer gave."""
    web = place.clients["web"]
    history.refresh_tokens[number] = token
    while True:
        form = {"grant_type": "refresh_token", "refresh_token": history.refresh_tokens[number]}
        try:
            async with http.post(place.url("/token"), data=form, headers=web.basic) as answer:
                body = await answer.json()
        except (aiohttp.ClientError, OSError):
            return
        assert answer.status == 200, body
        history.refresh_tokens[number] = body["refresh_token"]
        history.access_tokens.append(body["access_token"])


async def is_active(http: aiohttp.ClientSession, place: Site, token: str) -> bool:
    """What introspection says to the client that the token was issued to, or to its audience."""
    for name in ("web", "api"):
        headers = place.clients[name].basic
        async with http.post(place.url("/introspect"), data={"token": token}, headers=headers) as answer:
            if (await answer.json())["active"]:
                return True
    return False


async def test_what_was_answered_survives_kill_9(store_place: Path | str, tmp_path: Path) -> None:
    """F01, F02, F03, F26: every answered token introspects as active after the restart, every refresh chain goes on
    from its last answer, the hash chain verifies, and the projections equal the fold of the log."""
    history = History()
    async with (
        # What was recorded and not answered is asked for again: within the grace, however long a busy machine takes.
        site(store_place, tmp_path, 1, refresh_grace_seconds=60) as place,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        browser = Browser(place.as_running(http))
        first = [
            (await browser.code_flow(place.clients["web"], scope="openid offline_access"))["refresh_token"]
            for _ in range(4)
        ]
        load = [asyncio.create_task(ask_for_tokens(http, place, history)) for _ in range(CLIENTS)]
        load += [
            asyncio.create_task(refresh(http, place, history, number, token))
            for number, token in enumerate(first)
        ]
        await asyncio.sleep(0.7)
        await (place.servers[0].starve() if can_make_groups() else place.servers[0].kill())
        await asyncio.gather(*load)
        await place.servers[0].start()
        assert len(history.access_tokens) > CLIENTS
        active = [await is_active(http, place, token) for token in history.access_tokens]
        assert all(active), f"{active.count(False)} of {len(active)} answered tokens are lost"
        for number, token in history.refresh_tokens.items():
            form = {"grant_type": "refresh_token", "refresh_token": token}
            async with http.post(
                place.url("/token"), data=form, headers=place.clients["web"].basic
            ) as answer:
                assert answer.status == 200, (number, await answer.json())
    store = open_store(place.settings)
    await store.open()
    chain, projections = await verify_chain(store), await verify_projections(store)
    await store.close()
    assert chain.problem is None
    assert not projections.differences
