"""Tasks that lose their cancellation end all the same."""

import asyncio

import pytest

from authrim.tasks import cancellation
from authrim.tasks.cancellation import end_tasks, heed_cancellation
from tests.support.patience import LATER, PATIENCE


async def loses(times: int) -> None:
    """Takes so many cancellations for passing failures."""
    while True:
        try:
            await asyncio.sleep(LATER)
        except asyncio.CancelledError:
            if not times:
                raise
            times -= 1


async def test_a_lost_cancellation_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each task is cancelled until it ends."""
    monkeypatch.setattr(cancellation, "_AGAIN", 0.01)
    tasks = [asyncio.create_task(loses(times)) for times in (0, 1, 3)]
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        await end_tasks(*tasks)
    assert all(task.cancelled() for task in tasks)


async def test_no_task_and_tasks_that_have_ended() -> None:
    """Nothing to end is no error; what a task failed with is."""
    await end_tasks()

    async def fails() -> None:
        raise LookupError

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    with pytest.raises(LookupError):
        await end_tasks(task)


async def test_a_cancellation_that_another_exception_replaced() -> None:
    """It is raised again where the other one would be taken for a passing failure; a time limit that has passed is
    none."""

    async def replaced() -> None:
        try:
            await asyncio.sleep(LATER)
        except asyncio.CancelledError:
            heed_cancellation()

    task = asyncio.create_task(replaced())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await asyncio.sleep(LATER)
    heed_cancellation()
