"""``authrim``: the command line. Each group is a file in ``commands/`` and is loaded when it is needed."""

import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from authrim import __version__
from authrim.commands._first_process import end_on_sigterm_as_first_process
from authrim.commands._loading import loaded
from authrim.commands.argument_order import arguments_last

#: Each command: the module it is in, and its name there.
COMMANDS: Final = {
    "dev": ("authrim.commands.dev", "dev"),
    "setup": ("authrim.commands.setup", "setup"),
    "serve": ("authrim.commands.serve", "serve"),
    "health": ("authrim.commands.health", "health"),
    "background": ("authrim.commands.background", "background"),
    "certificate": ("authrim.commands.certificate", "certificate"),
    "migrate": ("authrim.commands.migrate", "migrate"),
    "backup": ("authrim.commands.backup", "backup"),
    "restore": ("authrim.commands.restore", "restore"),
    "doctor": ("authrim.commands.doctor", "doctor"),
    "client": ("authrim.commands.client", "client"),
    "scope": ("authrim.commands.scope", "scope"),
    "resource": ("authrim.commands.resource", "resource"),
    "registration": ("authrim.commands.registration", "registration"),
    "claim": ("authrim.commands.claim", "claim"),
    "account": ("authrim.commands.account", "account"),
    "session": ("authrim.commands.session", "session"),
    "grant": ("authrim.commands.grant", "grant"),
    "keys": ("authrim.commands.keys", "keys"),
    "privacy": ("authrim.commands.privacy", "privacy"),
    "audit": ("authrim.commands.audit", "audit"),
    "report": ("authrim.commands.report", "report"),
    "log": ("authrim.commands.log", "log"),
    "projections": ("authrim.commands.projections", "projections"),
    "replay": ("authrim.commands.replay", "replay"),
    "webhook": ("authrim.commands.webhook", "webhook"),
    "outbox": ("authrim.commands.outbox", "outbox"),
    "retention": ("authrim.commands.retention", "retention"),
}

CONFIG_FILE: Final = click.Path(dir_okay=False, path_type=Path)
#: Names the file of ``--config`` where a command line cannot be changed, such as that of a HEALTHCHECK.
CONFIG_VARIABLE: Final = "AUTHRIM_CONFIG_FILE"
CONFIG_HELP: Final = (
    "A TOML file with settings. Environment variables (AUTHRIM_…) override it, and "
    f"{CONFIG_VARIABLE} names it where there is no option."
)
JSON_HELP: Final = "Print JSON instead of text."


class LazyGroup(click.Group):
    """A group whose commands are imported one at a time, so that none waits for the server's libraries."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line. An argument of any command may begin with a hyphen."""
        if not all(_is_text(word) for word in args):
            raise click.UsageError("An argument of the command line is not valid UTF-8.", ctx)
        return super().parse_args(ctx, args if ctx.resilient_parsing else arguments_last(ctx, self, args))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. An unexpected exception ends it without a traceback, which may quote a secret."""
        _steady(("stdout", "stderr"))
        end_on_sigterm_as_first_process()
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            raise click.ClickException(_unforeseen(error)) from None

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names in the order in which they are first needed."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command = loaded(*COMMANDS[cmd_name])
        assert isinstance(command, click.Command)
        _accept_common_options(command)
        return command


def _is_text(word: str) -> bool:
    """Whether a word can be stored: what is not UTF-8 comes as lone surrogates (PEP 383)."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in word)


def _steady(names: Sequence[str]) -> None:
    """Prevent failures from characters that the terminal does not support, and from closed streams."""
    for name in names:
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - for the rest of the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _unforeseen(error: Exception) -> str:
    """Where it happened, in our own files: enough for a report, without any of the data."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "authrim" in Path(frame.filename).parts] or list(frames)
    place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "an unknown place"
    kind = f"{type(error).__name__} at {place} in version {__version__}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f': {error.filename}' if error.filename else ''} ({kind})"
    return f"unexpected error: {kind}. Please report it with this text"


def _accept_common_options(command: click.Command) -> None:
    """Allow ``--config`` and ``--json`` after every command as well as before it."""
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            _accept_common_options(subcommand)
        return
    for option in _common_options():
        if not any(option.opts[0] in parameter.opts for parameter in command.params):
            command.params.append(option)


def _common_options() -> tuple[click.Option, ...]:
    return (
        click.Option(
            ["--config"], type=CONFIG_FILE, expose_value=False, callback=_pass_to_root, help=CONFIG_HELP
        ),
        click.Option(
            ["--json", "as_json"], is_flag=True, expose_value=False, callback=_pass_to_root, help=JSON_HELP
        ),
    )


def _pass_to_root(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value and option.name is not None:
        context.find_root().params[option.name] = value


@click.group(cls=LazyGroup)
@click.version_option(__version__, prog_name="authrim")
@click.option("--config", type=CONFIG_FILE, envvar=CONFIG_VARIABLE, help=CONFIG_HELP)
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
def main(config: Path | None, *, as_json: bool) -> None:
    """Authrim: an OAuth 2.0 and OpenID Connect server whose source of truth is a log of events."""
    del config, as_json  # read by the commands from the context
