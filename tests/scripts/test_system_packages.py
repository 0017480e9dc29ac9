"""What installs the packages of Debian."""

import subprocess
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[2] / "scripts" / "system-packages.sh"


@pytest.mark.parametrize("purpose", [("--for", "nonsense"), ("--for",)])
def test_an_unknown_purpose_is_refused(purpose: tuple[str, ...]) -> None:
    """A misspelled purpose is told, and does not pass for one that needs nothing."""
    ran = subprocess.run([_SCRIPT, *purpose], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "Nothing is known of" in ran.stderr
