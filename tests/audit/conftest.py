"""The settings of commands that read the log."""

from pathlib import Path

import pytest

from tests.support.running import MASTER_KEY, RunningServer


@pytest.fixture
def settings(store_place: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a command, whether a server runs on its store or not."""
    monkeypatch.setenv("AUTHRIM_ISSUER", "https://login.example.com")
    monkeypatch.setenv("AUTHRIM_DATABASE", str(store_place))
    monkeypatch.setenv("AUTHRIM_MASTER_KEYS", MASTER_KEY)


@pytest.fixture
def server_settings(server: RunningServer, settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a command that has the issuer of the server."""
    monkeypatch.setenv("AUTHRIM_ISSUER", server.issuer)
    monkeypatch.setenv("AUTHRIM_DEVELOPMENT", "true")
