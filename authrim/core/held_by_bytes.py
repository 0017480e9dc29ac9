"""What a process remembers of others, the least recently used dropped first: bounded by its bytes, because others
decide how large each thing is, and by its number."""

from collections import OrderedDict
from typing import Generic, TypeVar

V = TypeVar("V")


class HeldByBytes(Generic[V]):
    """Things by key, each with its weight in bytes."""

    def __init__(self, most_bytes: int, most: int) -> None:
        self._most_bytes = most_bytes
        self._most = most
        self._held: OrderedDict[str, tuple[V, int]] = OrderedDict()
        self.bytes = 0

    def get(self, key: str) -> V | None:
        """What is held, which becomes the last to be dropped."""
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key][0]

    def put(self, key: str, value: V, weight: int) -> None:
        """Hold ``value`` in place of what was there."""
        self.drop(key)
        self._held[key] = (value, weight)
        self.bytes += weight
        while self.bytes > self._most_bytes or len(self._held) > self._most:
            self.drop(next(iter(self._held)))

    def weigh(self, key: str, value: V, weight: int) -> None:
        """What is held has another weight now; nothing happens when it was dropped meanwhile."""
        if key in self._held and self._held[key][0] is value:
            self.put(key, value, weight)

    def drop(self, key: str) -> None:
        """Forget what is there."""
        _, weight = self._held.pop(key, (None, 0))
        self.bytes -= weight

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._held)
