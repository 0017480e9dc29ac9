"""Ends what processes that stand still have begun, so that nobody waits for their locks (F17)."""

import asyncio
from typing import Final

import structlog

from authrim.store.contract import StoreError
from authrim.store.read_back import ReadBack

log = structlog.get_logger(__name__)

#: Seconds between two looks.
PAUSE: Final = 5.0


async def end_standing_still_until_cancelled(store: ReadBack) -> None:
    """Look again and again. A store that is away is waited for."""
    while True:
        try:
            if ended := await store.end_standing_still():
                log.warning("store.standing_still_ended", sessions=ended)
        except StoreError as error:
            log.warning("standing_still.store_unavailable", reason=str(error))
        await asyncio.sleep(PAUSE)
