"""Starts a command in the process that is ready for it, and ends as it ends: ``launcher.py ADDRESS MODULE ARGUMENT…``.

It imports next to nothing, because it is what a start takes now.
"""

import _socket
import array
import os
import signal
import sys
from typing import Any

#: Signals that are passed on. ``KILL`` stands for SIGKILL, which nobody can pass on.
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
KILL = signal.SIGUSR2


def main() -> None:
    """Be the command for whoever started this process."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    early: list[int] | None = []

    def pass_on(number: int, _frame: Any) -> None:
        if early is not None:  # the order comes first
            early.append(number)
        else:
            connection.send(bytes([signal.SIGKILL if number == KILL else number]))

    for number in (*PASSED_ON, KILL):
        signal.signal(number, pass_on)
    connection.connect("\0" + sys.argv[1])
    mask = os.umask(0o077)
    os.umask(mask)
    words = repr((sys.argv[2], sys.argv[3:], dict(os.environ), os.getcwd(), mask))  # noqa: PTH109 - imports less
    order = words.encode("utf-8", "surrogateescape")
    streams = array.array("i", [0, 1, 2])
    connection.sendmsg([b"%9d" % len(order)], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
    connection.sendall(order)
    came, early = early, None
    for number in came:
        pass_on(number, None)
    # The other side closes without a word when it was killed.
    status = int(connection.recv(16) or b"70")
    if status < 0:
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


if __name__ == "__main__":
    main()
