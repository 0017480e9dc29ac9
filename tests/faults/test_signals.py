"""A receiver of security event tokens loses none and gets none twice, whoever is killed in mid stream."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from authrim.crypto import base64url
from authrim.people.accounts import disable_account, enable_account, end_sessions_of
from authrim.store.opening import open_store
from domain.stream import DEFAULT_TENANT
from tests.faults.processes import Site, site
from tests.support.browser import Browser
from tests.support.https_site import serving_site
from tests.support.patience import PATIENCE

#: Each is two events.
TOGGLES = 20
CLIENT: dict[str, Any] = {
    "grant_types": ("authorization_code", "client_credentials"),
    "scope": ("openid", "ssf.manage"),
}


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64url.decode(token.split(".")[1]))
    return claims


class Wire:
    """A receiver that asks one server after another until one answers."""

    def __init__(self, place: Site, http: aiohttp.ClientSession) -> None:
        self.place = place
        self.http = http
        self.token = ""

    async def ask(self, path: str, body: Any, **headers: str) -> dict[str, Any]:
        number = 0
        while True:
            number += 1
            try:
                async with self.http.post(
                    self.place.url(path, number), headers=headers, timeout=aiohttp.ClientTimeout(10), **body
                ) as answer:
                    if answer.status < 300:
                        document: dict[str, Any] = await answer.json()
                        return document
                    assert answer.status == 503, await answer.text()
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(0.05)

    async def begin(self, delivery: dict[str, Any]) -> str:
        """The id of a new stream."""
        client = self.place.clients["web"]
        form = {"grant_type": "client_credentials", "scope": "ssf.manage"}
        self.token = (await self.ask("/token", {"data": form}, **client.basic))["access_token"]
        created = await self.authorized("/ssf/streams", {"delivery": delivery})
        return str(created["stream_id"])

    async def authorized(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self.ask(path, {"json": body}, Authorization=f"Bearer {self.token}")


@asynccontextmanager
async def known_person(store_place: Path | str, folder: Path) -> AsyncIterator[Wire]:
    """A site, one of whose clients knows the person; their session is over."""
    processes = 1 if isinstance(store_place, Path) else 2
    settings = {"shared_signals": True, "egress_allow": ["localhost", "127.0.0.0/8"]}
    async with (
        site(store_place, folder, processes, settings, **CLIENT) as place,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
        asyncio.timeout(3 * PATIENCE),
    ):
        await Browser(place.as_running(http)).code_flow(place.clients["web"], scope="openid")
        yield Wire(place, http)


async def make_events(place: Site) -> None:
    """Events of the person, at a small rate, while a server is killed and started again."""
    store = open_store(place.settings)
    await store.open()
    await end_sessions_of(store, DEFAULT_TENANT, place.subject)
    for number in range(TOGGLES):
        await disable_account(store, DEFAULT_TENANT, place.subject, "test")
        await enable_account(store, DEFAULT_TENANT, place.subject)
        await asyncio.sleep(0.03)
        if number == TOGGLES // 3:
            await place.servers[0].kill()
        if number == 2 * TOGGLES // 3:
            await place.servers[0].start()
    await store.close()


def assert_each_once(got: list[dict[str, Any]]) -> None:
    """Each event made one token, whose ``jti`` no other has."""
    kinds = [next(iter(one["events"])).rpartition("/")[2] for one in got]
    assert sorted(kinds) == sorted(["session-revoked"] + ["account-disabled", "account-enabled"] * TOGGLES)
    assert len({one["jti"] for one in got}) == len(got)


async def test_a_receiver_that_polls(store_place: Path | str, tmp_path: Path) -> None:
    """F01, F22: the receiver dies with every third answer in hand, before it has kept it, and the server is killed; it
    has every token in the end, and each once by its ``jti``."""
    chance = random.Random(7)
    async with known_person(store_place, tmp_path) as receiver:
        path = f"/ssf/poll/{await receiver.begin({'method': 'urn:ietf:rfc:8936'})}"
        making = asyncio.create_task(make_events(receiver.place))
        kept: dict[str, dict[str, Any]] = {}
        ack: list[str] = []
        while not making.done() or len(kept) < 2 * TOGGLES + 1:
            if making.done():
                making.result()
            body = {"ack": ack, "maxEvents": 7, "returnImmediately": True}
            sets = (await receiver.authorized(path, body))["sets"]
            if chance.random() < 0.3:
                ack = []  # it does not even know what it had acknowledged
                continue
            for jti, token in sets.items():
                assert kept.setdefault(jti, claims_of(token)) == claims_of(token)
            ack = list(sets)
            await asyncio.sleep(0.02)
        await making
        while (await receiver.authorized(path, {"ack": ack, "returnImmediately": True}))["sets"]:
            raise AssertionError("something came again that was acknowledged")
    assert_each_once(list(kept.values()))


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_a_receiver_that_is_pushed_to(store_place: Path | str, tmp_path: Path) -> None:
    """F01, F22: the receiver fails now and then and the server is killed; it has every token in the end. What it had
    taken when the server was killed may come again, with the same ``jti``."""
    chance = random.Random(7)
    kept: dict[str, dict[str, Any]] = {}

    async def take(request: web.Request) -> web.Response:
        claims = claims_of(await request.text())
        if chance.random() < 0.1:
            return web.Response(status=503)
        assert kept.setdefault(claims["jti"], claims) == claims
        return web.Response(status=202)

    async with serving_site(None) as place, known_person(store_place, tmp_path) as receiver:
        place.answers["/events"] = take
        await receiver.begin({"method": "urn:ietf:rfc:8935", "endpoint_url": place.url("/events")})
        await make_events(receiver.place)
        while len(kept) < 2 * TOGGLES + 1:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert_each_once(list(kept.values()))
