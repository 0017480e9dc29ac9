"""One Chromium for each file: it takes longer to start than most tests to run. It lives in the event loop of the file,
and so do the servers that it asks. A test gets a context of its own, which knows nothing of the others' cookies."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser

from authrim.store.contract import Store
from tests.browser.chromium import chromium
from tests.support.running import RunningServer, running_server
from tests.support.stores import opened_store


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started_chromium() -> AsyncIterator[Browser]:
    """Chromium, for the tests of a file."""
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def store(store_place: Path | str) -> AsyncIterator[Store]:
    """An open, empty store in the event loop of the file."""
    async with opened_store(store_place) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def server(store: Store) -> AsyncIterator[RunningServer]:
    """A server over it, with one account."""
    async with running_server(store) as running:
        yield running
