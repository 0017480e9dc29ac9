"""A lock in the store, for the one process that writes evidence. One that died holds it for three minutes at most.

Time is cut into minutes, each with a counter. Whoever counts the current minute and the next one first has the lock,
and keeps it by counting the next minute before it comes.
"""

import asyncio
from typing import Final

from authrim.store.contract import Store
from domain.units import MICROSECONDS

_SLOT: Final = 60
_LASTS: Final = 3 * _SLOT
#: Seconds between two looks at the clock; a quarter of a minute, so that a slow look does no harm.
BEAT: Final = 15.0


class Lease:
    """The lock, once taken."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        self._held: set[int] = set()

    async def take(self) -> bool:
        """Whether nobody else has it. Raises StoreError."""
        now = await self._now()
        if await self._count(now) and await self._count(now + 1):
            return True
        await self.release()
        return False

    async def keep_until_lost(self) -> None:
        """Hold it, and return when another process has it, because this one was stopped for too long. Raises
        StoreError."""
        while True:
            await asyncio.sleep(BEAT)
            now = await self._now()
            if now not in self._held or not await self._count(now + 1):
                return

    async def release(self) -> None:
        """Let others have it. Raises StoreError."""
        held, self._held = self._held, set()
        for slot in held:
            await self._store.count(self._key(slot), _LASTS, -1)

    async def _count(self, slot: int) -> bool:
        if slot in self._held:
            return True
        if await self._store.count(self._key(slot), _LASTS) == 1:
            self._held.add(slot)
            return True
        await self._store.count(self._key(slot), _LASTS, -1)
        return False

    async def _now(self) -> int:
        return (await self._store.head()).now // MICROSECONDS // _SLOT

    def _key(self, slot: int) -> str:
        return f"lease {self._name} {slot}"
