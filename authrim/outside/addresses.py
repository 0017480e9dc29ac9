"""The addresses that a request may go to when somebody else chose the host (A112): those of the public internet, and
those that the operator allows.

IPv6 is a list of what is let through, because everything else embeds, translates or stays local: mapped IPv4
(``::ffff:0:0/96``), NAT64 (``64:ff9b::/96``), unique local (``fc00::/7``), link-local and multicast addresses are
all outside of ``2000::/3``.
"""

import ipaddress
from collections.abc import Iterable
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: IANA's special-purpose addresses (RFC 6890), without those that are reachable from anywhere.
_NOT_PUBLIC_4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_GLOBAL_UNICAST_6: Final = ipaddress.IPv6Network("2000::/3")
#: Within 2000::/3: protocol assignments with Teredo, documentation, and 6to4, which has an IPv4 address inside.
_NOT_PUBLIC_6: Final = tuple(
    ipaddress.IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)


def is_public(address: Address) -> bool:
    """Whether the address belongs to the public internet."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    return address in _GLOBAL_UNICAST_6 and not any(address in network for network in _NOT_PUBLIC_6)


class NotPermitted(OSError):
    """The request is not permitted. The text is the reason, one word for the server's own log."""


class Destinations:
    """The permitted destinations: the public internet, and the ``allowed`` host names and networks."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """Each of ``allowed`` is a network (CIDR), an address or a host name, in lower case."""
        self._networks: list[Network] = []
        self._hosts: set[str] = set()
        for entry in allowed:
            try:
                self._networks.append(ipaddress.ip_network(entry))
            except ValueError:
                self._hosts.add(entry)

    def permit(self, host: str, address: str) -> bool:
        """Whether a connection to ``address``, which ``host`` resolves to, is permitted."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False  # such as a link-local one with its zone
        return is_public(parsed) or self.allow(host, parsed)

    def allow(self, host: str, address: Address) -> bool:
        """Whether the operator allows the address, public or not."""
        return host in self._hosts or any(address in network for network in self._networks)
