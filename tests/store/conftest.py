"""What the tests of the stores share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from authrim.store.sqlite.schema import migrate_sqlite
from tests.postgres_cluster import Cluster


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database file with the schema."""
    path = tmp_path / "authrim.db"
    migrate_sqlite(path)
    return path


@pytest.fixture
def own_dsn(cluster: Cluster) -> Iterator[str]:
    """A PostgreSQL database with the schema, which the test changes."""
    name = cluster.new_database()
    yield cluster.dsn(name)
    cluster.drop_database(name)
