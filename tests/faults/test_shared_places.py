"""What hangs holds up nothing else: the places of the guarded way out, and whom they are for (A119)."""

import asyncio
from typing import Any

import msgspec
import pytest
from aiohttp import web

from authrim.clients.keys import ClientKeys
from authrim.outside.egress import Egress
from authrim.outside.shares import MOST_AT_ONCE, NoFreePlace, Pace, Party, Shares
from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from tests.support.https_site import Authority, Site
from tests.support.patience import PATIENCE
from tests.support.running import development_settings

GOOD = Party("rp.example:443", "good")


async def hold(shares: Shares, party: Party, patience: float = 30.0) -> None:
    """Hold a place until cancelled."""
    async with shares.place(party, patience):
        await asyncio.sleep(3600)


async def ask(shares: Shares, party: Party) -> None:
    """Hold a place for no time at all: a quick answer."""
    async with shares.place(party, 0.05):
        pass


async def under_way(shares: Shares, parties: list[Party], patience: float = 30.0) -> list[asyncio.Task[None]]:
    """All of them have asked; those that got no place wait."""
    tasks = [asyncio.create_task(hold(shares, party, patience)) for party in parties]
    await asyncio.sleep(0)
    return tasks


async def end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a119_who_answered_quickly_finds_a_place_beside_any_number_that_hang() -> None:
    """A119: ten thousand hosts that nobody knows do not take the last places from one that has answered."""
    shares = Shares()
    await ask(shares, GOOD)
    tasks = await under_way(shares, [Party(f"dead-{n}.example:443", str(n)) for n in range(10_000)])
    for _ in range(20):
        await ask(shares, GOOD)
    await end(tasks)


async def test_a119_a_new_host_finds_a_place_beside_a_hundred_that_hang() -> None:
    """A119: a client that was never told before is told at once, whether the others hang for the first time or not."""
    shares = Shares()
    tasks = await under_way(shares, [Party(f"dead-{n}.example:443", str(n)) for n in range(100)])
    await ask(shares, GOOD)
    await end(tasks)


async def test_a119_a_client_has_a_share_of_its_host() -> None:
    """A119: a host that many clients share is not used up by one of them, nor by a hundred that hang."""
    shares = Shares()
    await ask(shares, GOOD)
    bad = [Party(GOOD.host, "bad")] * 16
    tasks = await under_way(shares, bad)
    await ask(shares, Party(GOOD.host, "another"))
    tasks += await under_way(shares, [Party(GOOD.host, str(n)) for n in range(100)])
    await ask(shares, GOOD)
    await end(tasks)


async def test_a119_who_hangs_is_behind_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A119: after an answer that was long in coming a party waits for the places of the slow, and is let out of them
    by a quick answer."""
    monkeypatch.setattr("authrim.outside.shares._QUICK_SECONDS", 0.0)
    shares = Shares()
    slow = [Party(f"slow-{n}.example:443") for n in range(100)]
    for party in slow:
        async with shares.place(party, 1):
            await asyncio.sleep(0.001)
    assert {shares.pace(party) for party in slow} == {Pace.SLOW}
    tasks = await under_way(shares, slow)
    with pytest.raises(NoFreePlace):
        await ask(shares, slow[0])
    await ask(shares, GOOD)
    await end(tasks)
    monkeypatch.setattr("authrim.outside.shares._QUICK_SECONDS", 60.0)
    await ask(shares, slow[0])
    assert shares.pace(slow[0]) == Pace.QUICK


async def test_places_come_back() -> None:
    """However a turn ends, by an answer, an error, a cancellation or no patience, its place is free for the next."""
    shares = Shares()
    for _ in range(3):
        tasks = await under_way(shares, [Party(f"{n}.example:443") for n in range(2 * MOST_AT_ONCE)], 0.01)
        await asyncio.sleep(0.05)
        for task in tasks[::2]:
            task.cancel()
            await asyncio.sleep(0)
        await end(tasks)
    with pytest.raises(RuntimeError):
        async with shares.place(GOOD, 1):
            raise RuntimeError
    assert not any(shares._waiting.values())
    assert not shares._waiting_for
    assert not shares._held._held


async def test_few_wait_for_one_party() -> None:
    """A119: what can have no place soon is told at once, so that nothing piles up in memory."""
    shares = Shares()
    tasks = await under_way(shares, [GOOD] * 18)
    assert shares.is_crowded(GOOD)
    with pytest.raises(NoFreePlace):
        await ask(shares, GOOD)
    assert not shares.is_crowded(Party("another.example:443"))
    await end(tasks)


async def test_a119_a_slow_key_set_is_its_own_clients_alone(authority: Authority, site: Site) -> None:
    """A119: on a host of many clients' key sets one that hangs keeps no other from being fetched."""
    egress = Egress(("localhost",), ca_file=authority.ca_file, timeout_seconds=5)
    keys = ClientKeys(egress, development_settings(1))
    go_on = asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await go_on.wait()
        return web.json_response({"keys": []})

    site.answers["/slow"] = hang
    site.serve("/good", {"keys": [{"kty": "oct", "k": "AAAA"}]})
    slow = [_client(f"slow {number}", site.url("/slow")) for number in range(20)]
    hanging = [asyncio.create_task(keys.jwks("default", client)) for client in slow[:4]]
    same = [asyncio.create_task(egress.fetch(site.url("/slow"), client="slow 0")) for _ in range(20)]
    async with asyncio.timeout(PATIENCE):
        while site.asked("/slow") < 5:  # noqa: ASYNC110 - the site makes it true
            await asyncio.sleep(0.01)
        await keys.jwks("default", _client("good", site.url("/good")))
    assert site.asked("/good") == 1
    go_on.set()
    await asyncio.gather(*hanging, *same, return_exceptions=True)
    await egress.close()


async def test_a119_a_key_set_that_found_no_place_is_asked_for_soon(
    authority: Authority, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A119: nobody was asked, so it is no failure, after which the set is not asked for in a minute."""
    monkeypatch.setattr("authrim.clients.keys._CROWDED_PAUSE", 0)
    egress = Egress(("localhost",), ca_file=authority.ca_file, timeout_seconds=4)
    keys, go_on = ClientKeys(egress, development_settings(1)), asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await go_on.wait()
        return web.json_response({})

    site.answers["/slow"] = hang
    held = [asyncio.create_task(egress.fetch(site.url("/slow"), client="web")) for _ in range(2)]
    async with asyncio.timeout(PATIENCE):
        while site.asked("/slow") < 2:  # noqa: ASYNC110 - the site makes it true
            await asyncio.sleep(0.01)
    client = _client("web", site.serve("/good", {"keys": []}))
    await keys.jwks("default", client)
    assert site.asked("/good") == 0
    go_on.set()
    await asyncio.gather(*held, return_exceptions=True)
    await keys.jwks("default", client)
    assert site.asked("/good") == 1
    await egress.close()


def _client(client_id: str, jwks_uri: str) -> Client:
    changes: dict[str, Any] = {"client_id": client_id, "metadata": ClientMetadata(jwks_uri=jwks_uri)}
    return msgspec.structs.replace(Client(), **changes)
