"""Calls into a library that may never return (F25)."""

import asyncio
import threading

import pytest

from authrim.crypto.waiting_threads import Busy, WaitingThreads


async def test_calls_that_do_not_return_are_given_up() -> None:
    """F25, F29: a call that takes too long ends with TimeoutError, no more than a few are on the way, whether somebody
    waits or not, and when the library answers again, so do they."""
    threads, answering = WaitingThreads("test", 2, 1), threading.Event()
    ends = await asyncio.gather(
        *(threads.run(0.05, answering.wait) for _ in range(3)), return_exceptions=True
    )
    assert [type(end) for end in ends] == [TimeoutError] * 3
    with pytest.raises(Busy):
        await threads.run(60, int)
    answering.set()
    for _ in range(600):
        try:
            assert await threads.run(60, int) == 0
            break
        except Busy:
            await asyncio.sleep(0.05)
    with pytest.raises(ZeroDivisionError):
        await threads.run(60, lambda: 1 // 0)
    assert await threads.run(60, lambda text: text * 2, "ab") == "abab"
