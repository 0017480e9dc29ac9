"""The issuer's host in DNS: whether each of its addresses answers."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import Final

from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.outside_client import NoAnswer

NO_ADDRESS: Final = Problem(
    "dns.no_address",
    "fault",
    "The issuer's host has no address.",
    "Add an A or AAAA record for the host to its zone, or correct issuer. Until then, use --address.",
)
SILENT: Final = Problem(
    "dns.silent",
    "fault",
    "Nobody takes connections at an address of the issuer's host. Some of the clients try this one first.",
    "Remove the A or AAAA record, or let the proxy listen there and the firewall admit it.",
)
LOOPBACK: Final = Problem(
    "dns.loopback",
    "warning",
    "The issuer's host is this machine alone, so no other machine reaches the server.",
    "Add its public address to the zone, and remove the host from /etc/hosts.",
)
PRIVATE: Final = Problem(
    "dns.private",
    "note",
    "The issuer's host has private addresses only.",
    "Nothing is to be done if all people and clients are in that network.",
)
ELSEWHERE: Final = Problem(
    "dns.elsewhere",
    "note",
    "DNS has other addresses for the issuer's host than the one that --address asks.",
    "Change the A or AAAA record when the server is to be reached there.",
)


async def _examine(examined: Examined) -> Sequence[Finding]:
    host, chosen = examined.host, examined.options.address
    found: list[Finding] = []
    try:
        addresses = await _addresses(host, examined.port)
    except OSError:
        addresses = []
        found.append(NO_ADDRESS.found(host))
    if chosen is not None and addresses and chosen not in addresses:
        found.append(ELSEWHERE.found(", ".join(addresses)))
    if addresses and not examined.settings.development:
        parsed = [ipaddress.ip_address(address.partition("%")[0]) for address in addresses]
        if all(one.is_loopback for one in parsed):
            found.append(LOOPBACK.found(", ".join(addresses)))
        elif all(one.is_private for one in parsed):
            found.append(PRIVATE.found(", ".join(addresses)))
    asked = addresses if chosen is None else [chosen]
    silent = [one for one in await asyncio.gather(*(_silent(examined, address) for address in asked)) if one]
    return [*found, *map(SILENT.found, silent)]


async def _addresses(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    rows = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


async def _silent(examined: Examined, address: str) -> str:
    try:
        await examined.outside.connect(examined.host, examined.port, address)
    except NoAnswer as no_answer:
        return f"{address} port {examined.port}: {no_answer}"
    return ""


CHECK: Final = Check(
    "dns",
    "Does the issuer's host have addresses, and does each of them take connections?",
    (NO_ADDRESS, SILENT, LOOPBACK, PRIVATE, ELSEWHERE),
    _examine,
)
