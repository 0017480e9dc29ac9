"""Names that are never answered hold up no other name (F36)."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import cast

import pytest

from authrim.outside.egress import Egress, EgressRefused
from authrim.outside.names import SystemResolver
from tests.support.https_site import Authority, Site
from tests.support.patience import PATIENCE


class NameServer(asyncio.DatagramProtocol):
    """Says that every name is this machine, but for those that begin with ``silent``, which it lets wait."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        end = data.index(b"\0", 12) + 1
        self.asked.append(name := _name(data[12:end]))
        if name.startswith("silent"):
            return
        is_a = data[end : end + 2] == b"\0\1"
        found = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton("127.0.0.1") if is_a else b""
        counts = b"\0\1" + (b"\0\1" if is_a else b"\0\0") + b"\0\0\0\0"
        self.transport.sendto(data[:2] + b"\x81\x80" + counts + data[12 : end + 4] + found, addr)


def _name(labels: bytes) -> str:
    parts, at = [], 0
    while labels[at]:
        parts.append(labels[at + 1 : at + 1 + labels[at]].decode().lower())
        at += 1 + labels[at]
    return ".".join(parts)


@pytest.fixture
async def name_server() -> AsyncIterator[NameServer]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        NameServer, local_addr=("127.0.0.1", 0)
    )
    yield server
    transport.close()


@pytest.fixture
async def egress(authority: Authority, name_server: NameServer) -> AsyncIterator[Egress]:
    """Asks the test's own name server, and may reach this machine by it."""
    port = name_server.transport.get_extra_info("sockname")[1]
    opened = Egress(
        ("127.0.0.0/8",),
        ca_file=authority.ca_file,
        timeout_seconds=5,
        names=SystemResolver([f"127.0.0.1:{port}"]),
    )
    yield opened
    await opened.close()


async def test_f36_silent_names_hold_up_no_other(egress: Egress, name_server: NameServer, site: Site) -> None:
    """F36: with a hundred look-ups under way that nobody answers, another host is fetched from as ever."""
    hanging = [
        asyncio.create_task(egress.fetch(f"https://silent-{n}.example:{site.port}/")) for n in range(100)
    ]
    async with asyncio.timeout(PATIENCE):
        while len(set(name_server.asked)) < 100:  # noqa: ASYNC110 - the name server makes it true
            await asyncio.sleep(0.01)
    assert not any(task.done() for task in hanging)
    fetched = await egress.fetch(site.serve("/jwks", {}).replace("localhost", "rp.example"))
    assert fetched.body == b"{}"
    assert not any(task.done() for task in hanging)
    for ended in await asyncio.gather(*hanging, return_exceptions=True):
        assert isinstance(ended, EgressRefused)


async def test_a112_the_own_name_server_is_not_believed(
    authority: Authority, name_server: NameServer, site: Site
) -> None:
    """A112: what the resolver finds goes through the guard's own rules: a name of this machine is refused."""
    port = name_server.transport.get_extra_info("sockname")[1]
    egress = Egress(ca_file=authority.ca_file, names=SystemResolver([f"127.0.0.1:{port}"]))
    with pytest.raises(EgressRefused):
        await egress.fetch(site.serve("/jwks", {}).replace("localhost", "rp.example"))
    assert "rp.example" in name_server.asked
    assert site.seen == []
    await egress.close()
