"""``docs/operations/command-line.md``: its examples are run as they are printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from authrim.cli import COMMANDS

PAGE = Path(__file__).parents[3] / "docs" / "operations" / "command-line.md"


@pytest.fixture(scope="module")
def examples() -> list[str]:
    """The lines of the page that begin with a prompt."""
    return re.findall(r"^\$ (.+)$", PAGE.read_text(), re.MULTILINE)


def test_examples_run_in_the_order_of_the_page(environment: dict[str, str], examples: list[str]) -> None:
    """A shell runs all examples one after the other on a new installation; each ends with status 0."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    for example in examples:
        ran = subprocess.run(
            ["bash", "-c", example],
            env={**environment, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, f"{example}\n{ran.stderr}"


def test_every_command_is_on_the_page() -> None:
    """No command is left out."""
    page = PAGE.read_text()
    assert [name for name in COMMANDS if f"authrim {name}" not in page] == []
