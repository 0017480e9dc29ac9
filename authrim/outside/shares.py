"""The shares of the places for outgoing requests, so that a host that hangs does not delay the others (A119).

A party is one host, asked for one client. Its pace is that of its last answer: quick, slow (or no answer), or unknown.
There is a limit for all requests, one per host and one per party. Each limit has some places for slow parties, some
more for unknown ones, and the rest for quick ones. So a hundred hosts that never answer share the places for slow
parties, a host that has always answered finds a free place, and no client uses up the places of its host.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum
from time import monotonic
from typing import Final, NamedTuple

from authrim.memory.lru_cache import LruCache


class Pace(IntEnum):
    """How fast a party answered the last time."""

    SLOW = 0
    UNKNOWN = 1
    QUICK = 2


class Party(NamedTuple):
    """A host (with its port), and the client that the request is for; "" when it is for no particular client."""

    host: str
    client: str = ""


#: The most places for parties of a pace and of the slower paces together: in all, per host, per party.
_WHOLE: Final = {Pace.SLOW: 32, Pace.UNKNOWN: 128, Pace.QUICK: 192}
_HOST: Final = {Pace.SLOW: 4, Pace.UNKNOWN: 12, Pace.QUICK: 16}
_PARTY: Final = {Pace.SLOW: 1, Pace.UNKNOWN: 2, Pace.QUICK: 8}
MOST_AT_ONCE: Final = _WHOLE[Pace.QUICK]
#: The most waiters per party, and in all except quick parties. Further requests are refused at once.
_WAITING: Final = 16
_WAITING_IN_ALL: Final = 1024
#: The longest time of a quick answer, and how long a pace is remembered, in seconds.
_QUICK_SECONDS: Final = 1.0
_REMEMBERED_SECONDS: Final = 900.0
_REMEMBERED: Final = 10_000


class NoFreePlace(Exception):
    """No place became free in time. Nothing was sent."""


class _Waiter(NamedTuple):
    party: Party
    pace: Pace
    turn: asyncio.Future[Pace]


class _PlacesInUse:
    """The number of places in use, by pace: in all (the key is None), per host and per party."""

    def __init__(self) -> None:
        self._held: dict[Party | str | None, list[int]] = {}

    def add(self, party: Party, pace: Pace, amount: int) -> None:
        """Add ``amount`` (1 or -1) at every level."""
        for level in (None, party.host, party):
            held = self._held.setdefault(level, [0] * len(Pace))
            held[pace] += amount
            if not any(held):
                del self._held[level]

    def fits(self, party: Party, pace: Pace) -> bool:
        """Whether there is a free place at every level."""
        return (
            self._has_room(None, _WHOLE, pace)
            and self._has_room(party.host, _HOST, pace)
            and self._has_room(party, _PARTY, pace)
        )

    def whole_has_room(self, pace: Pace) -> bool:
        """Whether there is a place in all for some party of this pace."""
        return self._has_room(None, _WHOLE, pace)

    def _has_room(self, level: Party | str | None, most: dict[Pace, int], pace: Pace) -> bool:
        """Whether one more place stays within the limits of its pace and of the quicker ones."""
        held = self._held.get(level)
        return held is None or all(sum(held[: bound + 1]) < most[bound] for bound in Pace if bound >= pace)


class Shares:
    """Hands out places. A waiter gets a place as soon as one fits; quick parties come first."""

    def __init__(self) -> None:
        self._held = _PlacesInUse()
        self._waiting: dict[Pace, list[_Waiter]] = {pace: [] for pace in reversed(Pace)}
        self._waiting_for: Counter[Party] = Counter()
        self._paces: LruCache[Party, tuple[Pace, float]] = LruCache(_REMEMBERED)

    def is_crowded(self, party: Party) -> bool:
        """Whether the queue for the party's places is full."""
        others = sum(len(self._waiting[pace]) for pace in (Pace.SLOW, Pace.UNKNOWN))
        known_as_quick = self.pace(party) == Pace.QUICK
        return self._waiting_for[party] >= _WAITING or (others >= _WAITING_IN_ALL and not known_as_quick)

    def pace(self, party: Party) -> Pace:
        """The pace of the party's last answer; UNKNOWN when that was too long ago."""
        pace, until = self._paces.get(party) or (Pace.UNKNOWN, 0.0)
        return pace if until > monotonic() else Pace.UNKNOWN

    @asynccontextmanager
    async def place(self, party: Party, patience: float) -> AsyncIterator[None]:
        """Wait at most ``patience`` seconds for a place, hold it, and remember the party's pace. Raises NoFreePlace."""
        pace = await self._enter(party, patience)
        began, answered = monotonic(), False
        try:
            yield
            answered = True
        finally:
            seconds = monotonic() - began
            if answered or seconds > _QUICK_SECONDS:  # a failure at once delays nobody
                self._remember(party, Pace.QUICK if seconds <= _QUICK_SECONDS else Pace.SLOW)
            self._leave(party, pace)

    async def _enter(self, party: Party, patience: float) -> Pace:
        pace = self.pace(party)
        if not self._waiting_for[party] and self._held.fits(party, pace):
            self._held.add(party, pace, 1)
            return pace
        if self.is_crowded(party):
            raise NoFreePlace
        waiting = _Waiter(party, pace, asyncio.get_running_loop().create_future())
        self._waiting[pace].append(waiting)
        self._waiting_for[party] += 1
        # Not wait_for or a timeout: a place that is handed out while the caller is cancelled must be given back.
        try:
            await asyncio.wait([waiting.turn], timeout=patience)
        except BaseException:
            self._give_up(waiting)
            raise
        if not waiting.turn.done():
            self._give_up(waiting)
            raise NoFreePlace
        return waiting.turn.result()

    def _give_up(self, waiting: _Waiter) -> None:
        if waiting.turn.done():
            self._leave(waiting.party, waiting.turn.result())
        else:
            self._forget_waiting(waiting)

    def _leave(self, party: Party, pace: Pace) -> None:
        """Give a place back, and hand free places to waiters: quick ones first, then unknown, then slow ones."""
        self._held.add(party, pace, -1)
        for its_pace, waiting in self._waiting.items():
            self._let_in(its_pace, waiting)

    def _let_in(self, pace: Pace, those: list[_Waiter]) -> None:
        full: set[Party] = set()
        for waiting in tuple(those) if self._held.whole_has_room(pace) else ():
            now = min(pace, self.pace(waiting.party))  # it may have become slow while it waited
            if waiting.party in full:
                continue
            if not self._held.fits(waiting.party, now):
                full.add(waiting.party)
                if not self._held.whole_has_room(pace):
                    return
                continue
            self._held.add(waiting.party, now, 1)
            self._forget_waiting(waiting)
            waiting.turn.set_result(now)

    def _forget_waiting(self, waiting: _Waiter) -> None:
        self._waiting[waiting.pace].remove(waiting)
        self._waiting_for[waiting.party] -= 1
        if not self._waiting_for[waiting.party]:
            del self._waiting_for[waiting.party]

    def _remember(self, party: Party, pace: Pace) -> None:
        self._paces.put(party, (pace, monotonic() + _REMEMBERED_SECONDS))
