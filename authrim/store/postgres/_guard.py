"""Guard rows and counters on PostgreSQL: waiting requests share one commit (decisions.md 17)."""

from collections.abc import Awaitable, Mapping

from authrim.store._guard_rows import Addition, Reservation, guard_key
from authrim.store.loader import GroupLoader
from authrim.store.postgres import reads as sql
from authrim.store.postgres.connections import Connections
from domain.units import MICROSECONDS


class Guard:
    """Values that may be used once, and sums that last for a window."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._reservations = GroupLoader(self._reserve_many)
        self._additions = GroupLoader(self._count_many)

    async def close(self) -> None:
        """Finish what waits."""
        await self._reservations.close()
        await self._additions.close()

    def reserve(self, key: str, expires_at: int) -> Awaitable[bool]:
        """Insert a guard row once; False when it is there already. ``expires_at`` in seconds."""
        return self._reservations.load(Reservation(key, expires_at))

    async def count(self, key: str, window: int, amount: int) -> int:
        """Add to a counter that lasts ``window`` seconds; the new total. Zero reads it."""
        if amount == 0:
            rows = await self._connections.fetch(sql.TOTAL, guard_key(key))
            return rows[0]["total"] if rows else 0
        return await self._additions.load(Addition(key, window, amount))

    async def forget(self, first: str, end: str) -> None:
        """Delete guard rows and counters with keys from ``first`` to before ``end``."""
        for statement in (sql.FORGET_GUARD, sql.FORGET_COUNTERS):
            await self._connections.fetch(statement, first, end)

    async def _reserve_many(self, items: list[Reservation]) -> Mapping[Reservation, bool]:
        firsts: dict[str, Reservation] = {}
        for item in items:
            firsts.setdefault(item.key, item)
        keys = sorted(firsts)  # two processes that take the same keys in the same order never deadlock
        rows = await self._connections.fetch(sql.RESERVE, keys, [firsts[key].expires_at for key in keys])
        taken = {row["key"] for row in rows}
        return {item: firsts[item.key] is item and item.key in taken for item in items}

    async def _count_many(self, items: list[Addition]) -> Mapping[Addition, int]:
        amounts: dict[str, int] = {}
        lasts: dict[str, int] = {}
        for item in items:
            amounts[item.key] = amounts.get(item.key, 0) + item.amount
            lasts[item.key] = item.window * MICROSECONDS
        keys = sorted(amounts)
        rows = await self._connections.fetch(
            sql.COUNT, keys, [amounts[key] for key in keys], [lasts[key] for key in keys]
        )
        running = {row["key"]: row["total"] - amounts[row["key"]] for row in rows}
        totals: dict[Addition, int] = {}
        for item in items:  # as if they had come one after the other
            running[item.key] += item.amount
            totals[item] = running[item.key]
        return totals
