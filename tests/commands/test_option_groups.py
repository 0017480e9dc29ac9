"""The help of commands with many options is in groups."""

import click
from click.testing import CliRunner

from authrim.commands.option_groups import GroupedCommand
from authrim.commands.root import main
from tests.support.command_tree import every_command

#: So many options fit a screen without headings.
MOST_WITHOUT_GROUPS = 12


def test_long_helps_are_in_groups_and_whole() -> None:
    """A command with many options has groups; each option is in one of them, once, and each name there is an option of
    some command."""
    named: dict[tuple[tuple[str, tuple[str, ...]], ...], set[str]] = {}
    for words, command in every_command():
        shown = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
        options = {one.opts[0] for one in shown}
        if not isinstance(command, GroupedCommand):
            assert len(options) <= MOST_WITHOUT_GROUPS, words
            continue
        grouped = [name for _, names in command.groups for name in names]
        assert len(grouped) == len(set(grouped)), words
        assert options - set(grouped) == {"--config", "--json"}, words
        named.setdefault(command.groups, set()).update(options)
    for groups, options in named.items():
        assert {name for _, names in groups for name in names} <= options


def test_the_help_of_client_create() -> None:
    """What most people need comes first, each group has its heading, and nothing is wider than 80 columns, but for two
    options whose names alone are."""
    text = CliRunner().invoke(main, ["client", "create", "--help"], terminal_width=80).output
    headings = [
        line.removesuffix(":") for line in text.splitlines() if line.endswith(":") and line[:1].strip()
    ]
    assert headings[0] == "What most clients need"
    assert headings[-1] == "Options of every command"
    assert text.index("--redirect-uri") < text.index("--jwks ")
    assert "--help" in text
    wide = [line for line in text.splitlines() if len(line) > 80]
    assert all(line.startswith("  --") and len(line.split()) == 3 for line in wide), wide
