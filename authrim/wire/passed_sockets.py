"""Sockets that a service manager has opened and passes on (sd_listen_fds(3)): the server needs no right to do so.

They stay open while the service is restarted: who connects meanwhile waits for the new process.
"""

import os
import socket
from collections.abc import MutableMapping, Sequence
from typing import Final, NamedTuple

_COUNT: Final = "LISTEN_FDS"
_PROCESS: Final = "LISTEN_PID"
_NAMES: Final = "LISTEN_FDNAMES"
_FIRST: Final = 3


class PassedSockets(NamedTuple):
    """The sockets by what they take the place of: ``ports`` that of ``host`` and ``port``, ``unix`` that of
    ``listen_socket``. Where there is none of a kind, the server opens its own."""

    ports: tuple[socket.socket, ...] = ()
    unix: socket.socket | None = None

    @property
    def descriptors(self) -> tuple[int, ...]:
        """For the processes that share them."""
        return tuple(one.fileno() for one in (*self.ports, self.unix) if one is not None)

    def close(self) -> None:
        """Close them, here."""
        for one in (*self.ports, self.unix):
            if one is not None:
                one.close()


def passed_sockets(environment: MutableMapping[str, str] = os.environ) -> PassedSockets:
    """Those that the variables announce. They are taken away: the processes that this one starts are told otherwise."""
    count, process = environment.pop(_COUNT, ""), environment.pop(_PROCESS, "")
    environment.pop(_NAMES, None)
    if not count.isdecimal() or process != str(os.getpid()):
        return PassedSockets()
    return sockets_of(range(_FIRST, _FIRST + int(count)))


def sockets_of(descriptors: Sequence[int]) -> PassedSockets:
    """The listening sockets with these descriptors. Of several Unix sockets, the last one counts."""
    ports: list[socket.socket] = []
    unix = None
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
        sock = socket.socket(fileno=descriptor)
        if sock.family == socket.AF_UNIX:
            unix = sock
        else:
            ports.append(sock)
    return PassedSockets(tuple(ports), unix)
