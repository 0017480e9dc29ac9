"""The clock of decisions that read nothing from the database (decisions.md 7).

The process's clock may decide as long as it agrees with the database's. That is compared at each append, and a clock
that was set since then shows in its distance from the monotonic one. Otherwise the database is asked.
"""

from time import monotonic, time
from typing import Final

from authrim.store.contract import AppendResult, Store
from domain.units import MICROSECONDS

#: A clock that is further from the database's than this makes the node unready (decisions.md 7).
MOST_SKEW_SECONDS: Final = 5
#: How far the clock may have moved beside the monotonic one since it was compared, in seconds.
_STEP: Final = 1.0


class DecisionClock:
    """``await clock.now()``: seconds since 1970, never far from the database's clock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._agreed_at: float | None = None

    async def now(self) -> int:
        """Reads the database only while this process's clock is wrong, or not compared yet. Raises Unavailable."""
        if self._agreed_at is not None and abs(time() - monotonic() - self._agreed_at) <= _STEP:
            return int(time())
        return (await self._store.head()).now // MICROSECONDS

    def compare(self, appended: AppendResult, began: float) -> None:
        """Compare with the time of an append that this process began at ``began`` by its own clock."""
        recorded_at = appended.recorded_at / MICROSECONDS
        agrees = began - MOST_SKEW_SECONDS <= recorded_at <= time() + MOST_SKEW_SECONDS
        self._agreed_at = time() - monotonic() if agrees else None
