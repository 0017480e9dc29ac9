"""Evidence is handed to a command."""

import sys
from pathlib import Path

import pytest

from authrim.reports.schedule.handing import hand_over
from authrim.reports.schedule.keeping import NotMade

WRITES = "import os, sys; open(sys.argv[1], 'w').write(f'{sys.argv[2:]} {sorted(os.environ)}')"


async def test_a_command_gets_the_path_and_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path is one word, whatever is in it, no shell reads it, and the command sees no setting of the server: the
    master keys may be in the environment."""
    monkeypatch.setenv("AUTHRIM_MASTER_KEYS", "canary")
    said, path = tmp_path / "said", tmp_path / "soc2 $(touch x); 'y'"
    await hand_over([sys.executable, "-c", WRITES, str(said)], path)
    assert str([str(path)]) in said.read_text()
    assert "AUTHRIM" not in said.read_text()
    assert "PATH" in said.read_text()


@pytest.mark.parametrize(
    ("command", "cause"),
    [
        ([sys.executable, "-c", "raise SystemExit(3)"], "command_failed"),
        (["/nowhere/at/all"], "command_not_started"),
        ([sys.executable, "-c", "import time; time.sleep(600)"], "command_timed_out"),
    ],
)
async def test_a_command_that_fails_is_a_failure(command: list[str], cause: str, tmp_path: Path) -> None:
    """Another status than 0, a command that is not there, and one that takes too long are failures; the last is
    killed."""
    patience = 0.2 if cause == "command_timed_out" else 60
    with pytest.raises(NotMade, match=cause):
        await hand_over(command, tmp_path, patience)
