"""Several server processes on one port (``authrim serve --workers N``).

The parent holds the port and does nothing else: the kernel spreads connections over the workers, the log keeps
them in step. A worker that dies is started again, more slowly each time it dies young. One whose event loop hangs is
killed for it. The background work has a process of its own beside them.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from authrim.server.background_child import BackgroundCommand
from authrim.server.child import Child, Watch, stop_all
from authrim.server.metrics import ServerMetrics, inherited, worker_name
from authrim.server.service_manager import ServiceManager
from authrim.wire.listener import ListenError, of_both_families


def reserve_port(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """Hold the port at each address, without listening on it, so that it stays ours while workers come and go. Where
    the port is 0, the first address says which it is.

    Raises ListenError when it is not available.
    """
    held: list[socket.socket] = []
    for host in of_both_families(hosts):
        try:
            held.append(_reserved(host, port or (held[0].getsockname()[1] if held else 0)))
        except ListenError:
            for one in held:
                one.close()
            raise
    return held


def _reserved(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        held = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ListenError(host, port, error) from error
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # as the workers' own listeners
    try:
        held.bind((host, port))
    except OSError as error:
        held.close()
        raise ListenError(host, port, error) from error
    return held


class Shared(NamedTuple):
    """What the workers share: open ``files``, by their descriptors, and what they count into."""

    files: Sequence[int] = ()
    metrics: ServerMetrics | None = None


_NOTHING_SHARED: Final = Shared()


def supervise(
    command: Sequence[str],
    workers: int,
    shared: Shared = _NOTHING_SHARED,
    manager: ServiceManager | None = None,
    background: BackgroundCommand | None = None,
    reread: Callable[[], None] = lambda: None,
) -> int:
    """Run ``workers`` processes of ``command`` until SIGTERM or SIGINT; SIGHUP calls ``reread`` and is passed on. The
    exit status.

    ``shared``: what of ours the workers share. Each child also gets the reading end of a pipe that
    nobody ever writes to: it ends with this process, however that ends, and so do they. ``background``: the process of
    the background work, which nobody waits for.
    """
    stopping = reloading = told = False
    manager = manager or ServiceManager()
    lifeline, _held_to_the_end = os.pipe()
    lifeline_option = ("--worker-lifeline", str(lifeline))

    def stop(_number: int, _frame: Any) -> None:
        nonlocal stopping
        stopping = True

    def reload(_number: int, _frame: Any) -> None:
        nonlocal reloading
        reloading = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, reload)

    def worker_of(number: int) -> Child:
        counting = inherited(shared.metrics, worker_name(number))
        arguments = (*command, *lifeline_option, *counting.arguments)
        return Child("worker", arguments, [*shared.files, lifeline, *counting.files])

    running = [worker_of(number) for number in range(workers)]
    beside = [background.start(lifeline)] if background else []

    watch = Watch([*running, *beside])
    while not stopping:
        watch.look()
        if reloading:
            reloading = False
            _reload([*running, *beside], manager if told else None, reread)
        if not told and all(worker.is_ready for worker in running):
            told = True
            manager.ready()
        manager.alive_in_time()
        time.sleep(0.1)
    manager.stopping()
    return 0 if stop_all([*running, *beside]) else 1


def _reload(children: Sequence[Child], manager: ServiceManager | None, reread: Callable[[], None]) -> None:
    """Let this process and all others read again. ``manager``: who was told that the server is ready."""
    if manager is not None:
        manager.reloading()
    reread()
    for child in children:
        child.reload()
    if manager is not None:
        manager.ready()
