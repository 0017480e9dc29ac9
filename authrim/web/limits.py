"""How much one connection, one address and one request may take, and who is connected now.

aiohttp has no deadline for a head, no cap on the sum of headers and none on connections (decisions.md 26).
"""

import asyncio
import resource
from collections import Counter
from pathlib import Path

import msgspec
from aiohttp import web

# Descriptors that a full house of connections leaves to the store, the log and the files a request opens.
_DESCRIPTORS_KEPT = 16


class Limits(msgspec.Struct, frozen=True):
    """What one client may take. Sizes are bytes, times are seconds; a cap of 0 connections is no cap.

    ``request_line`` and ``header_bytes`` (the sum of all header lines) must differ, since it is by the
    number that aiohttp's parser tells which of them was too long. A line has room for a request object
    (RFC 9101 §5.1). ``connections`` is None for what the process's limit of open files leaves. Behind a
    reverse proxy every connection has the proxy's address:
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


class Connections:
    """Counts a server's open connections, in all and by address, and turns away what is too many.

    ``draining`` says that the server is stopping: every answer closes its connection from then on.
    """

    def __init__(self, limits: Limits) -> None:
        self._most = _descriptors_left() if limits.connections is None else limits.connections
        self._most_of_one = limits.connections_per_address
        self._by_address: Counter[str] = Counter()
        self._total = 0
        self.draining = False
        self._none_left = asyncio.Event()
        self._none_left.set()

    def admit(self, address: str) -> bool:
        """Whether one more connection from ``address`` fits; it is counted if so."""
        if self._most and self._total >= self._most:
            return False
        if self._most_of_one and self._by_address[address] >= self._most_of_one:
            return False
        self._total += 1
        self._by_address[address] += 1
        self._none_left.clear()
        return True

    def leave(self, address: str) -> None:
        """Give back what ``admit`` counted."""
        self._total -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]
        if not self._total:
            self._none_left.set()

    async def none_left(self) -> None:
        """Return when no connection is left and no request of one is being worked on."""
        await self._none_left.wait()


def _descriptors_left() -> int:
    """How many connections fit under the process's own limit of open files; at least one."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 0
    used = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return max(1, soft - used - _DESCRIPTORS_KEPT)
