"""How the followers of the embedded store look at its file."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest

from authrim.store.sqlite import reads
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from tests.store.store_samples import grant_append
from tests.support.patience import PATIENCE

FOLLOWERS = 8
#: Seconds between two looks.
POLL = 0.05


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A file with the schema."""
    migrate_sqlite(tmp_path / "authrim.db")
    return tmp_path / "authrim.db"


@pytest.fixture
async def store(place: Path) -> AsyncIterator[SQLiteStore]:
    """A store that is open."""
    opened = SQLiteStore(place)
    await opened.open()
    yield opened
    await opened.close()


async def follow(store: SQLiteStore, seen: list[int]) -> None:
    async for position in store.changes():
        seen.append(position)


async def commit_beside(place: Path) -> None:
    """Three events by another process."""
    other = SQLiteStore(place)
    await other.open()
    await other.append(grant_append("g", events=3))
    await other.close()


async def until(*lists: list[int], position: int) -> None:
    deadline = monotonic() + PATIENCE
    while monotonic() < deadline:
        if all(seen[-1:] == [position] for seen in lists):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{lists} do not end with {position}")


async def test_followers_look_together(
    store: SQLiteStore, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F37: any number of followers cost an idle server one look at the file per interval, and each of them learns of
    what another process commits; without followers nobody looks."""
    looks: list[float] = []
    look = reads.data_version

    def counted(connection: sqlite3.Connection) -> int:
        looks.append(monotonic())
        return look(connection)

    monkeypatch.setattr(reads, "data_version", counted)
    monkeypatch.setattr("authrim.store.sqlite._changes.POLL", POLL)
    seen: list[list[int]] = [[] for _ in range(FOLLOWERS)]
    began = monotonic()
    tasks = [asyncio.create_task(follow(store, one)) for one in seen]
    await until(*seen, position=0)
    await asyncio.sleep(1)
    await commit_beside(place)
    await until(*seen, position=3)
    assert 1 < len(looks) <= (monotonic() - began) / POLL + 2
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    looks.clear()
    await asyncio.sleep(5 * POLL)
    assert len(looks) <= 1


async def test_a_look_that_fails_ends_nothing(
    store: SQLiteStore, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F12: after a file that could not be read for a while, followers learn of what others commit."""
    look, broken = reads.data_version, [True]

    def failing(connection: sqlite3.Connection) -> int:
        if broken[0]:
            raise sqlite3.DatabaseError("malformed")
        return look(connection)

    monkeypatch.setattr(reads, "data_version", failing)
    seen: list[int] = []
    task = asyncio.create_task(follow(store, seen))
    await until(seen, position=0)
    await asyncio.sleep(3 * POLL)
    broken[0] = False
    await commit_beside(place)
    await until(seen, position=3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
