"""Overload: what is refused at once so that the rest is answered in time (F40).

When more requests come than a process can answer, they wait for their turn on the event loop, and each new one makes
all others wait longer. So the process measures that wait, and while it is too long, it lets in only as many requests as
it answers in a part of a second. Each kind has a share of that room, the smaller the less its refusal harms: a
registration can be tried again tomorrow, a token that was to be revoked must not live on.
"""

import asyncio
import math
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
#: For so many seconds after a standing queue its requests are still held to the room: the room is what keeps it short.
_AFTER: Final = 1.0
#: Seconds between two log lines that say how many were refused.
_LINES: Final = 10
RETRY_AFTER: Final = 2

# How many requests may be in progress is counted in time, at the pace of the process. So whoever is let in is answered
# soon, whether the process has a processor of its own or shares one with three others.
#: Seconds of work that may be in progress.
_ROOM: Final = 0.125
#: Seconds in which a change of the pace counts in full.
_PACE_SECONDS: Final = 0.5
#: With fewer in progress none is ever refused. What is late beside them is late because the process gets no processor,
#: and a refusal would free none. Clients that wait for their answers before they ask again are seldom more.
FEWEST: Final = 64
#: As many may be in progress until the pace is known.
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


#: What a kind may have of the room before it is refused: as soon as so much is in progress of all kinds. Introspection
#: comes in beside all that is full already; four times the room is half a second of work, and its deadline is a second.
_SHARES: Final = {
    Urgency.ADMINISTRATION: 0.5,
    Urgency.SIGN_IN: 0.75,
    Urgency.TOKEN: 1.0,
    Urgency.STATE: 4.0,
    Urgency.ENDS: math.inf,
}

#: At this level everything may be refused that ever is; at the other, everything that appends.
_ALL: Final = 4
_ALL_APPENDS: Final = 3


class _Queue:
    """The wait in one queue: whether the last one was longer than it may be, and for how long it has been."""

    def __init__(self, most: float) -> None:
        self._most = most
        self._in_a_row = 0
        self._standing = 0.0

    @property
    def is_late(self) -> bool:
        """Whether the last wait was too long."""
        return self._in_a_row > 0

    @property
    def is_standing(self) -> bool:
        """Whether so many in a row were too long, now or a moment ago."""
        return self._standing > 0

    def note(self, wait: float, passed: float) -> None:
        """Take note of a wait, ``passed`` seconds after the last one."""
        self._in_a_row = self._in_a_row + 1 if wait > self._most else 0
        self._standing = _AFTER if self._in_a_row >= _STANDING else self._standing - passed


class Overload:
    """How long what is ready waits for its turn on the event loop, and appends for their batch, and what is refused
    because of it.

    ``level`` is how many kinds can be refused, in their order; one of them is when more is in progress than its share
    of the room. ``seconds`` is how long something may wait for the event loop; 0: nothing is ever refused.
    ``append_seconds`` is that of appends. What appends nothing does not give way to them: introspection is there while
    the database is not (F24).
    """

    def __init__(
        self, seconds: float, append_seconds: float = math.inf, append_wait: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._is_on = seconds > 0
        self._loop = _Queue(seconds or math.inf)
        self._appends = _Queue(append_seconds)
        self._append_wait = append_wait
        self._refused = 0
        self._next_line = 0.0
        self._pace = FEW / _ROOM
        self.level = 0
        #: How many may be in progress before a request for a token is refused.
        self.room = FEW
        #: How many requests the gate has let in that are not answered yet, and how many ended since the last look.
        self.in_progress = 0
        self.ended = 0

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
                log.warning("overload.refused", requests=self._refused, room=self.room)
                self._refused = 0

    def note(self, wait: float, passed: float = _PAUSE, append_wait: float = 0.0) -> None:
        """Take note of the waits, in seconds, ``passed`` seconds after the last ones."""
        self._loop.note(wait, passed)
        self._appends.note(append_wait, passed)
        if self._loop.is_late:
            self._keep_pace(passed)
        self.ended = 0
        self.level = self._level() if self._is_on else 0

    def _level(self) -> int:
        if self._loop.is_standing:
            return _ALL
        # After a single wait, too, no more is let in than there is room for. Else the first moment of a burst would
        # bring in a second of work, which all that comes later would wait for.
        return _ALL_APPENDS if self._appends.is_standing or self._loop.is_late or self._appends.is_late else 0

    def _keep_pace(self, passed: float) -> None:
        """Only while the event loop is late does the process end as many requests as it can."""
        self._pace += (self.ended / passed - self._pace) * min(passed / _PACE_SECONDS, 1.0)
        self.room = max(FEWEST, int(self._pace * _ROOM))

    def refuse(self, urgency: Urgency) -> Refusal | None:
        """Why a request of this kind is not answered now, if it is not."""
        if urgency.value >= self.level or self.in_progress < self.room * _SHARES[urgency]:
            return None
        self._refused += 1
        OVERLOAD_REFUSALS.add(urgency.name.lower())
        return OVERLOADED


OVERLOADED: Final = temporarily_unavailable(
    "The server has more requests than it can answer.", retry_after=RETRY_AFTER
)


class Urgencies(dict[str, Urgency]):
    """The urgency of each route, by its name. Pages and static files are asked for while people sign in."""

    def __missing__(self, name: str) -> Urgency:
        return Urgency.SIGN_IN


def let_in(request: web.Request) -> None:
    """Count a request as in progress that was not counted at the gate. One whose body is still to come is no work yet,
    and counts when the body is there: else slow senders would fill the room."""
    count = getattr(request.protocol, "let_in", None)
    if count is not None:
        count()


def wait_outside(request: web.Request) -> None:
    """Count a request no longer that waits for what comes, as a stream of events does."""
    leave = getattr(request.protocol, "leave_gate", None)
    if leave is not None:
        leave()


OVERLOAD: Final = web.AppKey("overload", Overload)
URGENCIES: Final = web.AppKey("urgencies", Urgencies)
