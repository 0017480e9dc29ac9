"""The work beside the answers. What each process does for itself is here, and what one does for all in
``shared_work.py``.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog

from authrim.core.parts import Core
from authrim.metrics.catalogue import BACKGROUND_FAILURES
from authrim.metrics.failures import first_of, word_of
from authrim.tasks.cancellation import end_tasks

log = structlog.get_logger(__name__)

#: Between the end of some background work by an error and its next beginning.
RESTART_SECONDS: Final = 1.0

Work = Callable[[], Coroutine[Any, Any, None]]


def own_work(core: Core) -> list[Work]:
    """What each process does for its own memory: follow the clients and keys, write down what it has counted."""
    return [core.configuration.follow, core.refusals.flush_every_minute]


@asynccontextmanager
async def kept_running(works: Sequence[Work]) -> AsyncIterator[None]:
    """Keep tasks running as long as the block."""
    tasks = [asyncio.create_task(_restarted(work)) for work in works]
    try:
        yield
    finally:
        await end_tasks(*tasks)


async def _restarted(work: Work) -> None:
    """Restart a background task after an unexpected error, and log it: none may stop silently."""
    while True:
        try:
            await work()
        except Exception as error:  # its kind is logged, its text may quote what it worked on
            BACKGROUND_FAILURES.add(word_of(error))
            log.error("background.failed", kind=type(first_of(error)).__name__)
        await asyncio.sleep(RESTART_SECONDS)
