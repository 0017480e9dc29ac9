"""What a store does so that ended rows leave their tables: finds those that are due, and deletes them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class TableState(NamedTuple):
    """What a table holds: its rows, how many of them are due, and since when the oldest of these is (seconds, None when
    none is). ``pruned``: how many have left it, ``pruned_at``: when the last did (µs UTC, None when none has)."""

    name: str
    rows: int
    due: int
    oldest_due: int | None
    pruned: int
    pruned_at: int | None


class Retention(Protocol):
    """The part of a store that ``authrim/core/retention.py`` works with. Times are in seconds. Raises Unavailable."""

    async def due(self, table: str, now: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """The rows of ``tokens`` or ``sessions`` that are due first, with what has to be known to decide."""

    async def keys(self, table: str, first: str, before: str, limit: int) -> Sequence[str]:
        """The first keys of ``sealed`` within a range, in order."""

    async def prune(self, table: str, gone: Sequence[str], kept: Mapping[str, int]) -> int:
        """Delete rows of ``tokens``, ``sessions`` (with what clients know of them) or ``sealed``, and look at others
        again when their time comes, in one transaction; how many were deleted."""

    async def prune_due(self, table: str, now: int, limit: int) -> int:
        """Delete the rows that are due first of a table whose rows nothing depends on; how many."""

    async def measure(self, now: int, requests: tuple[str, str]) -> Sequence[TableState]:
        """What each table holds. ``requests``: the range of keys of ``sealed`` that is due."""
