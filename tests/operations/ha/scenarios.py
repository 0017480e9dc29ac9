"""What happens to a cluster under load, and what its clients noticed."""

import asyncio
import random
import signal
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import aiohttp
import asyncpg
import pytest

from authrim.store.postgres.fence import OTHER_PRIMARY
from authrim.store.postgres.store import PostgresStore
from tests.faults.history.calls import Calls, Outcome
from tests.faults.history.checker import Violation
from tests.faults.history.clients import Client
from tests.faults.history.run import judge
from tests.operations.ha.stand import Head, Stand
from tests.support.fencing import call_append
from tests.support.patience import PATIENCE
from tests.support.upgrading import Crowd, Load

#: Seconds between two tokens that are asked for to see whether something can be recorded.
_TICK: Final = 0.1
#: Seconds before a fault, and after all is well again, in which the load goes on.
_AROUND: Final = 4
#: Mean seconds between two calls of a client, and the number of clients.
_PAUSE: Final = 0.1
_CLIENTS: Final = 6


@dataclass
class Probe:
    """Asks for a token all the time, and notes when each was acknowledged: seconds of ``time.monotonic``.
    ``took``: seconds that each of these took."""

    stand: Stand
    http: aiohttp.ClientSession
    acknowledged: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)

    async def ask(self) -> None:
        """One after the other, until cancelled; no answer is waited for."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._once())
                await asyncio.sleep(_TICK)

    async def _once(self) -> None:
        client = self.stand.clients["service"]
        began = time.monotonic()
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with self.http.post(
                self.stand.url("/token"),
                data={"grant_type": "client_credentials"},
                headers=client.basic,
                timeout=aiohttp.ClientTimeout(total=10),
            ) as answer:
                if answer.status == 200 and await answer.read():
                    self.acknowledged.append(time.monotonic())
                    self.took.append(self.acknowledged[-1] - began)

    async def again(self, fault: float) -> None:
        """Wait until ten tokens in a row were acknowledged, ten ticks at least after a fault."""
        async with asyncio.timeout(2 * PATIENCE):
            while True:
                newest = self.acknowledged[-10:]
                if newest[0] > fault + 10 * _TICK and newest[-1] - newest[0] < 20 * _TICK:
                    return
                await asyncio.sleep(_TICK)

    def away(self, fault: float) -> float:
        """Seconds of the longest time after a fault in which nothing was acknowledged."""
        times = sorted(self.acknowledged)
        return max(after - max(before, fault) for before, after in pairwise(times) if after > fault)


@dataclass(frozen=True)
class Told:
    """What a scenario came to. ``away``: the longest time in which no write was acknowledged, in seconds. ``token``:
    seconds that one took before the fault, the median. ``events``: of the whole log."""

    away: float
    token: float
    done: int
    refused: int
    unknown: int
    events: int
    violations: list[Violation]
    not_proved: str
    heads: dict[str, Head]


#: Breaks something and returns when it was broken; what it does afterwards, and returns, mends it.
Scenario = Callable[[Stand, Callable[[], Awaitable[None]]], Awaitable[float]]


async def kill_primary(stand: Stand, back: Callable[[], Awaitable[None]]) -> float:
    """``kill -9`` of PostgreSQL, PgBouncer and Patroni of the primary, and a new start when another one is it."""
    primary = await stand.machine_of("leader")
    fault = time.monotonic()
    stand.send_all(primary, signal.SIGKILL)
    await back()
    await asyncio.to_thread(stand.command, "start")
    return fault


async def kill_machine(stand: Stand, back: Callable[[], Awaitable[None]]) -> float:
    """``kill -9`` of all of the machine of the primary, with its etcd."""
    primary = await stand.machine_of("leader")
    fault = time.monotonic()
    stand.send_all(primary, signal.SIGKILL, "etcd")
    await back()
    await asyncio.to_thread(stand.command, "start")
    return fault


async def switch_over(stand: Stand, back: Callable[[], Awaitable[None]]) -> float:
    """A switchover that an operator asks for."""
    primary = await stand.machine_of("leader")
    fault = time.monotonic()
    await asyncio.to_thread(stand.switch_over, primary)
    await back()
    return fault


async def hang_primary(stand: Stand, back: Callable[[], Awaitable[None]]) -> float:
    """SIGSTOP of the primary's machine. When another one is the primary, PostgreSQL alone goes on, and for a while the
    old primary takes whoever comes; then Patroni does."""
    primary = await stand.machine_of("leader")
    fault = time.monotonic()
    stand.send_all(primary, signal.SIGSTOP)
    await back()
    assert await stand.machine_of("leader") != primary
    stand.send(primary, signal.SIGCONT, "postgres")
    await old_primary_is_fenced(stand, primary)
    stand.send_all(primary, signal.SIGCONT)
    return fault


async def hang_standby(stand: Stand, back: Callable[[], Awaitable[None]]) -> float:
    """SIGSTOP of one of the standbys that commits wait for."""
    standby = await stand.machine_of("quorum_standby")
    fault = time.monotonic()
    stand.send_all(standby, signal.SIGSTOP)
    await back()
    stand.send_all(standby, signal.SIGCONT)
    return fault


async def old_primary_is_fenced(stand: Stand, old: str) -> None:
    """An append that names the new primary is refused by the old one, which runs and calls itself a primary, and its
    log does not grow by whatever the servers do."""
    store = PostgresStore(stand.direct, standby=True)
    await store.open()
    named = store._fence.arguments()
    await store.close()
    before = await asyncio.to_thread(stand.head, old)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await call_append(stand.address(old), *named)
    assert refused.value.sqlstate == OTHER_PRIMARY
    await asyncio.sleep(3)
    assert (await asyncio.to_thread(stand.head, old))[:2] == before[:2]


async def run(stand: Stand, scenario: Scenario, seed: int, calls: Calls) -> Told:
    """The load, the scenario in it, and what the clients saw held against the log. ``calls`` are those of the scenarios
    before on the same cluster too, to which these are added."""
    chance = random.Random(seed)
    begin = len(calls.made)
    async with _crowd(stand, chance, calls) as (clients, probe):
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            living = [group.create_task(client.live(over, _PAUSE)) for client in clients]
            asking = asyncio.create_task(probe.ask())
            try:
                await asyncio.sleep(_AROUND)
                token = statistics.median(probe.took)
                began = time.monotonic()
                fault = await scenario(stand, lambda: probe.again(began))
                await stand.healed()
                await asyncio.sleep(_AROUND)
            finally:
                over.set()
                asking.cancel()
            await asyncio.wait([*living, asking])
        await stand.ready()
        for client in clients:
            await client.look_back()
        heads = await stand.heads()
    judged = await judge(calls, stand.owner, stand.folder)
    outcomes = Counter(call.outcome for call in calls.made[begin:])
    return Told(
        probe.away(fault),
        token,
        *(outcomes[outcome] for outcome in (Outcome.DONE, Outcome.REFUSED, Outcome.UNKNOWN)),
        *judged,
        heads,
    )


@asynccontextmanager
async def _crowd(
    stand: Stand, chance: random.Random, calls: Calls
) -> AsyncIterator[tuple[list[Client], Probe]]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), connector=connector) as http:
        clients = [
            Client(number, stand, http, calls, random.Random(chance.random())) for number in range(_CLIENTS)
        ]
        for client in clients:
            await client.prepare()
        yield clients, Probe(stand, http)


@dataclass(frozen=True)
class Restarted:
    """A rolling restart: how many requests were answered meanwhile, all of them rightly, and how long it took."""

    requests: int
    seconds: float


async def restart_servers(stand: Stand) -> Restarted:
    """Restart one server after the other, while clients send requests without a pause and take no wrong answer."""
    counted = 0

    async def count(*_what: object) -> None:
        nonlocal counted
        counted += 1

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(count)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[trace]) as http:
        load = Load(stand.as_running(http), Crowd(3, 2, 0.02))
        try:
            await load.rounds(3)
            before, began = counted, time.monotonic()
            for server in ("authrim-1", "authrim-2"):
                old = stand.server_pid(server)
                await asyncio.to_thread(stand.restart_without_notice, server)
                assert stand.server_pid(server) != old
                await load.rounds(2)
            told = Restarted(counted - before, time.monotonic() - began)
            await load.end()
        finally:
            await load.stop()
    return told
