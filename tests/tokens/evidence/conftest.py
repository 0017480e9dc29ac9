"""A server that gives signed answers, receipts and positions."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from authrim.store.read_back import ReadBack
from tests.support.browser import Browser
from tests.support.running import MASTER_KEY, RunningServer, running_server


@pytest.fixture
async def server(store: ReadBack) -> AsyncIterator[RunningServer]:
    """Everything that is off by default is on."""
    on = {"introspection_at": True, "receipts": True, "introspection_positions": True}
    async with running_server(store, min_position_wait_seconds=30, **on) as running:
        yield running


@pytest.fixture
async def browser(server: RunningServer) -> Browser:
    return Browser(server)


@pytest.fixture
def settings(server: RunningServer, store_place: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of a command beside the server."""
    names = {
        "ISSUER": server.issuer, "DATABASE": str(store_place), "MASTER_KEYS": MASTER_KEY, "DEVELOPMENT": "true",
        "HOST": "localhost", "SIGNING_ALGORITHMS": "ES256,RS256",
    }  # fmt: skip
    for name, value in names.items():
        monkeypatch.setenv(f"AUTHRIM_{name}", value)
