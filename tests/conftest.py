"""What every test may ask for: an empty store of each kind, on a cluster that the whole run shares."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from authrim.store.contract import Store
from authrim.store.migrate import migrate_sqlite
from authrim.store.postgres import PostgresStore
from authrim.store.sqlite import SQLiteStore
from tests import postgres_cluster
from tests.postgres_cluster import Cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The run's PostgreSQL cluster, shared between the workers of pytest-xdist."""
    folder = tmp_path_factory.getbasetemp().parent
    with postgres_cluster.shared(folder / "postgres-cluster.json") as running:
        yield running


@pytest.fixture
def postgres_dsn(cluster: Cluster) -> Iterator[str]:
    """A fresh database with the schema."""
    name = cluster.new_database()
    yield cluster.dsn(name)
    cluster.drop_database(name)


@pytest.fixture(params=["sqlite", "postgres"])
def store_place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where an empty store with the schema is: a file, or the address of a database."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_dsn"))
    migrate_sqlite(tmp_path / "authrim.db")
    return tmp_path / "authrim.db"


@pytest.fixture
async def store(store_place: Path | str) -> AsyncIterator[Store]:
    """An open, empty store: each test runs once on each engine."""
    opened: Store
    if isinstance(store_place, Path):
        opened = SQLiteStore(store_place, exclusive=True)
    else:
        opened = PostgresStore(store_place)
    await opened.open()
    yield opened
    await opened.close()
