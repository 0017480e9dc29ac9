"""What the processes of a server share for its metrics: the memory that they count into, and the listener of the page.

The process that starts the others makes both, and they inherit them as open files. All of those that answer requests
accept connections to the page from the one socket, so one that hangs keeps nobody waiting: another one takes them.
"""

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from authrim.metrics.memory import SharedMemory
from authrim.settings import Settings
from authrim.wire.listener import ListenError, of_both_families, unix_socket

OPTION: Final = "--worker-metrics"
SERVER: Final = "server"
BACKGROUND: Final = "background"
_BACKLOG: Final = 16


def worker_name(number: int) -> str:
    """The name of a worker, counted from 0: the same after it was started again."""
    return f"worker-{number + 1}"


def processes_of(settings: Settings) -> tuple[str, ...]:
    """The names of the processes that ``authrim serve`` starts."""
    names = [worker_name(number) for number in range(settings.workers)] if settings.workers > 1 else [SERVER]
    return (*names, BACKGROUND) if settings.background_place == "process" else tuple(names)


class ProcessMetrics(NamedTuple):
    """What one process has: its name, the memory of all of them, and the listener of the page where it has one."""

    process: str
    memory: SharedMemory
    sock: socket.socket | None

    @classmethod
    def of_option(cls, text: str | None) -> "ProcessMetrics | None":
        """What a parent gave to this process; None for one that was given nothing."""
        if not text:
            return None
        process, number, memory = text.split(":")
        sock = socket.socket(fileno=int(number)) if number else None
        return cls(process, SharedMemory.of_option(memory), sock)


class Inherited(NamedTuple):
    """The part of a child's command line, and the open files that it names."""

    arguments: Sequence[str] = ()
    files: Sequence[int] = ()


class ServerMetrics(NamedTuple):
    """What the first process of a server makes for all of them."""

    memory: SharedMemory
    sock: socket.socket

    @classmethod
    def open(cls, settings: Settings, processes: Sequence[str]) -> "ServerMetrics | None":
        """The memory of these processes and the socket of the page; None when no page is wanted. Raises ListenError."""
        if settings.metrics_listen is None:
            return None
        return cls(SharedMemory.make(tuple(processes)), _listening(settings.metrics_listen))

    def own(self, process: str) -> ProcessMetrics:
        """For the process that made it."""
        return ProcessMetrics(process, self.memory, self.sock)

    def inherited(self, process: str) -> Inherited:
        """For a child. The background work has no listener of its own."""
        number = "" if process == BACKGROUND else str(self.sock.fileno())
        files = (
            self.memory.descriptors
            if process == BACKGROUND
            else (*self.memory.descriptors, self.sock.fileno())
        )
        return Inherited((OPTION, f"{process}:{number}:{self.memory.option()}"), files)


def inherited(metrics: ServerMetrics | None, process: str) -> Inherited:
    """What a child inherits, which is nothing where there is no page."""
    return Inherited() if metrics is None else metrics.inherited(process)


def _listening(address: str) -> socket.socket:
    """A socket that listens already, so that a second server hears at once that the address is taken. Who connects
    before a process accepts waits for it."""
    if address.startswith("/"):
        sock = unix_socket(Path(address))
        sock.listen(_BACKLOG)
        return sock
    host, _, port = address.rpartition(":")
    # `::` is both families in one socket, or IPv4 where the kernel has no other.
    host = of_both_families((host,))[0]
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ListenError(host, int(port), error) from error
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(where)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise ListenError(host, int(port), error) from error
    return sock
