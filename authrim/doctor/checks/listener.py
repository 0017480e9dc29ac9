"""The server's own listeners on this machine, before any proxy."""

import asyncio
from collections.abc import Sequence
from typing import Final

from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.outside_client import TIMEOUT, reach, why

PORT: Final = Problem(
    "listener.port",
    "fault",
    "Nobody listens on this machine where the server should.",
    "systemctl start authrim. When it does not start, its last log lines say why: journalctl -u authrim. Where systemd "
    "opens the port, set port to the same.",
)
SOCKET: Final = Problem(
    "listener.socket",
    "fault",
    "Nobody listens at the Unix socket of the settings, or this user may not connect to it.",
    "Start the server, and let the user of the proxy be in the group of the socket.",
)

#: Where a listener for every address of the machine is reached.
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not listened on


async def _examine(examined: Examined) -> Sequence[Finding]:
    settings, found = examined.settings, []
    for host in settings.host if settings.port else ():
        try:
            await reach(_ANY.get(host, host), settings.port)
        except OSError as failed:
            found.append(PORT.found(f"{host} port {settings.port}: {why(failed)}"))
    if settings.listen_socket is not None:
        try:
            async with asyncio.timeout(TIMEOUT):
                _, writer = await asyncio.open_unix_connection(settings.listen_socket)
            writer.close()
        except OSError as failed:
            found.append(SOCKET.found(f"{settings.listen_socket}: {why(failed)}"))
    return found


CHECK: Final = Check("listener", "Does the server listen on this machine?", (PORT, SOCKET), _examine)
