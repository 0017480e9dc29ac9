"""Several server processes on one port (``authrim serve --workers N``).

The parent holds the port and does nothing else: the kernel spreads connections over the workers, the log keeps
them in step. A worker that dies is started again, more slowly each time it dies young. One whose event loop hangs is
killed for it.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import structlog

from authrim.server.heartbeat import heard
from authrim.server.service_manager import ServiceManager
from authrim.wire.listener import ListenError, of_both_families

log = structlog.get_logger(__name__)

#: A worker that lived shorter than this died young.
_YOUNG_SECONDS: Final = 10.0
_LONGEST_WAIT: Final = 30.0
_STOP_SECONDS: Final = 15.0
#: How long a worker that has answered may give no sign of life.
HUNG_SECONDS = 30.0
#: When this process stood still for longer, so did the machine, and nobody gave signs of life.
_STANDSTILL_SECONDS: Final = 5.0


class _Worker:
    """One worker process and its history."""

    def __init__(self, command: Sequence[str], files: Sequence[int]) -> None:
        self._command = command
        self._files = files
        self._early_deaths = 0
        self._not_before = 0.0
        self.start()

    def start(self) -> None:
        self._heartbeat, writing = os.pipe()
        os.set_blocking(self._heartbeat, False)
        command = [*self._command, "--worker-heartbeat", str(writing)]
        self.process = subprocess.Popen(command, pass_fds=(*self._files, writing))
        os.close(writing)
        self.is_ready = False
        self._started = self._last_beat = time.monotonic()

    def forgive(self) -> None:
        """Wait for the next sign of life as if one had come now."""
        self._last_beat = time.monotonic()

    def keep_alive(self) -> None:
        """Kill it when it hangs. Restart it after it has died, with a growing pause."""
        if self.process.poll() is None:
            self._look_for_life()
            return
        now = time.monotonic()
        if self._not_before == 0.0:
            young = now - self._started < _YOUNG_SECONDS
            self._early_deaths = self._early_deaths + 1 if young else 0
            wait = min(2.0**self._early_deaths / 2, _LONGEST_WAIT) if young else 0.0
            self._not_before = now + wait
            log.error("worker.died", status=self.process.returncode, restart_in_seconds=wait)
        if now >= self._not_before:
            self._not_before = 0.0
            os.close(self._heartbeat)
            self.start()

    def _look_for_life(self) -> None:
        now = time.monotonic()
        if heard(self._heartbeat):
            self.is_ready, self._last_beat = True, now
        elif self.is_ready and now - self._last_beat > HUNG_SECONDS:
            log.error("worker.hung", pid=self.process.pid, silent_seconds=round(now - self._last_beat, 1))
            self.process.kill()


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
    held = socket.socket(family, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # as the workers' own listeners
    try:
        held.bind((host, port))
    except OSError as error:
        held.close()
        raise ListenError(host, port, error) from error
    return held


def supervise(
    command: Sequence[str], workers: int, files: Sequence[int] = (), manager: ServiceManager | None = None
) -> int:
    """Run ``workers`` processes of ``command`` until SIGTERM or SIGINT; SIGHUP is passed on. The exit status.

    ``files`` are the descriptors of ours that they share. Each worker also gets the reading end of a pipe that nobody
    ever writes to: it ends with this process, however that ends, and so do they.
    """
    stopping = told = False
    manager = manager or ServiceManager()
    lifeline, _held_to_the_end = os.pipe()
    command, files = [*command, "--worker-lifeline", str(lifeline)], [*files, lifeline]

    def stop(_number: int, _frame: Any) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    running = [_Worker(command, files) for _ in range(workers)]

    def pass_on(number: int, _frame: Any) -> None:
        for worker in running:
            worker.process.send_signal(number)
        if told:
            manager.reloading()
            manager.ready()

    signal.signal(signal.SIGHUP, pass_on)
    looked = time.monotonic()
    while not stopping:
        now = time.monotonic()
        for worker in running:
            if now - looked > _STANDSTILL_SECONDS:
                worker.forgive()
            worker.keep_alive()
        looked = now
        if not told and all(worker.is_ready for worker in running):
            told = True
            manager.ready()
        manager.alive_in_time()
        time.sleep(0.1)
    manager.stopping()
    return _stop_all([worker.process for worker in running])


def _stop_all(processes: list[subprocess.Popen[bytes]]) -> int:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    clean = True
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            clean = False
    return 0 if clean else 1


def worker_command(arguments: Sequence[str]) -> list[str]:
    """The command of a worker: this program with other arguments."""
    return [sys.executable, "-m", "authrim", *arguments]
