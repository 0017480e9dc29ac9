"""Wakes up whoever reads the end of the log: one follower per process, for any number of readers."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from authrim.core.parts import Part
from authrim.store.contract import Store, StoreError

#: How long a store that is away is left alone, in seconds.
STORE_PAUSE: Final = 1.0


class Growth:
    """Tells readers that the log may have grown, also by another process. A hint, as the store's own is."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._readers: set[asyncio.Event] = set()
        self._following: asyncio.Task[None] | None = None

    @contextmanager
    def wakes(self, reader: asyncio.Event) -> Iterator[None]:
        """Set ``reader`` each time, as long as the block lasts."""
        self._readers.add(reader)
        if self._following is None:
            self._following = asyncio.create_task(self._follow(), name="tell readers of the log")
        try:
            yield
        finally:
            self._readers.discard(reader)
            if not self._readers and self._following is not None:
                self._following.cancel()
                self._following = None

    async def _follow(self) -> None:
        while True:
            try:
                async for _position in self._store.changes():
                    for reader in self._readers:
                        reader.set()
            except StoreError:
                await asyncio.sleep(STORE_PAUSE)


GROWTH: Final[Part[Growth]] = Part("growth")
