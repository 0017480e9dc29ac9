"""A server that gives signed answers, receipts and positions."""

from collections.abc import AsyncIterator

import pytest

from authrim.store.read_back import ReadBack
from tests.support.browser import Browser
from tests.support.running import RunningServer, running_server


@pytest.fixture
async def server(store: ReadBack) -> AsyncIterator[RunningServer]:
    """Everything that is off by default is on."""
    on = {"introspection_at": True, "receipts": True, "introspection_positions": True}
    async with running_server(store, min_position_wait_seconds=30, **on) as running:
        yield running


@pytest.fixture
async def browser(server: RunningServer) -> Browser:
    return Browser(server)
