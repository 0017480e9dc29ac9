"""Overload: what is refused at once so that the rest is answered in time (F40).

When more requests come than a process can answer, they wait for their turn on the event loop, and each new one makes
all others wait longer. So the process measures that wait and holds it to a target, by refusing kinds of requests:
those first whose refusal harms least. A registration can be tried again tomorrow, a token that was to be revoked must
not live on.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Final

import structlog
from aiohttp import web

from authrim.metrics.catalogue import OVERLOAD as OVERLOAD_REFUSALS
from domain.errors import Refusal, temporarily_unavailable

#: Seconds between two looks at the event loop.
_PAUSE: Final = 0.025
#: So many waits in a row must be long. A single stall, such as a collection of garbage, makes one look late; a queue
#: makes all of them late. CoDel (RFC 8289) tells a standing queue from a burst in the same way.
_STANDING: Final = 3
#: Seconds between two log lines that say how many were refused.
_LINES: Final = 10
RETRY_AFTER: Final = 2

# The controller is that of PIE (RFC 8033 §4.2): it moves by how far the wait is from its target, and by how the wait
# changes. Waits are counted in targets.
#: Levels per second and target.
_BY_DISTANCE: Final = 2.0
#: Levels per target of change.
_BY_CHANGE: Final = 0.25
#: A wait beyond so many targets counts as so many, and a look later than so many seconds as so late.
_FARTHEST: Final = 5.0
_LONGEST: Final = 1.0

#: With fewer requests in progress none is refused. All of them together are some tenths of a second of work, so whoever
#: asks now is answered soon. What is late beside them is late because the process gets no processor, and a refusal
#: would free none. Clients that wait for their answers before they ask again are seldom more at one process.
FEW: Final = 256

log = structlog.get_logger(__name__)


class Urgency(Enum):
    """A kind of request, with its place in the order in which kinds give way."""

    ADMINISTRATION = 0
    """Registration, the pages of auditors, the management of streams."""
    SIGN_IN = 1
    """Authorization requests, and the pages that people see."""
    TOKEN = 2
    """Tokens, pushed requests, userinfo: somebody is signed in already."""
    STATE = 3
    """Introspection, metadata, keys: others decide by it."""
    ENDS = math.inf
    """Revocation and logout, and probes of health: never refused."""


#: At this level everything is refused that ever is; at the other, everything that appends.
_ALL: Final = 4.0
_ALL_APPENDS: Final = 3.0


class _Controller:
    """Moves a level so that a wait comes near its target, in seconds. The smallest of some waits in a row counts."""

    def __init__(self, target: float, highest: float) -> None:
        self._target = target
        self._highest = highest
        self._latest = deque((0.0,) * _STANDING, _STANDING)
        self._distance = 0.0
        self.level = 0.0

    @property
    def is_late(self) -> bool:
        """Whether the last wait was longer than its target."""
        return self._latest[-1] > self._target

    def note(self, wait: float, passed: float) -> None:
        """Take note of a wait, ``passed`` seconds after the last one."""
        self._latest.append(wait)
        before, self._distance = self._distance, min(min(self._latest) / self._target, _FARTHEST)
        moved = _BY_DISTANCE * (self._distance - 1) * min(passed, _LONGEST)
        moved += _BY_CHANGE * (self._distance - before)
        self.level = max(0.0, min(self.level + moved, self._highest))


class Overload:
    """How long what is ready waits for its turn on the event loop, and appends for their batch, and what is refused
    because of it.

    ``level`` is how many kinds give way, with the part of one more: at 2.25 registrations and sign-ins are refused, and
    every fourth token. ``seconds`` is the wait for the event loop that is aimed at; 0: nothing is ever refused.
    ``append_seconds`` is that of appends. What appends nothing does not give way to them: keys and metadata are there
    while the database is not (F24).
    """

    def __init__(
        self, seconds: float, append_seconds: float = math.inf, append_wait: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._is_on = seconds > 0
        self._loop = _Controller(seconds or math.inf, _ALL)
        self._appends = _Controller(append_seconds, _ALL_APPENDS)
        self._append_wait = append_wait
        self._refused = 0
        self._next_line = 0.0
        self.level = 0.0
        #: How many requests the gate has let in that are not answered yet.
        self.in_progress = 0
        self.few = FEW
        #: Whether the last look alone found one of the waits too long. A stall is enough for that.
        self.is_late = False
        #: For each kind the part of a refusal that has not been given yet.
        self._owed = dict.fromkeys(Urgency, 0.0)

    async def look_until_cancelled(self) -> None:
        """Measure the waits again and again."""
        if not self._is_on:
            return
        loop = asyncio.get_running_loop()
        looked = loop.time()
        while True:
            due = loop.time() + _PAUSE
            await asyncio.sleep(_PAUSE)
            looked, passed = loop.time(), loop.time() - looked
            self.note(looked - due, passed, self._append_wait())
            if self._refused and looked >= self._next_line:
                self._next_line = looked + _LINES
                log.warning("overload.refused", requests=self._refused, level=round(self.level, 1))
                self._refused = 0

    def note(self, wait: float, passed: float = _PAUSE, append_wait: float = 0.0) -> None:
        """Take note of the waits, in seconds, ``passed`` seconds after the last ones."""
        self._loop.note(wait, passed)
        self._appends.note(append_wait, passed)
        self.level = max(self._loop.level, self._appends.level) if self._is_on else 0.0
        self.is_late = self._is_on and (self._loop.is_late or self._appends.is_late)

    def refuse(self, urgency: Urgency) -> Refusal | None:
        """Why a request of this kind is not answered now, if it is not."""
        part = self.level - urgency.value
        if part <= 0 or self.in_progress < self.few or (part < 1 and not self._has_turn(urgency, part)):
            return None
        self.count(urgency)
        return OVERLOADED

    def count(self, urgency: Urgency) -> None:
        """Count a refusal."""
        self._refused += 1
        OVERLOAD_REFUSALS.add(urgency.name.lower())

    def _has_turn(self, urgency: Urgency, part: float) -> bool:
        """Whether this request of the kind is one of those that are refused, when ``part`` of them are."""
        self._owed[urgency] += part
        if self._owed[urgency] < 1:
            return False
        self._owed[urgency] -= 1
        return True


OVERLOADED: Final = temporarily_unavailable(
    "The server has more requests than it can answer.", retry_after=RETRY_AFTER
)


class Urgencies(dict[str, Urgency]):
    """The urgency of each route, by its name. Pages and static files are asked for while people sign in."""

    def __missing__(self, name: str) -> Urgency:
        return Urgency.SIGN_IN


OVERLOAD: Final = web.AppKey("overload", Overload)
URGENCIES: Final = web.AppKey("urgencies", Urgencies)
