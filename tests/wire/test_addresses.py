"""At which addresses a server listens."""

import asyncio
import socket

import pytest
from aiohttp import web

from authrim.server.supervisor import reserve_port
from authrim.wire.limits import Limits
from authrim.wire.listener import ListenError, of_both_families, start_site
from tests.support.ports import free_port


def has_ipv6() -> bool:
    """Whether this machine has the loopback address of IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("hosts", "addresses"),
    [
        (("127.0.0.1",), ("127.0.0.1",)),
        (("::",), ("::", "0.0.0.0")),
        (("[::]",), ("::", "0.0.0.0")),
        (("::", "0.0.0.0"), ("::", "0.0.0.0")),
        (("[::1]", "127.0.0.1"), ("::1", "127.0.0.1")),
    ],
)
def test_every_address_is_of_both_families(hosts: tuple[str, ...], addresses: tuple[str, ...]) -> None:
    """``::`` stands for IPv4 too; other addresses stand for themselves."""
    assert of_both_families(hosts) == addresses


@pytest.mark.parametrize("hosts", [("::",), ("::1", "127.0.0.1"), ("127.0.0.1", "::1")])
async def test_one_port_at_several_addresses(hosts: tuple[str, ...]) -> None:
    """All addresses have the port of the first, which may be a free one, and each answers."""
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    running = await start_site(web.Application(), hosts, 0, limits=Limits())
    try:
        for address in ("127.0.0.1", "::1"):
            _, writer = await asyncio.open_connection(address, running.port)
            writer.close()
    finally:
        await running.stop(0)


async def test_one_address_that_cannot_be_had_ends_the_start() -> None:
    """A server that were at one of its addresses alone would seem to be well."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ListenError, match=r"127\.0\.0\.1"):
            await start_site(web.Application(), ("127.0.0.2", "127.0.0.1"), port, limits=Limits())


def test_workers_hold_the_port_at_each_address() -> None:
    """What is held for workers is one port of all addresses; it is given back when one is not available."""
    held = reserve_port(("127.0.0.1", "127.0.0.2"), free_port())
    try:
        assert len({one.getsockname()[1] for one in held}) == 1
        assert [one.getsockname()[0] for one in held] == ["127.0.0.1", "127.0.0.2"]
    finally:
        for one in held:
            one.close()
