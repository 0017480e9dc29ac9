"""What a process remembers, the least recently used dropped first (docs/designs/0016-one-class-for-what-is-held.md)."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Held(Generic[K, V]):
    """At most ``most`` things by key; none of them is None."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """What is held, which becomes the last to be dropped."""
        try:
            self._held.move_to_end(key)
        except KeyError:
            return None
        return self._held[key]

    def put(self, key: K, value: V) -> None:
        """Hold ``value`` in place of what was there, as the last to be dropped."""
        self._held[key] = value
        self._held.move_to_end(key)
        if len(self._held) > self._most:
            self._held.popitem(last=False)

    def take(self, key: K) -> V | None:
        """What is held, which is held no longer."""
        return self._held.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()

    def __len__(self) -> int:
        return len(self._held)


class HeldByBytes(Generic[K, V]):
    """The same, bounded by bytes too: for what others decide the size of."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._held: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.bytes = 0

    def get(self, key: K) -> V | None:
        """What is held, which becomes the last to be dropped."""
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key][0]

    def put(self, key: K, value: V, weight: int) -> None:
        """Hold ``value``, of ``weight`` bytes, in place of what was there."""
        self._drop(key)
        self._held[key] = (value, weight)
        self.bytes += weight
        while self.bytes > self._most_bytes or len(self._held) > self._most:
            self._drop(next(iter(self._held)))

    def weigh(self, key: K, value: V, weight: int) -> None:
        """What is held has another weight now; nothing happens when it was dropped meanwhile."""
        if key in self._held and self._held[key][0] is value:
            self.put(key, value, weight)

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()
        self.bytes = 0

    def _drop(self, key: K) -> None:
        _, weight = self._held.pop(key, (None, 0))
        self.bytes -= weight

    def __len__(self) -> int:
        return len(self._held)
