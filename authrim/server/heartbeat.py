"""The signs of life that a worker gives its supervisor: one byte a second into a pipe, from the event loop.

The first byte says that the worker does its work. When no more come, the loop hangs or the process is stopped.
"""

import asyncio
import os
import signal
from contextlib import suppress
from typing import Final, NamedTuple

from authrim.server.service_manager import ServiceManager

BEAT_SECONDS: Final = 1.0


class Worker(NamedTuple):
    """What a supervisor gives its worker: two pipes. When the reading end ``lifeline`` ends, so does the process, as on
    SIGTERM; it gives signs of life to the writing end ``heartbeat``."""

    lifeline: int
    heartbeat: int

    @classmethod
    def of_options(cls, lifeline: int | None, heartbeat: int | None) -> "Worker | None":
        """The worker that the options of a command name; None for a process that has no supervisor."""
        return None if lifeline is None or heartbeat is None else cls(lifeline, heartbeat)


async def beat(pipe: int) -> None:
    """Write to the pipe until cancelled. A full pipe is left alone: it says as much as one byte more."""
    os.set_blocking(pipe, False)
    while True:
        # A supervisor that is gone ends this process by the lifeline.
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(pipe, b".")
        await asyncio.sleep(BEAT_SECONDS)


def heard(pipe: int) -> bool:
    """Whether a byte has come since the last time. The pipe does not block."""
    try:
        return bool(os.read(pipe, 65536))
    except BlockingIOError:
        return False


def stop_signs(worker: Worker | None) -> asyncio.Event:
    """Set by SIGTERM and SIGINT, and by the end of the supervisor. Call it in the event loop."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if worker is not None:
        loop.add_reader(worker.lifeline, stop.set)
    return stop


async def live_until(stop: asyncio.Event, worker: Worker | None, manager: ServiceManager) -> None:
    """Give signs of life to whoever waits for them, until the process is to stop."""
    signs = [asyncio.create_task(manager.stay_alive())]
    if worker is not None:
        signs.append(asyncio.create_task(beat(worker.heartbeat)))
    await stop.wait()
    for sign in signs:
        sign.cancel()
    if worker is not None:
        asyncio.get_running_loop().remove_reader(worker.lifeline)
