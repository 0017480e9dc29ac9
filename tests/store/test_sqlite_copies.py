"""Copies of a SQLite file: the write-ahead log is short, and a copy that lacks it is recognised."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from authrim.store.chain import verify
from authrim.store.sqlite import wal as sqlite_wal
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from tests.store.store_samples import grant_append


@pytest.fixture
def path(tmp_path: Path) -> Path:
    migrate_sqlite(tmp_path / "authrim.db")
    return tmp_path / "authrim.db"


def wal_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


async def judged(path: Path) -> tuple[int, str]:
    """How many events a file proves, and what speaks against it."""
    store = SQLiteStore(path)
    await store.open()
    try:
        return (await verify(store)).events, store.doubt
    finally:
        await store.close()


async def holds(path: Path, copy: Path, events: int) -> bool:
    """Whether a copy of the file alone comes to hold so many events."""
    for _ in range(200):
        shutil.copy(path, copy)
        if (await judged(copy))[0] == events:
            return True
        await asyncio.sleep(0.1)
    return False


@pytest.mark.parametrize("what", ["FOLD_SECONDS", "FOLD_BYTES"])
async def test_the_log_is_folded_by_time_and_by_size(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """F12: what is committed comes into the file itself soon, without another commit, by either limit."""
    monkeypatch.setattr(sqlite_wal, "FOLD_SECONDS", 0.1 if what == "FOLD_SECONDS" else 1000.0)
    monkeypatch.setattr(sqlite_wal, "FOLD_BYTES", 50_000 if what == "FOLD_BYTES" else 1 << 40)
    store = SQLiteStore(path, exclusive=True)
    await store.open()
    for number in range(5):
        await store.append(grant_append(f"a{number}", events=20))
    assert await holds(path, tmp_path / "copy.db", 100)
    await store.close()


async def test_a_copy_without_its_log_is_recognised(path: Path, tmp_path: Path) -> None:
    """A228: the file alone, taken from under a server, is told apart from every copy that is whole."""
    copies = {
        name: tmp_path / name / "authrim.db" for name in ("alone", "both", "backup", "vacuum", "closed")
    }
    for copy in copies.values():
        copy.parent.mkdir()
    store = SQLiteStore(path, exclusive=True)
    await store.open()
    await store.append(grant_append("a", events=3))
    shutil.copy(path, copies["alone"])
    shutil.copy(path, copies["both"])
    shutil.copy(wal_of(path), wal_of(copies["both"]))
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copies["backup"])) as target:
        source.backup(target)
        source.execute("VACUUM INTO ?", (str(copies["vacuum"]),))
    assert await judged(path) == (3, "")  # beside the server
    await store.close()
    shutil.copy(path, copies["closed"])
    assert await judged(copies["alone"]) == (0, sqlite_wal.LACKS_WAL)
    for name in ("both", "backup", "vacuum", "closed"):
        assert await judged(copies[name]) == (3, ""), name
    assert await judged(copies["both"]) == (3, "")  # nor later, when its log is in the file
