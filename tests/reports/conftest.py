"""A log to report on, and the settings of the commands that do."""

from pathlib import Path

import pytest

from authrim.reports import renderings
from authrim.store.read_back import ReadBack
from tests.store.log_samples import write_grant, write_history, write_poison
from tests.support.running import MASTER_KEY


@pytest.fixture(autouse=True)
def without_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document takes seconds to draw: only the tests of documents make some."""
    monkeypatch.setattr(renderings, "DOCUMENTS", ())


@pytest.fixture
def settings(store_place: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a command, whether a server runs on its store or not."""
    monkeypatch.setenv("AUTHRIM_ISSUER", "https://login.example.com")
    monkeypatch.setenv("AUTHRIM_DATABASE", str(store_place))
    monkeypatch.setenv("AUTHRIM_MASTER_KEYS", MASTER_KEY)


@pytest.fixture
async def log(store: ReadBack) -> ReadBack:
    """A log with streams of every kind, with events that this version cannot read, and bytes that are no text."""
    await write_history(store)
    await write_poison(store)
    await write_grant(store, "grant-3", revoked=True)
    return store
