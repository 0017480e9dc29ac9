"""The sign-ins that this process is counting and checking.

An attempt is counted before its password is checked, and taken back when the password is right or when the attempt is
refused. Until then it may be what takes another attempt over the limit. So an attempt that is refused beside others is
counted once more: one at a time, and again whenever one of the others has been taken back.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final
from weakref import WeakValueDictionary

#: How many may wait for others at once in a process. Further ones are refused at once.
MOST_WAITERS: Final = 100
#: Seconds that an attempt waits for its turn, and then for room.
LONGEST_WAIT: Final = 5


class Check:
    """An attempt under way. ``crowded``: others with one of its counters were under way beside it. ``makes_room``: its
    count was taken back."""

    __slots__ = ("crowded", "makes_room")

    def __init__(self) -> None:
        self.crowded = False
        self.makes_room = False


class ChecksUnderWay:
    """The attempts under way by counter, and who waits for room."""

    def __init__(self) -> None:
        self._running: dict[str, set[Check]] = {}
        self._waiters: dict[asyncio.Future[bool], frozenset[str]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._in_line = 0

    @contextmanager
    def under_way(self, counters: Collection[str]) -> Iterator[Check]:
        """An attempt with these counters is being counted and checked."""
        check = Check()
        for name in counters:
            beside = self._running.setdefault(name, set())
            check.crowded = check.crowded or bool(beside)
            for alone in beside if len(beside) == 1 else ():  # of several, each knows already
                alone.crowded = True
            beside.add(check)
        try:
            yield check
        finally:
            for name in counters:
                self._running[name].discard(check)
                if not self._running[name]:
                    del self._running[name]
            self._tell(frozenset(counters), room=check.makes_room)

    @asynccontextmanager
    async def turn(self, counters: Collection[str]) -> AsyncIterator[bool]:
        """Wait until no other attempt with the narrowest of these counters, the first, is counted again. False when
        that takes too long, or too many wait."""
        if self._in_line >= MOST_WAITERS:
            yield False
            return
        self._in_line += 1
        try:
            lock = self._turns.setdefault(next(iter(counters)), asyncio.Lock())
            try:
                async with asyncio.timeout(LONGEST_WAIT):
                    await lock.acquire()
            except TimeoutError:
                yield False
                return
            try:
                yield True
            finally:
                lock.release()
        finally:
            self._in_line -= 1

    @contextmanager
    def waiting_for_room(self, counters: Collection[str]) -> Iterator[asyncio.Future[bool]]:
        """Whether another attempt makes room from now on: True as soon as one does, False when none is left that
        could."""
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = frozenset(counters)
        try:
            yield waiter
        finally:
            del self._waiters[waiter]

    def _tell(self, ended: frozenset[str], *, room: bool) -> None:
        for waiter, names in self._waiters.items():
            if not waiter.done() and names & ended and (room or not self._is_any_running(names)):
                waiter.set_result(room)

    def _is_any_running(self, names: frozenset[str]) -> bool:
        return any(name in self._running for name in names)


async def is_room(waiter: asyncio.Future[bool]) -> bool:
    """What the waiter is told; False when it takes too long."""
    try:
        async with asyncio.timeout(LONGEST_WAIT):
            return await waiter
    except TimeoutError:
        return False
