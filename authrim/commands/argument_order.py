"""Arguments that begin with a hyphen. A login may, and so may an id that an earlier version or somebody else has made:
base64url begins with one in 64 times. Nobody should have to write ``--`` before such a one.

No command has options of one letter. So whatever begins with a hyphen is an argument, unless it is an option of the
command or reads like a misspelled one.
"""

import re
from collections.abc import Sequence
from typing import Final

import click

_END_OF_OPTIONS: Final = "--"
#: What people mean as an option. No id of ours looks so: it would be long, and have a digit or a capital in it.
_LIKE_AN_OPTION: Final = re.compile(r"--[a-z][a-z-]*(=.*)?", re.DOTALL)


def arguments_last(context: click.Context, root: click.Group, words: list[str]) -> list[str]:
    """The words of a command line, with the arguments of its command moved behind ``--``."""
    command: click.Command | None = root
    rest = list(words)
    done: list[str] = []
    while isinstance(command, click.Group):
        options, rest = _leading_options(context, command, rest)
        if not rest or rest[0] == _END_OF_OPTIONS:
            return words
        done += [*options, rest[0]]
        command, rest = command.get_command(context, rest[0]), rest[1:]
    if command is None or not any(isinstance(one, click.Argument) for one in command.params):
        return words
    options, arguments = _split(_values_of_options(context, command), rest)
    return [*done, *options, _END_OF_OPTIONS, *arguments]


def _leading_options(
    context: click.Context, command: click.Command, words: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The options that stand before the name of a command, and what is behind them."""
    values = _values_of_options(context, command)
    taken = 0
    while taken < len(words) and words[taken].startswith("-") and words[taken] != _END_OF_OPTIONS:
        taken += 1 + values.get(words[taken], 0)
    return list(words[:taken]), list(words[taken:])


def _split(values: dict[str, int], words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The options of a command with their values, and its arguments."""
    options: list[str] = []
    arguments: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        if word == _END_OF_OPTIONS:
            arguments += words[at + 1 :]
            break
        if word.partition("=")[0] in values or _LIKE_AN_OPTION.fullmatch(word):
            end = at + 1 + values.get(word, 0)
            options += words[at:end]
            at = end
        else:
            arguments.append(word)
            at += 1
    return options, arguments


def _values_of_options(context: click.Context, command: click.Command) -> dict[str, int]:
    """The command's options by name, and how many words behind each are its value."""
    return {
        name: 0 if option.is_flag or option.count else option.nargs
        for option in command.get_params(context)
        if isinstance(option, click.Option)
        for name in (*option.opts, *option.secondary_opts)
    }
