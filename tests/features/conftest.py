"""A running server for the feature tests, over each store."""

from collections.abc import AsyncIterator

import pytest

from authrim.store.contract import Store
from tests.support.browser import Browser
from tests.support.running import RunningServer, running_server


@pytest.fixture
async def server(store: Store) -> AsyncIterator[RunningServer]:
    """A server over a fresh store, with one account."""
    async with running_server(store) as running:
        yield running


@pytest.fixture
def browser(server: RunningServer) -> Browser:
    """A browser that has never been here."""
    return Browser(server)
