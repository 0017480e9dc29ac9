"""How much one connection, one address and one request may take, and who is connected now.

aiohttp has no deadline for a head, no cap on the sum of headers and none on connections (decisions.md 26).
"""

import asyncio
import random
import resource
from collections import Counter, OrderedDict
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

import msgspec
from aiohttp import web

from authrim.metrics import catalogue as metrics
from authrim.wire.forwarded import LOCAL, wider_networks

# Descriptors that a full house of connections leaves to the store, the log and the files a request opens.
_DESCRIPTORS_KEPT = 16
# One address has at most one in so many of all connections, and a network around it one in fewer: a holder of many /64s
# does not have the whole (A225).
_SHARES = 4
_SHARES_OF_NETWORK = 2
# One in so many of all places is for newcomers: idle connections make room before the last of them is taken.
_HEADROOM = 16
# A deadline is up to so many parts later than its limit.
_SPREAD = 0.2
# Connections that are looked at to find one to drop: the work for one newcomer does not grow with the house.
_LOOKED_AT = 128


class Limits(msgspec.Struct, frozen=True):
    """What one client may take. Sizes are bytes, times are seconds; a cap of 0 connections is no cap.

    ``request_line`` and ``header_bytes`` (the sum of all header lines) must differ, since it is by the
    number that aiohttp's parser tells which of them was too long. The times for a head, a body and a reader are the
    least (``spread``). A line has room for a request object
    (RFC 9101 §5.1). ``connections`` is None for what the process's limit of open files leaves; one address
    has a quarter of it at most, and never more than ``connections_per_address``. Behind a reverse proxy every
    connection has the proxy's address:
    set ``connections_per_address`` to 0 there and let the proxy limit its own clients.
    """

    request_line: int = 20480
    header_bytes: int = 16384
    header_count: int = 100
    body_bytes: int = 65536
    header_seconds: float = 5.0
    body_seconds: float = 10.0
    write_seconds: float = 20.0
    keep_alive_seconds: float = 75.0
    linger_seconds: float = 2.0
    connections: int | None = None
    connections_per_address: int = 512

    def __post_init__(self) -> None:
        if self.request_line == self.header_bytes:
            raise ValueError("request_line and header_bytes must differ")


LIMITS = web.AppKey("limits", Limits)
"""Where an application keeps its limits, for whoever reads a request's body."""


def spread(seconds: float) -> float:
    """The seconds until a deadline, and up to a fifth more. What begins at one moment, as slow clients on purpose do,
    is not all cut at one, while everybody else waits."""
    return seconds * (1 + _SPREAD * random.random())  # noqa: S311 - no secret


class Droppable(Protocol):
    """The part of a connection that is needed to drop it."""

    @property
    def is_idle(self) -> bool:
        """Whether no request is in progress on it."""

    def close_if_idle(self) -> None:
        """Close it if it is idle."""


class Connections:
    """Counts a server's open connections, in all and by address, and refuses those beyond the limits.

    One address has a share of the whole at most, and before the limit is reached each newcomer takes the place of the
    longest idle one. So idle connections keep nobody out (A218).
    ``draining`` says that the server is stopping: every answer closes its connection from then on.
    """

    def __init__(self, limits: Limits) -> None:
        self._most = _descriptors_left() if limits.connections is None else limits.connections
        self._headroom = max(1, self._most // _HEADROOM)
        self._most_of_one = limits.connections_per_address
        if self._most and self._most_of_one:
            self._most_of_one = min(self._most_of_one, max(1, self._most // _SHARES))
        self._most_of_network = max(1, self._most // _SHARES_OF_NETWORK) if self._most_of_one else 0
        # Not a cache: what is open is open, and the longest idle is closed where there is no room.
        self._open: OrderedDict[Droppable, str] = OrderedDict()
        self._by_address: Counter[str] = Counter()
        self._total = 0
        self.draining = False
        self._none_left = asyncio.Event()
        self._none_left.set()

    def admit(self, address: str, connection: Droppable) -> bool:
        """Count one more connection from ``address`` if it fits, and return whether it does."""
        around = wider_networks(address)
        if self._has_its_share(address, around):
            return False
        if self._most and self._total >= self._most - self._headroom:
            self._drop_longest_idle()
        if self._most and self._total >= self._most:
            return False
        self._open[connection] = address
        self._total += 1
        self._by_address[address] += 1
        for network in around:
            self._by_address[network] += 1
        self._none_left.clear()
        return True

    def _has_its_share(self, address: str, around: Sequence[str]) -> bool:
        # Behind the Unix socket stands a proxy with many clients, or nobody.
        if not self._most_of_one or address == LOCAL:
            return False
        if self._by_address[address] >= self._most_of_one:
            return True
        return bool(self._most) and any(self._by_address[one] >= self._most_of_network for one in around)

    def has_answered(self, connection: Droppable) -> None:
        """Note that the connection is idle from now on."""
        if connection in self._open:
            self._open.move_to_end(connection)

    def leave(self, address: str, connection: Droppable) -> None:
        """Give back what ``admit`` counted."""
        self._open.pop(connection, None)
        self._total -= 1
        for one in (address, *wider_networks(address)):
            self._by_address[one] -= 1
            if not self._by_address[one]:
                del self._by_address[one]
        if not self._total:
            self._none_left.set()

    def measure(self) -> None:
        """Set the gauges of connections."""
        metrics.CONNECTIONS.set(self._total)
        metrics.CONNECTIONS_MOST.set(self._most)

    def _drop_longest_idle(self) -> None:
        """Of those that have been idle for longest, the one whose address holds the most connections."""
        candidates: list[Droppable] = []
        for connection in list(islice(self._open, _LOOKED_AT)):
            if connection.is_idle:
                candidates.append(connection)
            else:
                self._open.move_to_end(connection)  # it is being used, so others are idle for longer
        if candidates:
            chosen = max(candidates, key=lambda one: self._by_address[self._open[one]])
            del self._open[chosen]
            chosen.close_if_idle()

    async def none_left(self) -> None:
        """Return when no connection is left and no request is in progress."""
        await self._none_left.wait()


def _descriptors_left() -> int:
    """How many connections fit under the process's own limit of open files; at least one."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 0
    used = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return max(1, soft - used - _DESCRIPTORS_KEPT)
