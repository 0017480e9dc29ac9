"""What the tests of the stores share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres_cluster import Cluster
from tests.support.ready_made import new_sqlite_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database file with the schema."""
    return new_sqlite_file(tmp_path / "authrim.db")


@pytest.fixture
def own_dsn(cluster: Cluster) -> Iterator[str]:
    """A PostgreSQL database with the schema, which the test changes."""
    name = cluster.new_database()
    yield cluster.dsn(name)
    cluster.drop_database(name)
