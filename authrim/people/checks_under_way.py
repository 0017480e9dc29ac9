"""The sign-ins that this process is counting and checking.

An attempt is counted before its password is checked. The count is taken back when the password is right, and when the
attempt is refused, because nothing was guessed then. Until that happens it may be what takes another attempt over the
limit. So an attempt that is refused beside others is counted again: when the password of one of them was right, and
when all of them are over.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import monotonic
from typing import Final
from weakref import WeakValueDictionary

#: How many may wait for others at once in a process. Further ones are refused at once.
MOST_WAITERS: Final = 100
#: Seconds that an attempt waits in all, for its turn and for others.
LONGEST_WAIT: Final = 5
#: How often an attempt is counted again although no password beside it was right.
MOST_RECOUNTS: Final = 2


class Check:
    """An attempt under way. ``beside``: others that shared a counter with it while it was. ``was_right``: its count was
    taken back because nothing was guessed. ``is_refused``: it was one too many, and ``beside`` is kept."""

    __slots__ = ("beside", "ended", "is_refused", "was_right")

    def __init__(self) -> None:
        self.beside: set[Check] = set()
        self.ended = False
        self.was_right = False
        self.is_refused = False


class Turn:
    """The right to be counted again, until it is used up."""

    def __init__(self, until: float, waiters: dict[asyncio.Future[bool], set[Check]]) -> None:
        self._until = until
        self._waiters = waiters
        self._recounts = 0

    async def may_recount(self, beside: set[Check]) -> bool:
        """Wait for those that a refused attempt was counted beside: for the first that was right, or for all."""
        if not beside:
            return False
        if not await self._was_one_right(beside):
            self._recounts += 1
        return self._recounts <= MOST_RECOUNTS and monotonic() < self._until

    async def _was_one_right(self, beside: set[Check]) -> bool:
        if any(check.ended and check.was_right for check in beside):
            return True
        left = {check for check in beside if not check.ended}
        if not left:
            return False
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = left
        try:
            async with asyncio.timeout(self._until - monotonic()):
                return await waiter
        except TimeoutError:
            return False
        finally:
            del self._waiters[waiter]


class ChecksUnderWay:
    """The attempts under way by counter, and who waits for them."""

    def __init__(self) -> None:
        self._running: dict[str, set[Check]] = {}
        self._waiters: dict[asyncio.Future[bool], set[Check]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._in_line = 0

    @contextmanager
    def under_way(self, counters: Collection[str]) -> Iterator[Check]:
        """An attempt with these counters is being counted and checked."""
        check = Check()
        for name in counters:
            running = self._running.setdefault(name, set())
            check.beside |= running
            for other in running:
                other.beside.add(check)
            running.add(check)
        try:
            yield check
        finally:
            for name in counters:
                self._running[name].discard(check)
                if not self._running[name]:
                    del self._running[name]
            self._end(check)

    @asynccontextmanager
    async def turn(self, counters: Collection[str]) -> AsyncIterator[Turn | None]:
        """Wait until no other attempt with the narrowest of these counters, the first, is counted again. None when that
        takes too long, or too many wait."""
        until = monotonic() + LONGEST_WAIT
        if self._in_line >= MOST_WAITERS:
            yield None
            return
        self._in_line += 1
        try:
            lock = self._turns.setdefault(next(iter(counters)), asyncio.Lock())
            try:
                async with asyncio.timeout(LONGEST_WAIT):
                    await lock.acquire()
            except TimeoutError:
                yield None
                return
            try:
                yield Turn(until, self._waiters)
            finally:
                lock.release()
        finally:
            self._in_line -= 1

    def _end(self, check: Check) -> None:
        check.ended = True
        if not check.is_refused:
            check.beside = set()  # else each attempt would keep all before it alive
        for waiter, left in self._waiters.items():
            if check not in left or waiter.done():
                continue
            left.discard(check)
            if check.was_right or not left:
                waiter.set_result(check.was_right)
