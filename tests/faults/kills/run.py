"""One server after the other that dies at one point of the path, under load, and what is left held against the log."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp

from authrim.audit.rebuild import verify as verify_projections
from authrim.store.chain import verify as verify_chain
from authrim.store.opening import open_store
from authrim.store.read_back import ReadBack
from tests.faults.history.calls import Calls
from tests.faults.history.checker import Violation, check
from tests.faults.history.clients import Client
from tests.faults.history.faults import APPEND
from tests.faults.history.log import Event, log_of
from tests.faults.kills import path
from tests.faults.kills.nursery import ForkedServer, forked_site
from tests.faults.kills.points import AppendPath, Failpoint
from tests.faults.kills.world import SETTINGS, World
from tests.faults.processes import Site
from tests.support.https_site import serving_site
from tests.support.patience import PATIENCE
from tests.support.tcp_proxy import Proxy

CLIENTS: Final = 3
#: Seconds in which a server must come to the point where it dies.
_SOON: Final = PATIENCE
#: Points that a process comes to when it has lost a connection, by a part of their names.
_AFTER_A_LOSS: Final = (
    "Writer._settle", "Writer._look_up", "Writer._connected", "Followers.run await", "Connections.connect",
)  # fmt: skip


class Result(NamedTuple):
    """How many servers died, which did not come to their failpoint, and what is wrong."""

    deaths: int
    not_met: list[Failpoint]
    calls: Counter[tuple[str, str]]
    events: int
    violations: list[Violation]


@dataclass
class Dying:
    """A store with one server at a time, and who asks it."""

    place: Site
    server: ForkedServer
    world: World
    clients: list[Client]
    calls: Calls
    folder: Path
    proxy: Proxy | None

    async def points(self, wanted: set[str]) -> tuple[set[tuple[str, str]], set[str]]:
        """Ask until the wanted points were passed: those that were, with their moments, and who else waited there."""
        self.server.record = self.folder / "points"
        await self.server.start()
        await self._prepare()
        self.server.arm()
        over = asyncio.Event()

        async def look() -> None:
            for _ in range(int(PATIENCE / 0.2)):
                await asyncio.sleep(0.2)
                if wanted <= {point for point, _ in _lines(self.server.record)}:
                    break
            over.set()

        await asyncio.gather(look(), self._load(over, loses=True))
        await self.server.stop()
        passed = _lines(self.server.record)
        self.server.record = None
        strays = {point for point, _ in passed if point.startswith("!")}
        return {one for one in passed if one[0] not in strays}, strays

    async def die(self, failpoints: Sequence[Failpoint]) -> Result:
        """One server for each failpoint, and one that is stopped."""
        not_met = []
        for number, failpoint in enumerate([*failpoints, None]):
            await self.server.start(failpoint)
            await (self.world.refuse_old_proofs() if number else self._prepare())
            if failpoint is None:
                break
            self.server.arm()
            over = asyncio.Event()
            loses = any(name in failpoint.point for name in _AFTER_A_LOSS)
            asking = asyncio.create_task(self._load(over, loses=loses))
            if not await self.server.died(_SOON):
                not_met.append(failpoint)
                await self.server.kill()
            over.set()
            await asking
        for client in self.clients:
            await client.look_back()
        return await self._result(len(failpoints) - len(not_met), not_met)

    async def _prepare(self) -> None:
        for client in self.clients:
            await client.prepare()

    async def _load(self, over: asyncio.Event, *, loses: bool) -> None:
        async with asyncio.TaskGroup() as group:
            for client in self.clients:
                group.create_task(client.live(over, 0.01))
            group.create_task(self.world.prove(over))
            group.create_task(self.world.open_requests(over))
            if loses and self.proxy is not None:
                group.create_task(self._lose_connections(over, self.proxy))

    async def _lose_connections(self, over: asyncio.Event, proxy: Proxy) -> None:
        """Lose the answers of appends, and now and then every connection: who is the first to connect again of those
        that share one is a matter of chance."""
        for cuts in count():
            proxy.swallow_answer = APPEND
            await asyncio.sleep(0.3)
            if over.is_set():
                break
            if cuts % 5 == 4:
                proxy.cut()
        proxy.swallow_answer = None

    async def _result(self, died: int, not_met: list[Failpoint]) -> Result:
        async with self._opened() as store:
            await self.world.until_told(store)
        await self.server.stop()
        async with self._opened() as store:
            log = log_of([event async for event in _events(store)])
            violations = [*check(self.calls.made, log), *await self.world.check(log, store)]
            problem = (await verify_chain(store)).problem
            differences = (await verify_projections(store)).differences
        violations += [Violation("projections_equal_the_fold", str(one), "") for one in differences]
        if problem is not None:
            violations.append(Violation("the_chain_is_whole", str(problem), ""))
        told = Counter((call.operation, str(call.outcome)) for call in self.calls.made)
        return Result(died, not_met, told, len(log.events), violations)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[ReadBack]:
        store = open_store(self.place.settings)
        await store.open()
        yield store
        await store.close()


async def _events(store: ReadBack) -> AsyncIterator[Event]:
    after = 0
    while page := await store.read_log(after, 1000):
        for one in page:
            yield Event(one.position, one.recorded_at, one.stream, one.type, json.loads(one.payload))
        after = page[-1].position


def _lines(record: Path | None) -> set[tuple[str, str]]:
    if record is None or not record.exists():
        return set()
    lines = (line.partition(" | ") for line in record.read_text().splitlines())
    return {(point, moment) for point, _, moment in lines}


def path_of(place: Path | str) -> AppendPath:
    """The path of the store at that place."""
    return path.SQLITE if isinstance(place, Path) else path.POSTGRESQL


@asynccontextmanager
async def dying(place: Path | str, folder: Path, seed: int) -> AsyncIterator[Dying]:
    """On an empty store: a file, or the address of a database by TCP."""
    chance, calls, proxy = random.Random(seed), Calls(), None
    async with AsyncExitStack() as stack:
        if isinstance(place, str):
            port = urlsplit(place).port
            assert port is not None
            proxy = await stack.enter_async_context(Proxy(port))
            place = place.replace(f":{port}/", f":{proxy.port}/")  # noqa: ASYNC240 - a text
        hooks = await stack.enter_async_context(serving_site(None))
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        site, (server,) = await stack.enter_async_context(forked_site(place, folder, 1, SETTINGS))
        world = World(site, http, hooks, chance)
        await world.furnish()
        clients = [
            Client(number, site, http, calls, random.Random(chance.random())) for number in range(CLIENTS)
        ]
        yield Dying(site, server, world, clients, calls, folder, proxy)
