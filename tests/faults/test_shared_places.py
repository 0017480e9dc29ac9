"""What hangs holds up nothing else: the places of the guarded way out, and whom they are for (A119)."""

import asyncio

import pytest

from authrim.outside.shares import MOST_AT_ONCE, Crowded, Pace, Party, Shares

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
    with pytest.raises(Crowded):
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
    with pytest.raises(Crowded):
        await ask(shares, GOOD)
    assert not shares.is_crowded(Party("another.example:443"))
    await end(tasks)
