"""What is broken under the clients, one after the other, by chance."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.faults.processes import Site
from tests.postgres_cluster import Cluster
from tests.support.tcp_proxy import Proxy

#: Bytes of a request to the database that appends something.
_APPEND = 700


@dataclass
class Faults:
    """The faults of a site; with a cluster behind a proxy, those of PostgreSQL and of the way to it too."""

    place: Site
    chance: random.Random
    cluster: Cluster | None = None
    proxy: Proxy | None = None
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
        faults = [self.kill_server, self.pause_server]
        if self.proxy is not None:
            faults += [self.cut_connections, self.drop_packets, self.lose_request, self.lose_answer]
        if self.cluster is not None:
            faults.append(self.crash_database)
        return faults

    async def kill_server(self) -> None:
        """F01, F02, F26: ``kill -9``, and a new start."""
        server = self.chance.choice(self.place.servers)
        await server.kill()
        await server.start()

    async def pause_server(self) -> None:
        """A process stops for a while, as in the snapshot of a virtual machine, and goes on as if nothing had been."""
        server = self.chance.choice(self.place.servers)
        server.pause()
        await asyncio.sleep(self.chance.uniform(0.2, 2))
        server.go_on()

    async def crash_database(self) -> None:
        """F03: PostgreSQL without a shutdown, and its recovery."""
        assert self.cluster is not None
        await asyncio.to_thread(self.cluster.control, "stop", "-m", "immediate")
        await asyncio.to_thread(self.cluster.control, "start")

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
        self.proxy.swallow_request = _APPEND

    async def lose_answer(self) -> None:
        """F09: an append arrives, and its answer does not come back."""
        assert self.proxy is not None
        self.proxy.swallow_answer = _APPEND
