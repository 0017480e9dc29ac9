"""What is broken under the clients, one after the other, by chance."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from tests.faults.kills.nursery import ForkedServer
from tests.faults.kills.points import MOMENTS, Failpoint
from tests.faults.processes import Site
from tests.postgres_cluster import Cluster
from tests.support.clocks import SetClock
from tests.support.small_disk import SmallDisk
from tests.support.tcp_proxy import Proxy

#: Bytes of a request to the database that appends something.
APPEND = 700


@dataclass
class Faults:
    """The faults of a site: of its servers, of the disk and the clocks when it has such, and with a cluster behind a
    proxy those of PostgreSQL and of the way to it too. ``points`` are those at which a server can die."""

    place: Site
    servers: Sequence[ForkedServer]
    chance: random.Random
    points: Sequence[str]
    disk: SmallDisk | None = None
    clock: SetClock | None = None
    cluster: Cluster | None = None
    proxy: Proxy | None = None
    standby: Cluster | None = None
    injected: Counter[str] = field(default_factory=Counter)

    async def inject(self, until: asyncio.Event, pause: float) -> None:
        """Break something, wait, and break the next."""
        while not until.is_set():
            fault = self.chance.choice(self.possible())
            await fault()
            self.injected[fault.__name__] += 1
            await asyncio.sleep(self.chance.uniform(pause / 2, 2 * pause))

    def possible(self) -> list[Callable[[], Awaitable[None]]]:
        """What can be broken here."""
        faults = [self.kill_server, self.pause_server, self.stop_server]
        if self.proxy is not None:
            faults += [self.cut_connections, self.drop_packets, self.lose_request, self.lose_answer]
            faults.append(self.slow_network)
        if self.cluster is not None:
            faults += [self.crash_database, self.pause_database]
        if self.standby is not None:
            faults.append(self.lose_standby)
        if self.disk is not None:
            faults.append(self.fill_disk)
        if self.clock is not None:
            faults.append(self.shift_clock)
        return faults

    async def start(self, server: ForkedServer) -> None:
        """Start a server with a failpoint, to which it does not come before it is armed."""
        moment = self.chance.choice(MOMENTS)
        await server.start(Failpoint(self.chance.choice(self.points), moment, self.chance.randrange(3)))

    async def kill_server(self) -> None:
        """F01, F02, F26: ``kill -9`` and a new start. The server dies at a point of the path of appends, or anywhere
        when it does not come to that point soon."""
        server = self.chance.choice(self.servers)
        server.arm()
        if await server.died(self.chance.uniform(0.1, 1)):
            self.injected["killed_at_a_point"] += 1
        await server.kill()
        await self.start(server)

    async def pause_server(self) -> None:
        """F17: a process stops for a while, as in the snapshot of a virtual machine, and goes on as if nothing had
        been."""
        server = self.chance.choice(self.servers)
        server.pause()
        await asyncio.sleep(self.chance.uniform(0.2, 2))
        server.go_on()

    async def stop_server(self) -> None:
        """F33: SIGTERM under load, which ends well, and a new start."""
        server = self.chance.choice(self.servers)
        await server.stop()
        await self.start(server)

    async def fill_disk(self) -> None:
        """F10, F11: the disk under the tables is full for a while."""
        assert self.disk is not None
        await asyncio.to_thread(self.disk.fill)
        await asyncio.sleep(self.chance.uniform(0.2, 2))
        self.disk.free()

    async def shift_clock(self) -> None:
        """F13: the clock of the first server is wrong for a while, by up to an hour."""
        assert self.clock is not None
        await self.clock.set(self.chance.uniform(-3600, 3600))
        await asyncio.sleep(self.chance.uniform(0.2, 2))
        await self.clock.set(0)

    async def crash_database(self) -> None:
        """F03: PostgreSQL without a shutdown, and its recovery."""
        assert self.cluster is not None
        await asyncio.to_thread(self.cluster.control, "stop", "-m", "immediate")
        await asyncio.to_thread(self.cluster.control, "start")

    async def lose_standby(self) -> None:
        """F06: the standby that commits wait for is away for a while."""
        assert self.standby is not None
        await asyncio.to_thread(self.standby.control, "stop", "-m", "immediate")
        await asyncio.sleep(self.chance.uniform(0.2, 5))
        await asyncio.to_thread(self.standby.control, "start")

    async def pause_database(self) -> None:
        """F03, F08: PostgreSQL stands still for up to five seconds, and goes on."""
        assert self.cluster is not None
        self.cluster.signal_all(signal.SIGSTOP)
        await asyncio.sleep(self.chance.uniform(0.2, 5))
        self.cluster.signal_all(signal.SIGCONT)

    async def slow_network(self) -> None:
        """F08: whatever is sent to the database and back takes up to a quarter of a second longer."""
        assert self.proxy is not None
        self.proxy.delay = self.chance.uniform(0.02, 0.25)
        await asyncio.sleep(self.chance.uniform(0.5, 3))
        self.proxy.delay = 0.0

    async def cut_connections(self) -> None:
        """F04: every connection to the database ends."""
        assert self.proxy is not None
        self.proxy.cut()

    async def drop_packets(self) -> None:
        """F08: the network to the database passes nothing on, and tells nobody."""
        assert self.proxy is not None
        self.proxy.hold()
        await asyncio.sleep(self.chance.uniform(0.2, 5))
        self.proxy.pass_on()

    async def lose_request(self) -> None:
        """An append does not arrive, and its connection ends."""
        assert self.proxy is not None
        self.proxy.swallow_request = APPEND

    async def lose_answer(self) -> None:
        """F09: an append arrives, and its answer does not come back."""
        assert self.proxy is not None
        self.proxy.swallow_answer = APPEND
