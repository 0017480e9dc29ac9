"""Who may hold how many of the places that all fetches share, so that what hangs holds up nothing else (A119).

A host, and what one client wants of a host (a party), is remembered by its last answer: quick, slow (or none), or
not known yet. Each of the whole, a host and a party has a number of places for those that are slow, some more for those
that nobody knows yet, and the rest for those that answer quickly. So a hundred hosts that never answer share the places
of the slow, a host that has always answered finds one free, and no client uses up what its host may hold.
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
    """How a party answered the last time."""

    SLOW = 0
    UNKNOWN = 1
    QUICK = 2


class Party(NamedTuple):
    """Who is asked (host and port), and for which client: "" when it is nobody's in particular."""

    host: str
    client: str = ""


#: Places that parties of this pace and of those before it may hold together: of the whole, of one host, of one party.
_WHOLE: Final = {Pace.SLOW: 32, Pace.UNKNOWN: 128, Pace.QUICK: 192}
_HOST: Final = {Pace.SLOW: 4, Pace.UNKNOWN: 12, Pace.QUICK: 16}
_PARTY: Final = {Pace.SLOW: 1, Pace.UNKNOWN: 2, Pace.QUICK: 8}
MOST_AT_ONCE: Final = _WHOLE[Pace.QUICK]
#: Those that may wait for one party's places, and for all places but those of the quick; the next are told at once.
_WAITING: Final = 16
_WAITING_IN_ALL: Final = 1024
#: Seconds that a quick answer takes at most, and for which a party's pace is remembered.
_QUICK_SECONDS: Final = 1.0
_REMEMBERED_SECONDS: Final = 900.0
_REMEMBERED: Final = 10_000


class Crowded(Exception):
    """No place became free in time. Nobody was asked."""


class _Waiter(NamedTuple):
    party: Party
    pace: Pace
    turn: asyncio.Future[Pace]


class _PlacesInUse:
    """The number of places in use, by pace: in all (the key is None), per host and per party."""

    def __init__(self) -> None:
        self._held: dict[Party | str | None, list[int]] = {}

    def add(self, party: Party, pace: Pace, amount: int) -> None:
        """Take a place at every level, or give it back."""
        for level in (None, party.host, party):
            held = self._held.setdefault(level, [0] * len(Pace))
            held[pace] += amount
            if not any(held):
                del self._held[level]

    def fits(self, party: Party, pace: Pace) -> bool:
        """Whether one more fits at every level."""
        return (
            self._has_room(None, _WHOLE, pace)
            and self._has_room(party.host, _HOST, pace)
            and self._has_room(party, _PARTY, pace)
        )

    def whole_has_room(self, pace: Pace) -> bool:
        """Whether anybody of this pace may fit."""
        return self._has_room(None, _WHOLE, pace)

    def _has_room(self, level: Party | str | None, most: dict[Pace, int], pace: Pace) -> bool:
        """Whether one more stays below each bound that it counts against: its own pace's, and the quicker ones'."""
        held = self._held.get(level)
        return held is None or all(sum(held[: bound + 1]) < most[bound] for bound in Pace if bound >= pace)


class Shares:
    """Gives out places; those that wait are let in as soon as one fits them, quick ones first."""

    def __init__(self) -> None:
        self._held = _PlacesInUse()
        self._waiting: dict[Pace, list[_Waiter]] = {pace: [] for pace in reversed(Pace)}
        self._waiting_for: Counter[Party] = Counter()
        self._paces: LruCache[Party, tuple[Pace, float]] = LruCache(_REMEMBERED)

    def is_crowded(self, party: Party) -> bool:
        """Whether as many wait for the party's places as may."""
        others = sum(len(self._waiting[pace]) for pace in (Pace.SLOW, Pace.UNKNOWN))
        known_as_quick = self.pace(party) == Pace.QUICK
        return self._waiting_for[party] >= _WAITING or (others >= _WAITING_IN_ALL and not known_as_quick)

    def pace(self, party: Party) -> Pace:
        """How the party answered the last time, when that is not long ago."""
        pace, until = self._paces.get(party) or (Pace.UNKNOWN, 0.0)
        return pace if until > monotonic() else Pace.UNKNOWN

    @asynccontextmanager
    async def place(self, party: Party, patience: float) -> AsyncIterator[None]:
        """Hold a place, waited for at most ``patience`` seconds, and remember the party's pace. Raises Crowded."""
        pace = await self._enter(party, patience)
        began, answered = monotonic(), False
        try:
            yield
            answered = True
        finally:
            seconds = monotonic() - began
            if answered or seconds > _QUICK_SECONDS:  # what fails at once holds up nobody
                self._remember(party, Pace.QUICK if seconds <= _QUICK_SECONDS else Pace.SLOW)
            self._leave(party, pace)

    async def _enter(self, party: Party, patience: float) -> Pace:
        pace = self.pace(party)
        if not self._waiting_for[party] and self._held.fits(party, pace):
            self._held.add(party, pace, 1)
            return pace
        if self.is_crowded(party):
            raise Crowded
        waiting = _Waiter(party, pace, asyncio.get_running_loop().create_future())
        self._waiting[pace].append(waiting)
        self._waiting_for[party] += 1
        # Not wait_for or a timeout around: a turn that comes while its caller is given up must be given back.
        try:
            await asyncio.wait([waiting.turn], timeout=patience)
        except BaseException:
            self._give_up(waiting)
            raise
        if not waiting.turn.done():
            self._give_up(waiting)
            raise Crowded
        return waiting.turn.result()

    def _give_up(self, waiting: _Waiter) -> None:
        if waiting.turn.done():
            self._leave(waiting.party, waiting.turn.result())
        else:
            self._forget_waiting(waiting)

    def _leave(self, party: Party, pace: Pace) -> None:
        """Give a place back, and what is free to those that wait: the quick first, then the unknown, then the slow."""
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
