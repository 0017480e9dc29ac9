"""``docs/operations/command-line.md``: its examples are run as they are printed."""

import re
import shlex
from pathlib import Path

from authrim.commands.root import COMMANDS
from tests.support.command_line import CommandLine

PAGE = Path(__file__).parents[3] / "docs" / "operations" / "command-line.md"
_EXAMPLE = re.compile(r"^\$ (?:echo '(?P<stdin>.+)' \| )?authrim (?P<arguments>.+)$", re.MULTILINE)


def test_examples_run_in_the_order_of_the_page(environment: dict[str, str]) -> None:
    """All examples run one after the other on a new installation; each ends with status 0."""
    authrim = CommandLine(environment)
    page = PAGE.read_text()
    examples = list(_EXAMPLE.finditer(page))
    assert len(examples) == page.count("\n$ ")
    for example in examples:
        authrim.run(*shlex.split(example["arguments"]), stdin=example["stdin"])


def test_every_command_is_on_the_page() -> None:
    """No command is left out."""
    page = PAGE.read_text()
    assert [name for name in COMMANDS if f"authrim {name}" not in page] == []
