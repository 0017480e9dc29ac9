"""The position of the log that an introspection's answer is from, and waiting until the log has reached one.

The position is read before the rows that the answer is made of, and the configuration in memory is brought up to it (a
key may have been revoked there): everything up to it is in the answer, maybe more.
Nobody who does not ask for it pays for it. Those who wait share one look at the log's head, and there are few places
(A269).
"""

import asyncio
import re
from collections import Counter
from time import monotonic
from typing import Final

from authrim.core.clients_and_keys import Configuration
from authrim.store.contract import Head, Store
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

    def __init__(self, store: Store, configuration: Configuration) -> None:
        self._store = store
        self._configuration = configuration
        self._waiting: Counter[str] = Counter()
        self._look: asyncio.Task[Head] | None = None

    async def reach(self, client_id: str, wanted: str | None, seconds: float) -> int | Refusal:
        """The newest position once it is at least ``wanted``. Raises Unavailable."""
        if wanted is not None and not _NUMBER.fullmatch(wanted):
            return MALFORMED
        head = await self._head(client_id, int(wanted or 0), seconds)
        if isinstance(head, Refusal):
            return head
        if head.changed_at > self._configuration.applied:
            await self._configuration.catch_up()
        return head.position

    async def _head(self, client_id: str, wanted: int, seconds: float) -> Head | Refusal:
        head = await self._store.head()
        if head.position >= wanted:
            return head
        if self._waiting[client_id] >= MOST_OF_CLIENT or self._waiting.total() >= MOST_WAITING:
            return NOT_REACHED
        self._waiting[client_id] += 1
        try:
            return await self._wait(wanted, seconds)
        finally:
            self._waiting[client_id] -= 1
            if not self._waiting[client_id]:
                del self._waiting[client_id]

    async def _wait(self, wanted: int, seconds: float) -> Head | Refusal:
        until = monotonic() + seconds
        while monotonic() < until:
            if self._look is None or self._look.done():
                self._look = asyncio.create_task(self._next_look(), name="log position")
            head = await asyncio.shield(self._look)
            if head.position >= wanted:
                return head
        return NOT_REACHED

    async def _next_look(self) -> Head:
        await asyncio.sleep(_POLL)
        return await self._store.head()
