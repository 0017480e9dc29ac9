"""A run: clients and faults at once, and then both sides of the history held against each other."""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import aiohttp

from authrim.audit.bundle.export import VERIFIER
from authrim.audit.rebuild import verify as verify_projections
from authrim.settings import load
from authrim.store.opening import open_store
from authrim.store.sqlite.schema import migrate_sqlite
from tests.faults.history.calls import Calls, Outcome
from tests.faults.history.checker import Violation, check
from tests.faults.history.clients import Client
from tests.faults.history.faults import Faults
from tests.faults.history.log import read_bundle
from tests.faults.kills.nursery import forked_site
from tests.faults.kills.path import POSTGRESQL, SQLITE
from tests.faults.kills.points import points_of
from tests.faults.processes import Site
from tests.postgres_cluster import Cluster
from tests.support.clocks import SetClock, can_set_clocks
from tests.support.small_disk import small_disk_if_possible
from tests.support.tcp_proxy import Proxy

#: Seconds in which the server answers everything again when nothing is broken any more.
_RECOVERY: Final = 60


@dataclass(frozen=True)
class Plan:
    """What is run: the same seed makes the same choices, though not the same history, which the machine makes too.
    ``pause`` and ``between_faults`` are means in seconds."""

    seed: int
    seconds: float
    clients: int = 6
    pause: float = 0.05
    between_faults: float = 2.0


@dataclass(frozen=True)
class Result:
    """What was done, and what was wrong with it."""

    faults: Counter[str]
    calls: Counter[tuple[str, str]]
    events: int
    violations: list[Violation]
    not_proved: str

    @property
    def unknown(self) -> int:
        """Calls without an answer."""
        return sum(count for (_, outcome), count in self.calls.items() if outcome == Outcome.UNKNOWN)


async def run(
    plan: Plan, folder: Path, cluster: Cluster | None = None, standby: Cluster | None = None
) -> Result:
    """Run on an SQLite file, or by two processes on a cluster that nobody else uses, whose commits may wait for a
    standby."""
    calls = Calls()
    chance = random.Random(plan.seed)
    async with _faults(folder, random.Random(chance.random()), cluster, standby) as faults:
        place = faults.place
        for server in faults.servers:
            await faults.start(server)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            clients = [
                Client(number, place, http, calls, random.Random(chance.random()))
                for number in range(plan.clients)
            ]
            for client in clients:
                await client.prepare()
            over = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                for client in clients:
                    group.create_task(client.live(over, plan.pause))
                group.create_task(faults.inject(over, plan.between_faults))
                await asyncio.sleep(plan.seconds)
                over.set()
            await _recovered(place, http)
            for client in clients:
                await client.look_back()
        for server in faults.servers:
            await server.stop()
        judged = await judge(calls, folder / "authrim-0.toml", folder)
    told = Counter((call.operation, str(call.outcome)) for call in calls.made)
    return Result(faults.injected, told, *judged)


class Judgement(NamedTuple):
    """How many events the log has, what is wrong with the history, and what the verifier of the bundle says."""

    events: int
    violations: list[Violation]
    not_proved: str


async def judge(calls: Calls, config: Path, folder: Path) -> Judgement:
    """Hold what clients saw against the log of the database in these settings; ``folder`` gets the exported log."""
    bundle, said = await _exported(config, folder)
    different = await _projections(config)
    log = read_bundle(bundle)
    violations = check(calls.made, log) + [
        Violation("projections_equal_the_fold", one, "") for one in different
    ]
    return Judgement(len(log.events), violations, said)


@asynccontextmanager
async def _faults(
    folder: Path, chance: random.Random, cluster: Cluster | None, standby: Cluster | None
) -> AsyncIterator[Faults]:
    """A site on a small disk, with a clock that can be set, as far as this machine lets us."""
    settings = {"refresh_grace_seconds": 3}
    async with AsyncExitStack() as stack:
        # A standby would write to the place of the primary's disk too.
        disk = None if standby else stack.enter_context(small_disk_if_possible(64))
        if cluster is None:
            file = (disk.path if disk else folder) / "authrim.db"
            migrate_sqlite(file)
            place, servers = await stack.enter_async_context(forked_site(file, folder, 1, settings))
            yield Faults(place, servers, chance, points_of(SQLITE), disk)
        else:
            clock = SetClock(folder / "clock") if can_set_clocks() else None
            proxy = await stack.enter_async_context(Proxy(cluster.port))
            database = cluster.new_database(disk=disk.path if disk else None)
            dsn = Cluster(cluster.folder, proxy.port).dsn(database)
            right = SetClock(folder / "right-clock").environment if clock else {}
            place, servers = await stack.enter_async_context(forked_site(dsn, folder, 2, settings, right))
            if clock is not None:
                servers[0].environment = clock.environment
            yield Faults(place, servers, chance, points_of(POSTGRESQL), disk, clock, cluster, proxy, standby)


async def _recovered(place: Site, http: aiohttp.ClientSession) -> None:
    """Wait until each process is ready again, by itself."""
    async with asyncio.timeout(_RECOVERY):
        for number in range(len(place.servers)):
            while True:
                try:
                    async with http.get(place.url("/health/ready", number)) as answer:
                        if answer.status == 200:
                            break
                except (aiohttp.ClientError, OSError):
                    pass
                await asyncio.sleep(0.1)


async def _exported(config: Path, folder: Path) -> tuple[Path, str]:
    """The bundle of the whole log, and what its verifier finds wrong with it."""
    authrim = [sys.executable, "-m", "authrim", "--config", str(config), "audit"]
    bundle, key = folder / "log.tar", folder / "key.txt"
    bundle.unlink(missing_ok=True)  # that of the scenario before
    key.write_text(await _done([*authrim, "checkpoint-key"]))
    await _done([*authrim, "export", "--out", str(bundle)])
    try:
        await _done([sys.executable, "-I", str(VERIFIER), "--key", str(key), str(bundle)])
    except AssertionError as fault:
        return bundle, str(fault)
    return bundle, ""


async def _done(command: list[str]) -> str:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    printed, errors = await process.communicate()
    assert process.returncode == 0, printed.decode() + errors.decode()
    return printed.decode()


async def _projections(config: Path) -> list[str]:
    """The rows that are not what the log says."""
    store = open_store(load(config))
    await store.open()
    try:
        verified = await verify_projections(store)
        return [str(one) for one in verified.differences]
    finally:
        await store.close()
