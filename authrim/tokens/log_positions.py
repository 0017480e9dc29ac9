"""The position of the log that an introspection's answer is from, and waiting until the log has reached one.

The position is read before the rows that the answer is made of: everything up to it is in the answer, maybe more.
Nobody who does not ask for it pays for it. Those who wait share one look at the log's head, and there are few places
(A269).
"""

import asyncio
import re
from collections import Counter
from time import monotonic
from typing import Final

from authrim.store.contract import Store
from domain.errors import Refusal, invalid_request, temporarily_unavailable

#: Seconds between two looks at the head while somebody waits.
_POLL: Final = 0.05
#: Requests of one client, and of all clients, that may wait at once in this process.
MOST_OF_CLIENT: Final = 16
MOST_WAITING: Final = 256

_NUMBER: Final = re.compile(r"[0-9]{1,15}")

MALFORMED: Final = invalid_request("The min_position is not a position.", hint="Send a whole number.")
NOT_REACHED: Final = temporarily_unavailable("The log has not reached the min_position yet.")


class PositionWaits:
    """Waits for the log to reach positions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: Counter[str] = Counter()
        self._look: asyncio.Task[int] | None = None

    async def reach(self, client_id: str, wanted: str | None, seconds: float) -> int | Refusal:
        """The newest position once it is at least ``wanted``. Raises Unavailable."""
        if wanted is not None and not _NUMBER.fullmatch(wanted):
            return MALFORMED
        position = (await self._store.head()).position
        if wanted is None or position >= int(wanted):
            return position
        if self._waiting[client_id] >= MOST_OF_CLIENT or self._waiting.total() >= MOST_WAITING:
            return NOT_REACHED
        self._waiting[client_id] += 1
        try:
            return await self._wait(int(wanted), seconds)
        finally:
            self._waiting[client_id] -= 1
            if not self._waiting[client_id]:
                del self._waiting[client_id]

    async def _wait(self, wanted: int, seconds: float) -> int | Refusal:
        until = monotonic() + seconds
        while monotonic() < until:
            if self._look is None or self._look.done():
                self._look = asyncio.create_task(self._next_look(), name="log position")
            position = await asyncio.shield(self._look)
            if position >= wanted:
                return position
        return NOT_REACHED

    async def _next_look(self) -> int:
        await asyncio.sleep(_POLL)
        return (await self._store.head()).position
