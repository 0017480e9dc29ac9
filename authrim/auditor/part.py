"""What the auditor's pages bring to a server: their limits, so that reading the log does not disturb who signs in."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final

from aiohttp import web

from authrim.core.parts import Part
from authrim.people.server_roles import anybody_has
from authrim.store.contract import Store
from domain.person.role import AUDITOR

#: Pages that read the log at the same time, in one process; others wait.
AT_ONCE: Final = 2
#: Seconds that a page may take, with its waiting. What a database does for longer is cancelled.
PATIENCE: Final = 10.0
#: Seconds for which a process remembers whether there is an auditor: browsers without a session may ask often.
_REMEMBERED: Final = 1.0


class Auditing:
    """The turns of the pages, and whether there is anybody for whom they are there."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._patience = patience
        self._is_on = False
        self._known_until = 0.0

    async def in_turn(self, answer: Callable[[], Awaitable[web.StreamResponse]]) -> web.StreamResponse | None:
        """The answer of a page that reads the log; None when it was not ready in time."""
        try:
            async with asyncio.timeout(self._patience), self._turns:
                return await answer()
        except TimeoutError:
            return None

    async def is_on(self, store: Store, tenant: str) -> bool:
        """Whether there is an auditor who may sign in."""
        if monotonic() >= self._known_until:
            self._is_on = await anybody_has(store, tenant, AUDITOR)
            self._known_until = monotonic() + _REMEMBERED
        return self._is_on


AUDITING: Final[Part[Auditing]] = Part("auditing")
