"""Host names become addresses: looked up off the event loop, and let through only when each may be connected to."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

from authrim.outside.addresses import Destinations

#: Names that are looked up at once: ``getaddrinfo`` holds a thread, for long when the network is away (F36).
_LOOKUPS_AT_ONCE: Final = 8


class NotPermitted(OSError):
    """Why something is not fetched, as a word for our own log."""


class SystemNames(AbstractResolver):
    """``getaddrinfo`` in threads of its own, so that a network that is away holds up nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS_AT_ONCE, "names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        )
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=found_family,
                proto=protocol,
                flags=socket.AI_NUMERICHOST,
            )
            for found_family, _type, protocol, _name, address in found
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class CheckedNames(AbstractResolver):
    """Gives a host's addresses to the connector only when every one of them may be connected to.

    The connector connects to these very addresses, so a name that answers otherwise the next time gains nothing.
    """

    def __init__(self, names: AbstractResolver, destinations: Destinations) -> None:
        self._names = names
        self._destinations = destinations

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._names.resolve(host, port, family)
        if not found or not all(self._destinations.permit(host, result["host"]) for result in found):
            raise NotPermitted("address")
        return found

    async def close(self) -> None:
        await self._names.close()
