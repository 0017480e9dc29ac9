"""A log with events in three months, on each store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from authrim.store.sqlite.schema import migrate_sqlite
from tests.audit.archives.past_months import DAYS, archived_log, set_clock, store_at
from tests.postgres_cluster import Cluster
from tests.store.log_samples import write_grant, write_history


@pytest.fixture(params=["sqlite", "postgres"])
def store_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    """A file, or a database of the test's own: its clock is set."""
    if request.param == "sqlite":
        migrate_sqlite(tmp_path / "authrim.db")
        yield tmp_path / "authrim.db"
    else:
        cluster: Cluster = request.getfixturevalue("cluster")
        name = cluster.new_database()
        yield cluster.dsn(name)
        cluster.drop_database(name)


@pytest.fixture
async def log(store_place: Path | str, settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log with events in three months."""
    for number, day in enumerate(DAYS):
        set_clock(store_place, day, monkeypatch)
        store = store_at(store_place)
        await store.open()
        if number == 0:
            await write_history(store)
        for grant in range(3):
            await write_grant(store, f"of-{number}-{grant}")
        await store.close()
    set_clock(store_place, "2026-11-28", monkeypatch)


@pytest.fixture
async def archives(
    log: None, store_place: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The archives of a log with streams that have ended, and of others."""
    return await archived_log(store_place, tmp_path, monkeypatch)
