"""Caches that drop the least recently used entry first (docs/designs/0016-one-lru-cache.md)."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LruCache(Generic[K, V]):
    """A cache of at most ``most`` entries. A value is never None."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Return the value of ``key``, and mark it as the most recently used."""
        try:
            self._entries.move_to_end(key)
        except KeyError:
            return None
        return self._entries[key]

    def put(self, key: K, value: V) -> None:
        """Store ``value``, replace a previous one, and mark it as the most recently used."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def take(self, key: K) -> V | None:
        """Remove the value of ``key`` and return it."""
        return self._entries.pop(key, None)

    def clear(self) -> None:
        """Remove all entries."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


class SizedLruCache(Generic[K, V]):
    """A cache that is limited by bytes too. Use it when somebody else decides how large a value is."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.bytes = 0

    def get(self, key: K) -> V | None:
        """Return the value of ``key``, and mark it as the most recently used."""
        if key not in self._entries:
            return None
        self._entries.move_to_end(key)
        return self._entries[key][0]

    def put(self, key: K, value: V, weight: int) -> None:
        """Store ``value``, which takes ``weight`` bytes, and replace a previous one."""
        self._drop(key)
        self._entries[key] = (value, weight)
        self.bytes += weight
        while self.bytes > self._most_bytes or len(self._entries) > self._most:
            self._drop(next(iter(self._entries)))

    def weigh(self, key: K, value: V, weight: int) -> None:
        """Change the weight of ``value``. Do nothing when the cache has dropped or replaced it."""
        if key in self._entries and self._entries[key][0] is value:
            self.put(key, value, weight)

    def clear(self) -> None:
        """Remove all entries."""
        self._entries.clear()
        self.bytes = 0

    def _drop(self, key: K) -> None:
        _, weight = self._entries.pop(key, (None, 0))
        self.bytes -= weight

    def __len__(self) -> int:
        return len(self._entries)
