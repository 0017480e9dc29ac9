"""Overload: what is refused at once so that the rest is answered in time (F40).

When more requests come than a process can answer, they wait for their turn on the event loop, and each new one makes
all others wait longer. So the process measures that wait. As it grows, kinds of requests are refused, those first whose
refusal harms least: a registration can be tried again tomorrow, a token that was to be revoked must not live on.
"""

import asyncio
import math
from enum import Enum
from typing import Final

import structlog
from aiohttp import web

from authrim.metrics.catalogue import OVERLOAD as OVERLOAD_REFUSALS
from domain.errors import Refusal, temporarily_unavailable

#: Seconds between two looks at the event loop.
_PAUSE: Final = 0.05
#: Seconds between two log lines that say how many were refused.
_LINES: Final = 10
_RETRY_AFTER: Final = 2

log = structlog.get_logger(__name__)


class Urgency(Enum):
    """A kind of request, with the part of ``overload_milliseconds`` that it may be made to wait."""

    ADMINISTRATION = 0.25
    """Registration, the pages of auditors, the management of streams."""
    SIGN_IN = 0.5
    """Authorization requests, and the pages that people see."""
    TOKEN = 0.75
    """Tokens, pushed requests, userinfo: somebody is signed in already."""
    STATE = 1.0
    """Introspection, metadata, keys: others decide by it."""
    ENDS = math.inf
    """Revocation and logout, and probes of health: never refused."""


class Overload:
    """How long what is ready waits for its turn on the event loop, and what is refused because of it."""

    def __init__(self, seconds: float) -> None:
        #: The greatest wait, in seconds; 0: nothing is ever refused.
        self._seconds = seconds
        self._latest = 0.0
        self._refused = 0
        self._next_line = 0.0
        #: The wait, in seconds. A single stall is no overload, so it is the smaller of the last two looks.
        self.wait = 0.0

    async def look_until_cancelled(self) -> None:
        """Measure the wait again and again."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _PAUSE
            await asyncio.sleep(_PAUSE)
            self.note(loop.time() - due)
            if self._refused and loop.time() >= self._next_line:
                self._next_line = loop.time() + _LINES
                log.warning("overload.refused", requests=self._refused, wait_seconds=round(self.wait, 3))
                self._refused = 0

    def note(self, seconds: float) -> None:
        """Take note of a wait."""
        self.wait, self._latest = min(seconds, self._latest), seconds

    def refuse(self, urgency: Urgency) -> Refusal | None:
        """Why a request of this kind is not answered now, if it is not."""
        if not self._seconds or self.wait <= urgency.value * self._seconds:
            return None
        self._refused += 1
        OVERLOAD_REFUSALS.add(urgency.name.lower())
        return temporarily_unavailable(
            "The server has more requests than it can answer.", retry_after=_RETRY_AFTER
        )


class Urgencies(dict[str, Urgency]):
    """The urgency of each route, by its name. Pages and static files are asked for while people sign in."""

    def __missing__(self, name: str) -> Urgency:
        return Urgency.SIGN_IN


OVERLOAD: Final = web.AppKey("overload", Overload)
URGENCIES: Final = web.AppKey("urgencies", Urgencies)
