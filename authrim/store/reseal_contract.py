"""What a store does so that another master key can take over: rows are sealed again, logins get another hash."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class ResealedRow(NamedTuple):
    """A row of ``sealed`` as it was ``read``, and what takes its place."""

    key: str
    read: bytes
    resealed: bytes

    def __repr__(self) -> str:
        return f"ResealedRow({self.key})"


class MovedLogin(NamedTuple):
    """A person's row of ``logins``: the key that it has, and the one that it gets."""

    key: str
    new_key: str
    subject: str


class Resealing(Protocol):
    """The part of a store that ``authrim/core/rotate_master.py`` works with. Each call is one transaction, and changes
    only what is still as it was read; how many rows that were. Raises Unavailable."""

    async def totals(self) -> tuple[int, int]:
        """How many rows ``sealed`` and ``logins`` have."""

    async def reseal(self, rows: Sequence[ResealedRow]) -> int:
        """Put the new ciphertext in the place of the one that was read."""

    async def move_logins(self, logins: Sequence[MovedLogin]) -> int:
        """Give logins their new keys; where the person has that row already, the old one goes, and does not count. No
        two of them have the same new key."""
