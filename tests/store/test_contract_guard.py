"""What guard rows and counters promise, on both engines: a value is used once, and sums are exact."""

import asyncio
import secrets
from time import time

from authrim.store.contract import Store


async def test_a_key_is_reserved_once(store: Store) -> None:
    """Of many parallel reservations of each of many keys, exactly one per key is granted (F15, A075)."""
    later = int(time()) + 600
    keys = [f"jti:{n}" for n in range(50)]
    granted = await asyncio.gather(*(store.reserve(key, later) for key in keys * 8))
    assert sum(granted) == 50
    assert all(sum(granted[n::50]) == 1 for n in range(50))
    assert not any(await asyncio.gather(*(store.reserve(key, later) for key in keys)))


async def test_an_expired_key_may_be_reserved_again(store: Store) -> None:
    """A reservation whose time is over is not in the way of the next one, and that one counts again."""
    key = "jti:"
    while not await store.reserve(key, int(time()) + 2):  # unless the machine stood still for two seconds
        key += "a"
    later = int(time()) + 600
    assert not await store.reserve(key, later)
    await asyncio.sleep(2.1)
    assert await store.reserve(key, later)
    assert not await store.reserve(key, later)


async def test_a_time_that_is_over_is_never_reserved(store: Store) -> None:
    """F13: what would be forgotten at once is refused, so that no node with a slow clock takes a value twice."""
    over, later = int(time()) - 1, int(time()) + 600
    keys = ("jti:old", "jti:new", "jti:old")
    times = (over, later, over)
    granted = await asyncio.gather(*(store.reserve(key, at) for key, at in zip(keys, times, strict=True)))
    assert granted == [False, True, False]
    assert await store.reserve("jti:old", later)


async def test_a_long_key_fails_nobody(store: Store) -> None:
    """Keys longer than an index takes are told apart, work like any other, and do not fail who travels with them."""
    later = int(time()) + 600
    start = secrets.token_hex(5_000)
    keys = ["jti:short", f"jti:{start}a", f"jti:{start}b", "\U0001f600" * 512, "\ud800" * 512]
    assert all(await asyncio.gather(*(store.reserve(key, later) for key in keys)))
    assert not any(await asyncio.gather(*(store.reserve(key, later) for key in keys)))
    for total in (1, 2):
        assert await asyncio.gather(*(store.count(key, 60) for key in keys)) == [total] * len(keys)
    assert await asyncio.gather(*(store.count(key, 60, 0) for key in keys)) == [2] * len(keys)


async def test_counters_lose_nothing(store: Store) -> None:
    """Parallel additions each see a total of their own, and the last total is the sum."""
    totals = await asyncio.gather(*(store.count("failures:a", 60) for _ in range(40)))
    assert sorted(totals) == list(range(1, 41))
    assert await store.count("failures:a", 60, 10) == 50
    assert await store.count("failures:a", 60, 0) == 50
    assert await store.count("failures:b", 60, 0) == 0


async def test_a_counter_begins_anew_after_its_window(store: Store) -> None:
    """A total lasts for the window of its first use, and is zero afterwards."""
    assert await store.count("failures:a", 1) == 1
    assert await store.count("failures:a", 1) == 2
    await asyncio.sleep(1.1)
    assert await store.count("failures:a", 1, 0) == 0
    assert await store.count("failures:a", 1) == 1


async def test_what_is_taken_back_too_late_is_lost(store: Store) -> None:
    """Taking back after the window, or from a counter that never was, leaves zero and no room for more (A183)."""
    assert await store.count("failures:a", 1, 2) == 2
    assert await store.count("failures:a", 1, -1) == 1
    await asyncio.sleep(1.1)
    for key in ("failures:a", "failures:b"):
        assert await store.count(key, 60, -1) == 0
        assert await store.count(key, 60, -1) == 0
        assert await store.count(key, 60) == 1
        assert await store.count(key, 60, -3) == 0
        assert await store.count(key, 60) == 1


async def test_taking_back_travels_with_adding(store: Store) -> None:
    """Parallel additions and takings of many counters add up for each of them."""
    keys = [f"failures:{n}" for n in range(20)]
    await asyncio.gather(*(store.count(key, 60, 5) for key in keys))
    await asyncio.gather(*(store.count(key, 60, amount) for amount in (3, -2, -1) for key in keys))
    assert await asyncio.gather(*(store.count(key, 60, 0) for key in keys)) == [5] * 20
    await asyncio.gather(*(store.count(key, 60, -number) for number, key in enumerate(keys)))
    totals = await asyncio.gather(*(store.count(key, 60, 0) for key in keys))
    assert totals == [max(5 - number, 0) for number in range(20)]
