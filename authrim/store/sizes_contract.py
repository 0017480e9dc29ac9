"""How large a store is and how much waits in it, for whoever watches it. Everything raises Unavailable."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class TableSize(NamedTuple):
    """A table with its indexes. ``rows``: as the database estimates it, None when it has not counted yet."""

    name: str
    rows: int | None
    bytes: int


class MessageDepth(NamedTuple):
    """The messages of one kind: how many wait, how many were given up, and the age of the oldest that waits (µs)."""

    kind: str
    waiting: int
    dead: int
    oldest_age: int


class Sizes(Protocol):
    """The part of a store that says how large it is. Nothing counts the rows of a large table."""

    async def database_bytes(self) -> int:
        """The whole database."""

    async def tables(self) -> Sequence[TableSize]:
        """Each table, where the engine knows that without reading it."""

    async def messages(self) -> Sequence[MessageDepth]:
        """What waits for others to get it, by kind."""


#: One row per kind. ``{now}``: the database's clock. A receiver's key begins with its tenant and its kind.
MESSAGES = """
    SELECT r.kind, CAST(sum(d.waiting) AS BIGINT), CAST(sum(d.dead) AS BIGINT), coalesce({now} - min(d.oldest), 0)
    FROM (
        SELECT receiver_key, count(*) - count(dead_at) AS waiting, count(dead_at) AS dead,
               min(CASE WHEN dead_at IS NULL THEN since END) AS oldest
        FROM deliveries GROUP BY receiver_key
    ) AS d
    JOIN receivers r ON r.key = d.receiver_key
    GROUP BY r.kind ORDER BY r.kind
"""
