"""The version before on the schema of this one: it may still be running, and be started again (F20).

The two under load, side by side and there and back, are in ``tests/operations/test_rolling_upgrade.py``.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres_cluster import Cluster
from tests.support.command_line import CommandLine
from tests.support.running import MASTER_KEY
from tests.support.versions import previous_version


@pytest.fixture(params=["sqlite", "postgres"])
def empty_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    """A database without a schema: the version before makes it."""
    if request.param == "sqlite":
        yield tmp_path / "authrim.db"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    name = cluster.new_database("template0")
    yield cluster.dsn(name)
    cluster.drop_database(name)


def test_the_version_before_goes_on_and_can_be_taken_back_to(empty_place: Path | str, tmp_path: Path) -> None:
    """F20: when the migrations and functions of this version have come to a database of the version before, that one
    starts, its ``migrate`` has nothing to do, and what it writes fits the log for both versions."""
    config = tmp_path / "authrim.toml"
    config.write_text(
        f'issuer = "http://localhost:8080"\ndevelopment = true\ndatabase = "{empty_place}"\n'
        f'master_keys = ["{MASTER_KEY}"]\n'
    )
    config.chmod(0o600)
    ours = CommandLine({})
    client = ("client", "create", "--type", "service", "--scope", "reports.read", "--client-id")
    version_before = previous_version(tmp_path / "before")
    version_before.together(("--config", str(config), "migrate"), ("--config", str(config), *client, "first"))
    ours.json("--config", str(config), "migrate")
    ours.json("--config", str(config), *client, "new")
    before = version_before.together(
        *(
            ("--config", str(config), *command)
            for command in (
                ("migrate", "--check"),
                ("migrate",),
                (*client, "old"),
                ("client", "disable", "new"),
                ("keys", "rotate", "--alg", "ES256"),
                ("retention", "run"),
                ("projections", "verify"),
            )
        )
    )
    assert before[1]["applied"] == []
    assert ours.json("--config", str(config), "client", "show", "old")["status"] == "active"
    assert ours.json("--config", str(config), "client", "show", "new")["status"] == "disabled"
    assert ours.json("--config", str(config), "projections", "verify")["ok"] is True
    assert ours.json("--config", str(config), "audit", "verify")["ok"] is True
