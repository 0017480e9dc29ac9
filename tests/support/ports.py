"""TCP ports for the servers that tests start.

A port that the system chooses is of the range from which every outgoing connection takes its own. Until the server
listens on it, any connection of any program may take it. So tests take ports below that range, and each process has a
block of its own: a lock on a file keeps the others out, and ends with the process.
"""

import errno
import fcntl
import os
import socket
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import IO, Final

#: The system's own choice begins at 32768 on Linux, at 49152 elsewhere.
_FIRST: Final = 20_000
_LAST: Final = 32_767
_BLOCK: Final = 200
#: One for all runs on this machine, wherever their other files are.
_FOLDER: Final = Path("/tmp", f"authrim-ports-{os.getuid()}")
_LOOPBACK: Final = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


class _Block:
    """The ports of this process, one after the other, and again from the first."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._first, self._lock = _claim()
        self._next = count()

    def is_ours(self) -> bool:
        """A forked process must not share the block of its parent."""
        return self._owner == os.getpid()

    def take(self) -> int:
        for _ in range(_BLOCK):
            port = self._first + next(self._next) % _BLOCK
            if all(_can_listen(family, host, port) for family, host in _LOOPBACK):
                return port
        raise RuntimeError(f"every port from {self._first} to {self._first + _BLOCK - 1} is taken")


_block: _Block | None = None


def free_port() -> int:
    """A TCP port of loopback that nobody uses now, and that no other test process will take."""
    global _block  # noqa: PLW0603 - one block per process
    if _block is None or not _block.is_ours():
        _block = _Block()
    return _block.take()


def _claim() -> tuple[int, IO[str]]:
    """The first port of a block that no other process holds, and the lock that keeps it."""
    _FOLDER.mkdir(exist_ok=True)
    for first in range(_FIRST, _LAST - _BLOCK, _BLOCK):
        lock = (_FOLDER / str(first)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
        else:
            return first, lock
    raise RuntimeError("other processes hold every block of ports")


def _can_listen(family: socket.AddressFamily, host: str, port: int) -> bool:
    with closing(socket.socket(family)) as probe:
        # As servers do: a port whose last connections are only waiting to be forgotten can be listened on.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRNOTAVAIL  # a machine without IPv6
    return True
