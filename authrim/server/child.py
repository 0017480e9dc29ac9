"""A child process that is kept alive: started again when it has died, killed when it hangs.

It hears of this process's end by a pipe that ends with it, and gives signs of life into another (``heartbeat.py``).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import structlog

from authrim.server.heartbeat import heard

log = structlog.get_logger(__name__)

#: A child that lived shorter than this died young.
_YOUNG_SECONDS: Final = 10.0
_LONGEST_WAIT: Final = 30.0
_STOP_SECONDS: Final = 15.0
#: How long a child that has given a sign of life may give no further one.
HUNG_SECONDS = 30.0
#: When this process stood still for longer, so did the machine, and nobody gave signs of life.
_STANDSTILL_SECONDS: Final = 5.0


class Child:
    """One child process and its history. ``name`` begins the names of its log lines."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        files: Sequence[int],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it. It shares our descriptors ``files``, and the variables ``environment`` are beside ours."""
        self._name = name
        self._command = command
        self._files = files
        self._environment = {**os.environ, **environment} if environment else None
        self._early_deaths = 0
        self._not_before = 0.0
        self._start()

    def _start(self) -> None:
        self._heartbeat, writing = os.pipe()
        os.set_blocking(self._heartbeat, False)
        command = [*self._command, "--worker-heartbeat", str(writing)]
        self.process = subprocess.Popen(command, pass_fds=(*self._files, writing), env=self._environment)
        os.close(writing)
        self.is_ready = self._reload_is_due = False
        self._started = self._last_beat = time.monotonic()

    def forgive(self) -> None:
        """Wait for the next sign of life as if one had come now."""
        self._last_beat = time.monotonic()

    def reload(self) -> None:
        """Tell it to read again what can be read again (SIGHUP). Before its first sign of life it would die of the
        signal, so it is told then."""
        if self.is_ready:
            self.process.send_signal(signal.SIGHUP)
        else:
            self._reload_is_due = True

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
            log.error(f"{self._name}.died", status=self.process.returncode, restart_in_seconds=wait)
        if now >= self._not_before:
            self._not_before = 0.0
            os.close(self._heartbeat)
            self._start()

    def _look_for_life(self) -> None:
        now = time.monotonic()
        if heard(self._heartbeat):
            self.is_ready, self._last_beat = True, now
            if self._reload_is_due:
                self._reload_is_due = False
                self.reload()
        elif self.is_ready and now - self._last_beat > HUNG_SECONDS:
            silent = round(now - self._last_beat, 1)
            log.error(f"{self._name}.hung", pid=self.process.pid, silent_seconds=silent)
            self.process.kill()


class Watch:
    """Looks after children, whenever it is called."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = children
        self._looked = time.monotonic()

    def look(self) -> None:
        """Keep each of them alive."""
        now = time.monotonic()
        for child in self._children:
            if now - self._looked > _STANDSTILL_SECONDS:
                child.forgive()
            child.keep_alive()
        self._looked = now


def stop_all(children: Iterable[Child]) -> bool:
    """End them by SIGTERM, and whichever takes too long by SIGKILL. Whether all ended by themselves."""
    processes = [child.process for child in children]
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
    return clean


def own_command(arguments: Sequence[str]) -> list[str]:
    """The command of a child: this program with other arguments."""
    return [sys.executable, "-m", "authrim", *arguments]
