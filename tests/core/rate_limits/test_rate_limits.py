"""Budgets of requests that all processes share (RFC 6585 §4, decisions.md 20)."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from authrim.core import rate_limits
from authrim.core.rate_limits import Policy, RateLimits
from authrim.store.contract import Store, Unavailable
from authrim.store.postgres.store import PostgresStore
from tests.faults.processes import Site, site
from tests.support.running import running_server

MINUTE = 1_800_000_000.0 // 60 * 60
PROCESSES = 3


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = MINUTE + 15

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def stores(store: Store, store_place: Path | str) -> AsyncIterator[list[Store]]:
    """One store for each process on PostgreSQL; SQLite has one process."""
    others = (
        [PostgresStore(store_place) for _ in range(PROCESSES - 1)] if isinstance(store_place, str) else []
    )
    for other in others:
        await other.open()
    yield [store, *others]
    for other in others:
        await other.close()


async def accepted(processes: list[RateLimits], policy: Policy, who: str, requests: int) -> Counter[int]:
    """How many of so many requests at once each of the processes accepts, with no pattern in who is asked."""

    async def one(number: int) -> tuple[int, bool]:
        process = number * 7 % len(processes)
        return process, (await processes[process].take(policy, who)).refusal is None

    taken = await asyncio.gather(*(one(number) for number in range(requests)))
    return Counter(process for process, is_accepted in taken if is_accepted)


async def test_the_sum_keeps_to_the_limit(stores: list[Store], clock: Clock) -> None:
    """All processes together accept no more than the limit, and less by no more than shares that others may hold."""
    processes = [RateLimits(store, clock) for store in stores]
    policy = Policy("token-client", 640)
    sums = sum([(await accepted(processes, policy, "a", 300)).total() for _ in range(4)])
    assert 640 - (len(processes) - 1) * 20 <= sums <= 640
    assert (await accepted(processes, policy, "b", 90)).total() == 90


async def test_a_small_limit_is_exact(stores: list[Store], clock: Clock) -> None:
    """A budget of less than two times 32 has shares of one: exactly as many are accepted, by whichever process."""
    processes = [RateLimits(store, clock) for store in stores]
    assert (await accepted(processes, Policy("token-client", 40), "a", 120)).total() == 40


async def test_a_restart_gives_nobody_more(store: Store, clock: Clock) -> None:
    """What a process that ended has accepted stays counted; the next minute is whole."""
    policy = Policy("token-client", 10)
    assert (await accepted([RateLimits(store, clock)], policy, "a", 10)).total() == 10
    again = RateLimits(store, clock)
    refused = await again.take(policy, "a")
    assert refused.refusal is not None
    assert (refused.refusal.status, refused.refusal.retry_after, refused.seconds, refused.left) == (
        429,
        45,
        45,
        0,
    )
    clock.now += 45
    assert (await accepted([again], policy, "a", 20)).total() == 10


async def test_shares_are_taken_ahead(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is asked once per share, not once per request, and a request seldom waits for it."""
    asked: list[str] = []
    count = store.count

    async def counted(key: str, window: int, amount: int = 1) -> int:
        asked.append(key)
        return await count(key, window, amount)

    monkeypatch.setattr(store, "count", counted)
    process, policy = RateLimits(store, clock), Policy("token-client", 3200)
    for _ in range(1000):
        await process.take(policy, "a")
    assert len(asked) <= 12


async def test_a_store_that_is_away_lets_nobody_pass(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the count cannot be read, a request fails once the share is used up; it is not let in uncounted. When the
    store is back, so is the budget."""
    process, policy = RateLimits(store, clock), Policy("token-client", 64)

    async def away(_key: str, _window: int, _amount: int = 1) -> int:
        raise Unavailable("nothing is there")

    await process.take(policy, "a")
    with monkeypatch.context() as broken:
        broken.setattr(store, "count", away)
        taken = await asyncio.gather(*(process.take(policy, "a") for _ in range(4)), return_exceptions=True)
        assert isinstance(taken[-1], Unavailable)
    assert (await process.take(policy, "a")).refusal is None


async def test_a_network_has_more_than_an_address(store: Store, clock: Clock) -> None:
    """A225: the /64s of one /56 share four times the budget of one; what the inner one refuses is not counted there."""
    process, policy = RateLimits(store, clock), Policy("authorize-address", 2)
    answers = [
        (await process.take_of_networks(policy, (f"64-{number // 3}", "56", "48"))).refusal is None
        for number in range(18)
    ]
    assert answers == [True, True, False] * 4 + [False] * 6


async def test_many_sources_share_one_budget(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory has a bound: sources beyond it have one budget together."""
    monkeypatch.setattr(rate_limits, "BUDGETS", 5)
    process, policy = RateLimits(store, clock), Policy("authorize-address", 1)
    answers = [(await process.take(policy, str(number))).refusal is None for number in range(8)]
    assert answers == [True] * 6 + [False] * 2


POLICY = re.compile(r'"token-client";q=3;w=60')
STATE = re.compile(r'"token-client";r=(\d+);t=(\d+)')
FORM = {"grant_type": "client_credentials"}


async def test_a_client_is_told_what_is_left(store: Store) -> None:
    """RFC 6585 §4: every answer tells the client what is left, the one too many is 429 with ``Retry-After``, no earlier
    than the field says; another client has a budget of its own, and without a limit nothing is told."""
    async with running_server(store, token_requests_per_minute=3) as server:
        service, other = await server.client("service"), await server.client("other", kind="service")
        seen = []
        for _ in range(4):
            async with server.http.post(server.url("/token"), data=FORM, headers=service.basic) as answer:
                assert POLICY.fullmatch(answer.headers["RateLimit-Policy"])
                state = STATE.fullmatch(answer.headers["RateLimit"])
                assert state
                seen.append((answer.status, int(state[1])))
                last = (await answer.json(), answer.headers.get("Retry-After"), int(state[2]))
        assert seen == [(200, 2), (200, 1), (200, 0), (429, 0)]
        assert last[0]["error"] == "temporarily_unavailable"
        assert 1 <= last[2] <= int(last[1] or 0) <= 60
        assert (await server.post("/token", FORM, other.basic))[0] == 200


async def test_nothing_is_told_without_a_limit(store: Store) -> None:
    """By default the token endpoint has no limit, and no fields of one."""
    async with running_server(store) as server:
        service = await server.client("service")
        async with server.http.post(server.url("/token"), data=FORM, headers=service.basic) as answer:
            assert answer.status == 200
            assert not {"RateLimit", "RateLimit-Policy"} & set(answer.headers)


async def asked_of(place: Site, requests: int) -> Counter[int]:
    """The statuses of so many requests, spread over the processes."""
    async with aiohttp.ClientSession() as http:

        async def one(number: int) -> int:
            headers = place.clients["service"].basic
            async with http.post(place.url("/token", number), data=FORM, headers=headers) as answer:
                return answer.status

        return Counter(await asyncio.gather(*(one(number) for number in range(requests))))


async def test_two_processes_keep_one_limit(postgres_dsn: str, tmp_path: Path) -> None:
    """Two server processes accept as many as the limit together, and a restarted one no more."""
    settings = {"token_requests_per_minute": 20, "overload_milliseconds": 0}
    async with site(postgres_dsn, tmp_path, 2, settings) as place:
        first = await asked_of(place, 30)
        await place.servers[1].kill()
        await place.servers[1].start()
        again = await asked_of(place, 10)
    assert set(first + again) == {200, 429}
    # The minute may have turned between the two.
    assert first[200] + again[200] in {20, 30, 40}
    assert first[200] == 20 or again[200]
