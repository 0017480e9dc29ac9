"""What the tests of the embedded store share."""

from pathlib import Path

import pytest

from authrim.store.sqlite.schema import migrate_sqlite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database file with the schema."""
    path = tmp_path / "authrim.db"
    migrate_sqlite(path)
    return path
