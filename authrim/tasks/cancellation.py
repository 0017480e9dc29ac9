"""Cancelling a task, so that it ends.

A cancellation is an exception, and can be lost: what a ``finally`` raises takes its place, such as the ``TimeoutError``
of a connection that is given back while its statement is being cancelled. A loop that takes that for a passing failure
then goes on, and whoever waits for its end waits forever.
"""

import asyncio
from typing import Any, Final

#: Seconds until a task that has not ended is cancelled again.
_AGAIN: Final = 1.0


async def end_tasks(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until each has ended, whatever happened to the cancellation.

    Raises what a task ended with, when that is something else.
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _ended, running = await asyncio.wait(running, timeout=_AGAIN)
    for task in tasks:
        if not task.cancelled():
            task.result()


def heed_cancellation() -> None:
    """Raise CancelledError when the running task was cancelled: for where another exception may have taken its place,
    and is about to be taken for a passing failure."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
