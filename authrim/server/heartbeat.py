"""The signs of life that a worker gives its supervisor: one byte a second into a pipe, from the event loop.

The first byte says that the worker answers. When no more come, the loop hangs or the process is stopped.
"""

import asyncio
import os
from contextlib import suppress
from typing import Final

BEAT_SECONDS: Final = 1.0


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
