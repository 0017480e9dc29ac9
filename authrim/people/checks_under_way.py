"""The sign-ins that this process is counting and looking at: right ones count as attempts only until they have proved
right, so who comes beyond the limit waits for those."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

#: How many may wait for others at once in a process; who comes then is refused at once.
MOST_WAITERS: Final = 100
#: Seconds that one waits at most.
LONGEST_WAIT: Final = 5


class Check:
    """One sign-in that is being looked at. ``right``: it counts no longer, which makes room for another."""

    __slots__ = ("right",)

    def __init__(self) -> None:
        self.right = False


class ChecksUnderWay:
    """Which counters have attempts under way, and who waits for room in them. Only a right attempt makes room, so a
    guess wakes nobody but when it was the last one that could."""

    def __init__(self) -> None:
        self._running: Counter[str] = Counter()
        self._waiters: dict[asyncio.Future[bool], frozenset[str]] = {}

    @contextmanager
    def under_way(self, counters: Iterable[str]) -> Iterator[Check]:
        """An attempt that these counters hold is being counted or looked at."""
        names, check = frozenset(counters), Check()
        self._running.update(names)
        try:
            yield check
        finally:
            self._running.subtract(names)
            for name in names:
                if not self._running[name]:
                    del self._running[name]
            self._tell(names, room=check.right)

    async def make_room(self, counters: Iterable[str]) -> bool:
        """Wait until a right attempt has made room; False when none is under way that could."""
        names = frozenset(counters)
        if len(self._waiters) >= MOST_WAITERS or not self._may_make_room(names):
            return False
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = names
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                return await waiter
        except TimeoutError:
            return False
        finally:
            del self._waiters[waiter]

    def _tell(self, ended: frozenset[str], *, room: bool) -> None:
        for waiter, names in self._waiters.items():
            if not waiter.done() and names & ended and (room or not self._may_make_room(names)):
                waiter.set_result(room)

    def _may_make_room(self, names: frozenset[str]) -> bool:
        return any(name in self._running for name in names)
