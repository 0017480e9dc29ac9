"""The command line as it is used: real commands on a real database, settings from the environment."""

import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from authrim.core.sealed_rows import PrivateData
from authrim.crypto.master import MasterKeys
from authrim.store.sqlite.store import SQLiteStore
from tests.support.command_line import CommandLine
from tests.support.ready_made import new_sqlite_file


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The file of the store."""
    return tmp_path / "authrim.db"


@pytest.fixture
def environment(database: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The settings of a new installation."""
    settings = {
        "AUTHRIM_ISSUER": "https://login.example.com",
        "AUTHRIM_DATABASE": str(database),
        "AUTHRIM_MASTER_KEYS": secrets.token_urlsafe(32),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.fixture
def authrim(environment: dict[str, str], database: Path) -> CommandLine:
    """The command line on a new SQLite file."""
    new_sqlite_file(database)
    return CommandLine(environment)


@pytest_asyncio.fixture
async def store(authrim: CommandLine, database: Path) -> AsyncIterator[SQLiteStore]:
    """The same file, opened beside the command line."""
    opened = SQLiteStore(database)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def master(environment: dict[str, str]) -> MasterKeys:
    return MasterKeys.from_settings([environment["AUTHRIM_MASTER_KEYS"]])


@pytest.fixture
def private(store: SQLiteStore, master: MasterKeys) -> PrivateData:
    return PrivateData(store, master)


@pytest.fixture
def stored_bytes(database: Path) -> Callable[[], bytes]:
    """All that is on the disk: the file and its write-ahead log."""
    return lambda: b"".join(
        file.read_bytes() for file in database.parent.iterdir() if file.name.startswith(database.name)
    )
