"""Host names become addresses: looked up without a thread, and let through only when each may be connected to."""

import socket
from collections.abc import Sequence
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import AsyncResolver

from authrim.outside.addresses import Destinations

#: Seconds that one question may take, and how often it is asked; a fetch has a shorter time as a whole anyway.
_TIMEOUT: Final = 2.0
_TRIES: Final = 2


class NotPermitted(OSError):
    """Why something is not fetched, as a word for our own log."""


class PublicNames(AbstractResolver):
    """The system's name servers and ``/etc/hosts``, asked by c-ares without a thread for each question: a name that is
    never answered holds up no other, and nobody is asked any more for a fetch that was given up (F36)."""

    def __init__(self, servers: Sequence[str] | None = None) -> None:
        """``servers``: who is asked in place of those of ``/etc/resolv.conf``, as ``address:port``."""
        self._servers = servers
        self._resolver: AsyncResolver | None = None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if self._resolver is None:  # it belongs to the running loop
            self._resolver = AsyncResolver(nameservers=self._servers, timeout=_TIMEOUT, tries=_TRIES)
        return await self._resolver.resolve(host, port, family)

    async def close(self) -> None:
        if self._resolver is not None:
            await self._resolver.close()


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
