"""Can this process do its work? Not when the log cannot be read, when nothing can be recorded, or when clocks differ.

A full disk is seen by writing: a counter row that expires, once in some seconds however often anybody asks. Followers
that lag make no process unready: no answer is made of what they write. But whoever asks is told, and so is the log.
"""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Final

import structlog

from authrim.audit.follow import NAMES
from authrim.core.decision_clock import MOST_SKEW_SECONDS
from authrim.core.parts import Core
from authrim.store.contract import StoreError
from domain.units import MICROSECONDS

log = structlog.get_logger(__name__)

#: What a try to write has shown holds so long, in seconds.
WRITE_SECONDS: Final = 5.0
_WINDOW: Final = 60
#: Followers that are so far behind, in seconds, are worth a line: nobody does the background work, or it fails.
LONG_LAG: Final = 60


class Readiness:
    """Why a process is not ready, looked at when it is asked for; each change is a log line that says why."""

    def __init__(self) -> None:
        self._why = ""
        self._cause = ""
        self._written = ""
        self._write_again = 0.0
        self._lags: Mapping[str, int] = {}
        self._lags_again = 0.0
        self._lagged = False
        self._one_at_a_time = asyncio.Lock()

    async def why_not(self, core: Core) -> str:
        """A word for why it is not ready; empty when it is."""
        async with self._one_at_a_time:
            self._tell(*await self._look(core))
            return self._why

    async def lags(self, core: Core) -> Mapping[str, int]:
        """How far each follower is behind, in whole seconds; what was found holds for some seconds."""
        async with self._one_at_a_time:
            if monotonic() >= self._lags_again:
                try:
                    lags = await core.store.lags(NAMES)
                except StoreError:
                    return {}
                self._lags = {name: lag // MICROSECONDS for name, lag in lags.items()}
                self._lags_again = monotonic() + WRITE_SECONDS
                self._tell_lags()
            return self._lags

    def _tell_lags(self) -> None:
        lagging = {name: lag for name, lag in self._lags.items() if lag >= LONG_LAG}
        if lagging and not self._lagged:
            log.warning("background.behind", seconds=lagging)
        elif self._lagged and not lagging:
            log.warning("background.caught_up")
        self._lagged = bool(lagging)

    async def _look(self, core: Core) -> tuple[str, str]:
        try:
            head = await core.store.head()
        except StoreError as failed:
            return "store_unavailable", str(failed)
        if abs(head.now // MICROSECONDS - core.now()) > MOST_SKEW_SECONDS:
            return "clock_skew", "this machine's clock and the database's differ: set them"
        if monotonic() >= self._write_again:
            self._written = ""
            try:
                await core.store.count("readiness", _WINDOW)
            except StoreError as failed:
                self._written = str(failed)
            self._write_again = monotonic() + WRITE_SECONDS
        return ("store_cannot_write", self._written) if self._written else ("", "")

    def _tell(self, why: str, cause: str) -> None:
        if why and (why, cause) != (self._why, self._cause):
            log.error("readiness.lost", why=why, cause=cause)
        elif self._why and not why:
            log.warning("readiness.back", was=self._why)
        self._why, self._cause = why, cause
