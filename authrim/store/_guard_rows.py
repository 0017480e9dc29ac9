"""Guard rows and counters as group calls carry them, and the texts that may be keys."""

import hashlib
from typing import Final

#: Characters. PostgreSQL's indexes take 2,704 bytes, and a character may be four.
LONGEST_KEY: Final = 512


class Reservation:
    """One request to reserve a key. Two for the same key are not equal: only one of them may have it."""

    __slots__ = ("expires_at", "key")

    def __init__(self, key: str, expires_at: int) -> None:
        self.key = guard_key(key)
        self.expires_at = expires_at


class Addition:
    """One request to add to a counter. Equal ones are both counted."""

    __slots__ = ("amount", "key", "window")

    def __init__(self, key: str, window: int, amount: int) -> None:
        self.key = guard_key(key)
        self.window = window
        self.amount = amount


def guard_key(key: str) -> str:
    """The key as guard rows and counters have it: a longer one than an index takes is replaced by its digest."""
    stored = storable(key)
    return stored if len(stored) <= LONGEST_KEY else f"long:{hashlib.sha256(stored.encode()).hexdigest()}"


def storable(key: str) -> str:
    """The key, with what no database takes as text (NUL, lone surrogates) escaped: one bad key would otherwise
    fail all that travel with it."""
    if key.isascii() and "\0" not in key:
        return key
    return key.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def findable(key: str) -> str:
    """The key, or the empty one, which no row has, when no row can have it."""
    return key if storable(key) == key else ""
