"""A server on which people make their own accounts."""

from collections.abc import AsyncIterator

import pytest

from authrim.store.contract import Store
from tests.support.running import RunningServer, running_server


@pytest.fixture
async def server(store: Store) -> AsyncIterator[RunningServer]:
    """The usual server with ``self_registration``."""
    async with running_server(store, self_registration=True) as running:
        yield running
