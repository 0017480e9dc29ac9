"""The version before on the schema of this one: it may still be running, and be started again (F20).

The two under load, side by side and there and back, are in ``tests/operations/test_rolling_upgrade.py``.
"""

from pathlib import Path

from tests.support.command_line import CommandLine
from tests.support.running import MASTER_KEY
from tests.support.versions import previous_version


def test_the_version_before_goes_on_and_can_be_taken_back_to(store_place: Path | str, tmp_path: Path) -> None:
    """F20: with the migrations and functions of this version in place, the version before starts, its ``migrate`` has
    nothing to do, and what it writes fits the log for both versions."""
    config = tmp_path / "authrim.toml"
    config.write_text(
        f'issuer = "http://localhost:8080"\ndevelopment = true\ndatabase = "{store_place}"\n'
        f'master_keys = ["{MASTER_KEY}"]\n'
    )
    config.chmod(0o600)
    ours = CommandLine({})
    client = ("client", "create", "--type", "service", "--scope", "reports.read", "--client-id")
    ours.json("--config", str(config), *client, "new")
    before = previous_version(tmp_path / "before").together(
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
