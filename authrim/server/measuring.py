"""Measures this process, and writes down once per second what it has counted, for whichever process is asked for it."""

import asyncio
import platform
import resource
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from time import process_time, time
from typing import Final

from authrim.metrics import catalogue as metrics
from authrim.metrics.memory import SharedPart
from authrim.metrics.snapshot import go_on_from, take

#: How often this process writes down what it has counted, in seconds.
PAUSE: Final = 1.0

#: Sets the gauges of some part of the server.
Measure = Callable[[], None]

_PAGE_SIZE: Final = resource.getpagesize()


class Measuring:
    """The numbers of one process. ``measures``: what sets its gauges."""

    def __init__(self, part: SharedPart, measures: Sequence[Measure]) -> None:
        """Go on from what an earlier process of the same name has counted."""
        self._part = part
        self._measures = measures
        self._cpu = 0.0
        earlier = part.read()
        if earlier is not None:
            go_on_from(earlier)
        metrics.PROCESS_STARTS.add(part.process)
        metrics.PROCESS_STARTED.set(time(), part.process)
        metrics.BUILD.set(1, version("authrim"), platform.python_version())

    def write(self) -> None:
        """Measure, and write everything down."""
        now = time()
        self._measure_process(now)
        for measure in self._measures:
            measure()
        self._part.write(take(now))

    async def write_until_cancelled(self) -> None:
        """Do so again and again, and see how late the event loop comes to it."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + PAUSE
            await asyncio.sleep(PAUSE)
            metrics.LOOP_LAG.observe(max(0.0, loop.time() - due))
            self.write()

    def _measure_process(self, now: float) -> None:
        process, cpu = self._part.process, process_time()
        metrics.PROCESS_CPU.add_more(cpu - self._cpu, process)
        self._cpu = cpu
        metrics.PROCESS_SEEN.set(now, process)
        # Linux: the second word is the resident set, in pages (proc_pid_statm(5)).
        resident = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        metrics.PROCESS_MEMORY.set(resident * _PAGE_SIZE, process)
        metrics.PROCESS_FILES.set(sum(1 for _ in Path("/proc/self/fd").iterdir()), process)
        metrics.PROCESS_FILES_MOST.set(resource.getrlimit(resource.RLIMIT_NOFILE)[0], process)
