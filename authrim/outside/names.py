"""Resolve host names without a thread, and refuse a host when one of its addresses is not permitted."""

import socket
from collections.abc import Sequence
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import AsyncResolver

from authrim.outside.addresses import Destinations, NotPermitted

#: The timeout of one query in seconds, and the number of tries. A request as a whole has less time anyway.
_TIMEOUT: Final = 2.0
_TRIES: Final = 2


class SystemResolver(AbstractResolver):
    """Resolves with the system's name servers and ``/etc/hosts``. c-ares needs no thread per query, so a name that is
    never answered delays no other, and a query ends together with the request that it was for (F36)."""

    def __init__(self, servers: Sequence[str] | None = None) -> None:
        """``servers`` are used instead of those of ``/etc/resolv.conf``, each as ``address:port``."""
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


class FilteringResolver(AbstractResolver):
    """Returns the addresses of a host only when every one of them is permitted.

    The connector uses these addresses, so a name server gains nothing by another answer to the next query.
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
