"""The follower of the tree: adds the leaves of new events to the Merkle tree over the log."""

import asyncio
from typing import Final

import structlog

from authrim.metrics.catalogue import FOLLOWED
from authrim.store.contract import StoreError
from authrim.store.log_reading import LogReading
from authrim.store.read_back import TreePage
from authrim.store.tree_sql import LogDiffers
from domain.tree.tiles import WIDTH
from projections.tree import NAME as TREE

log = structlog.get_logger(__name__)

#: Leaves per transaction. Nothing is decoded, so there can be more than for other followers.
PAGE: Final = 8 * WIDTH
#: After a page that was not full: a tile is written once for many small appends. In seconds.
PAUSE: Final = 1.0
#: How long to leave alone a store that is away, or a log that is not the one it was. In seconds.
LONG_PAUSE: Final = 10.0
#: Between the waits for another process.
BUSY_PAUSE: Final = 0.2


class TreeFollower:
    """Lets the tree grow with the log."""

    def __init__(self, store: LogReading, page: int = PAGE) -> None:
        self._store = store
        self._page = page

    async def catch_up(self) -> int:
        """Follow to the log's head as it is now; the size of the tree. Raises Unavailable, and LogDiffers."""
        head = (await self._store.head()).position
        page = await self._store.tree.grow(self._page, wait=True)
        while page.size < head:
            if not page.added:
                raise LogDiffers(page.size + 1)  # the head says that there are more rows, and there are none
            page = await self._store.tree.grow(self._page, wait=True)
        if page.size > head and page.size > (await self._store.head()).position:
            raise LogDiffers(head + 1)
        return page.size

    async def follow(self) -> None:
        """Follow until cancelled. Waits for a store that cannot be reached."""
        while True:
            try:
                async for _position in self._store.changes():
                    await self._follow_to_the_end()
                    await asyncio.sleep(PAUSE)
            except LogDiffers as differs:
                # Nobody but an operator can say which of the two is true: no checkpoint is signed meanwhile (F34).
                log.error("tree.log_differs", position=differs.position)
                await asyncio.sleep(LONG_PAUSE)
            except StoreError as error:
                log.warning("follower.store_unavailable", projection="tree", reason=str(error))
                await asyncio.sleep(LONG_PAUSE)

    async def _follow_to_the_end(self) -> TreePage:
        page = await self._grow()
        while page.busy or page.added == self._page:
            await asyncio.sleep(BUSY_PAUSE if page.busy else 0)
            page = await self._grow()
        return page

    async def _grow(self) -> TreePage:
        page = await self._store.tree.grow(self._page)
        FOLLOWED.add_more(page.added, TREE)
        return page
