"""The store that the settings name is held to the limits that the settings name."""

import asyncio
from pathlib import Path

from authrim.store.contract import Overloaded
from authrim.store.opening import open_store
from tests.store.store_samples import grant_append
from tests.support.running import development_settings


async def test_queue_limit_of_the_settings(store_place: Path | str) -> None:
    """F12: on both engines, appends beyond ``append_queue_limit`` are refused while the first of them wait."""
    settings = development_settings(8080, database=str(store_place), append_queue_limit=64)
    store = open_store(settings)
    await store.open()
    try:
        appends = [store.append(grant_append(str(number))) for number in range(80)]
        answers = await asyncio.gather(*appends, return_exceptions=True)
    finally:
        await store.close()
    assert sum(isinstance(answer, Overloaded) for answer in answers) == 16
    assert not any(isinstance(answer, Exception) for answer in answers[:64])
