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

#: Each command, and the first paragraph of its help. It is in the module of its name.
COMMANDS: Final = {
    "dev": "Create and start a development server: three clients, one account, loopback only.",
    "setup": "Set up an installation: settings, master key, database, first account, first client.",
    "serve": "Start the server and run until SIGTERM.",
    "health": "Ask the server whether it is ready, and exit with status 1 if it is not.",
    "background": "Do the background work of a server until SIGTERM, and answer no requests.",
    "certificate": "Obtain, renew or show the certificate of the server, where it comes by ACME.",
    "migrate": "Create or upgrade the schema of the database. Safe to repeat, and to run several at once.",
    "backup": "Copy the database into DIRECTORY, a new one, while servers run.",
    "restore": "Restore the backup in DIRECTORY into the configured database, which must be empty or not there yet.",
    "doctor": "Examine a server from inside and from outside, and say how each fault is mended.",
    "client": "Register, update, disable and delete clients, and rotate their secrets.",
    "scope": "Describe scope values for people, in each language of the pages.",
    "resource": "Register, update and retire resource servers: the APIs that tokens are for.",
    "registration": "Manage the tokens of clients that register themselves (RFC 7591).",
    "claim": "Define claims about people, and say which scopes release them.",
    "account": "Create and list accounts, change their password and claims, disable and erase them.",
    "session": "List, show and end sessions.",
    "grant": "List grants and end them: the code, the refresh token and every access token.",
    "keys": "List, rotate and revoke the keys of the server.",
    "privacy": "Verify erasure certificates and consent receipts, and write the records of processing.",
    "audit": "Read what happened from the log, and verify the log.",
    "report": "Write compliance reports from the log, and verify them.",
    "log": "Archive closed months of the log; verify, search and prove archives without a database; "
    "let archived contents leave the log.",
    "projections": "Verify or rebuild the tables that are computed from the log.",
    "replay": "Decide the whole log again with this version. Nothing is written to the database, and nothing is sent.",
    "webhook": "Tell addresses of others about events of the log, as they happen.",
    "outbox": "Show messages to others that could not be delivered, and deliver or discard them.",
    "retention": "See and do what keeps the tables as small as what is alive.",
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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands in the help, without importing any."""
        limit = formatter.width - 6 - max(map(len, COMMANDS))
        rows = [
            (name, click.Command(name, help=text).get_short_help_str(limit))
            for name, text in COMMANDS.items()
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command = loaded(f"authrim.commands.{cmd_name}", cmd_name)
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
