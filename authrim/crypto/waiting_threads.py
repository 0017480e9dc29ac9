"""Threads for calls that may never return, into a library that is not ours.

A call that takes too long is given up, and goes on in its thread: so many calls may be on the way at most, whether
somebody waits for them or not. The threads do not hold up the end of the process.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_Call = tuple[Future[Any], Callable[[], Any]]


class Busy(Exception):
    """As many calls are on the way as may be."""


class WaitingThreads:
    """``number`` threads, started by the first call, and up to ``most_waiting`` calls that wait for one."""

    def __init__(self, name: str, number: int, most_waiting: int) -> None:
        self._name: Final = name
        self._number: Final = number
        self._most: Final = number + most_waiting
        self._calls: SimpleQueue[_Call] = SimpleQueue()
        self._lock = threading.Lock()
        self._on_the_way = 0
        self._started = False

    async def run(self, seconds: float, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The answer of ``function``. Raises what it raises, TimeoutError after so many seconds, and Busy."""
        with self._lock:
            if self._on_the_way == self._most:
                raise Busy
            self._on_the_way += 1
            if not self._started:
                self._started = True
                self._start()
        future: Future[T] = Future()
        self._calls.put((future, lambda: function(*args, **kwargs)))
        async with asyncio.timeout(seconds):
            return await asyncio.wrap_future(future)

    def _start(self) -> None:
        for number in range(self._number):
            threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True).start()

    def _work(self) -> None:
        while True:
            future, call = self._calls.get()
            try:
                if future.set_running_or_notify_cancel():
                    future.set_result(call())
            except BaseException as error:
                future.set_exception(error)
            finally:
                with self._lock:
                    self._on_the_way -= 1
