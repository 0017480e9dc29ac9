"""The commands of ``authrim`` as click knows them: what holds for every command is tried with every command."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from authrim.commands.root import COMMANDS, main

#: Commands that read files, or nothing at all, or that are told elsewhere which database is theirs.
WITHOUT_DATABASE = (
    ("report", "frameworks"), ("report", "verify"), ("privacy", "verify"), ("log", "verify"), ("log", "search"),
    ("setup",), ("health",), ("restore",), ("certificate", "renew"), ("certificate", "show"),
)  # fmt: skip
#: What any command can read from standard input: a JSON file, or a password.
STDIN = '{"name": "Alice Maria Example"}\n'


def every_command() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Each command that does something, by its words: ``("keys", "list")``."""
    context = click.Context(main, info_name="authrim")
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None
        yield from _leaves((name,), command)


def _leaves(
    words: tuple[str, ...], command: click.Command
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield words, command
        return
    for name, subcommand in command.commands.items():
        yield from _leaves((*words, name), subcommand)


def arguments_of(command: click.Command, value: str) -> tuple[str, ...]:
    """A value for each argument and each option that the command wants, ``-`` for a file, a word that it knows where it
    takes no others, and the options that spare questions."""
    arguments = [
        _argument(parameter, value) for parameter in command.params if isinstance(parameter, click.Argument)
    ]
    needed = [
        word
        for parameter in command.params
        if isinstance(parameter, click.Option) and parameter.required
        for word in (parameter.opts[0], _new_file() if isinstance(parameter.type, click.Path) else "x")
    ]
    offered = {name for parameter in command.params for name in parameter.opts}
    return (*arguments, *needed, *(option for option in ("--yes", "--password-stdin") if option in offered))


def _new_file() -> str:
    """A path for what a command writes, always the same one, at which there is nothing."""
    path = Path(tempfile.gettempdir()) / f"authrim-command-{os.getpid()}"
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    return str(path)


def _argument(parameter: click.Argument, value: str) -> str:
    if isinstance(parameter.type, click.Choice):
        return str(parameter.type.choices[0])
    if isinstance(parameter.type, click.IntRange):
        return "1"
    if is_path(parameter):
        assert isinstance(parameter.type, click.Path)
        return tempfile.gettempdir() if parameter.type.exists else _new_file()
    return "-" if isinstance(parameter.type, click.File) else value


def is_path(parameter: click.Parameter) -> bool:
    """Whether it is a file or folder, and so no id."""
    return isinstance(parameter.type, click.Path)
