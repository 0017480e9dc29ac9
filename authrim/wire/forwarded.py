"""The source that a request counts against behind reverse proxies (A225).

Anybody can send ``X-Forwarded-For``. The server trusts only the entries that its own proxies added, counted from the
end, and only when the connection itself comes from one of them.
"""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Proxies(msgspec.Struct, frozen=True):
    """The networks of our reverse proxies, and how many of them a request passes. ``by_socket``: connections
    through the Unix socket come from one of them; a setting of its own says so."""

    networks: tuple[Network, ...] = ()
    depth: int = 1
    by_socket: bool = False


NO_PROXIES = Proxies()

#: Who comes by the Unix socket: a program that its owner let in.
LOCAL: Final = "local"


def behind_proxies(peer: str, forwarded: Sequence[str], proxies: Proxies) -> str:
    """The address that our outermost proxy saw, or the peer's own address when the peer is not one of our proxies."""
    if not is_in(peer, proxies.networks) and not (proxies.by_socket and not peer):
        return peer
    hops = [hop.strip() for line in forwarded for hop in line.split(",")]
    if len(hops) < proxies.depth or _address(hops[-proxies.depth]) is None:
        return peer
    return hops[-proxies.depth]


def is_in(peer: str, networks: Sequence[Network]) -> bool:
    """Whether a peer's address is in one of the networks."""
    address = _address(peer)
    return address is not None and any(address in network for network in networks)


@lru_cache(maxsize=4096)
def source_of(address: str) -> str:
    """An IPv4 address, or the /64 that one IPv6 subscriber holds; ``local`` for a Unix socket."""
    parsed = _address(address)
    if parsed is None:
        return LOCAL
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


@lru_cache(maxsize=4096)
def wider_networks(source: str) -> tuple[str, ...]:
    """The networks around a ``source_of`` that one holder of many /64s has: IPv6 is given out by /56 and by /48."""
    if not source.endswith("/64"):
        return ()
    network = ipaddress.IPv6Network(source)
    return tuple(str(network.supernet(new_prefix=length)) for length in (56, 48))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
