"""How long one request holds the event loop: CPU time of the loop's thread in one step, which no other load changes."""

import asyncio
import socket
import time
from asyncio import events
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

#: What each field is filled with: separators of every syntax, text that grows or is sorted when it is normalized.
PATTERNS = (
    "a", "1", ";", ",", "=", "a ", '"', '\\"', "%", ".", "/", "[", '{"a":', "a=b;", "\u0315\u0300", "\ufdfa",
)  # fmt: skip
#: Stands at the end of a filled field, and is another text in each try: what was remembered proves nothing.
SALT = b"~~~~"
MOST_MILLISECONDS = 50.0
#: A step of the loop counts only when it is long in every one of so many tries: a collection of garbage is not.
TRIES = 4
#: Threads of the process together: work in another thread that does not let go of the interpreter holds the loop too.
MOST_IN_ALL = 250.0


@dataclass
class CpuTime:
    """Milliseconds of CPU time: of the longest single step of the event loop, and of the whole process."""

    step: float
    in_all: float


class Watch:
    """The longest step since ``begin``, of the thread that it is made in."""

    def __init__(self) -> None:
        self._longest = 0.0
        self._began = 0.0

    def begin(self) -> None:
        self._longest, self._began = 0.0, time.process_time()

    def held(self) -> CpuTime:
        return CpuTime(self._longest * 1000, (time.process_time() - self._began) * 1000)

    def timed(self, run: Callable[[Any], None]) -> Callable[[Any], None]:
        def timed_run(handle: Any) -> None:
            began = time.thread_time()
            run(handle)
            self._longest = max(self._longest, time.thread_time() - began)

        return timed_run


@contextmanager
def watching() -> Iterator[Watch]:
    """Measure every step of the event loop that runs in this process."""
    watch, run = Watch(), events.Handle._run
    events.Handle._run = watch.timed(run)  # type: ignore[method-assign,assignment]
    try:
        yield watch
    finally:
        events.Handle._run = run  # type: ignore[method-assign]


def send(port: int, request: bytes) -> int:
    """The status that the bytes are answered with; 0 when the connection ended without one. For another thread."""
    with socket.create_connection(("localhost", port), timeout=60) as connection:
        try:
            connection.sendall(request)
        except ConnectionError:
            return 0
        answer = b""
        while b"\r\n" not in answer:
            try:
                part = connection.recv(4096)
            except ConnectionError:
                return 0
            if not part:
                return 0
            answer += part
        return int(answer.split()[1])


def least_of(work: Callable[[], object]) -> float:
    """The CPU milliseconds that the work takes in the quickest of some tries, however busy the machine is."""
    least = float("inf")
    for _ in range(TRIES):
        began = time.thread_time()
        work()
        least = min(least, (time.thread_time() - began) * 1000)
    return least


async def held_by(watch: Watch, port: int, request: bytes) -> tuple[int, CpuTime]:
    """The least that one request held the loop for in some tries, once it was too long."""
    status, best = 0, CpuTime(1e9, 1e9)
    for number in range(TRIES):
        salted = request.replace(SALT, b"%04d" % number)
        watch.begin()
        status = await asyncio.to_thread(send, port, salted)
        await asyncio.sleep(0)
        held = watch.held()
        best = CpuTime(min(best.step, held.step), min(best.in_all, held.in_all))
        if best.step <= MOST_MILLISECONDS and best.in_all <= MOST_IN_ALL:
            break
    return status, best
