"""The command line as a whole: settings, JSON, status, schema, help; and the same on PostgreSQL."""

import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from authrim.commands.root import COMMANDS, main
from tests.support.command_line import CommandLine
from tests.support.command_tree import STDIN, arguments_of, every_command


def test_runs_as_a_module() -> None:
    """``python -m authrim`` is the command line."""
    ran = subprocess.run(
        [sys.executable, "-m", "authrim", "--version"], capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("authrim, version ")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_speaks_json(name: str) -> None:
    """Each command and each of its options has a help text, and takes --json behind it too."""
    context = click.Context(main, info_name="authrim")
    command = main.get_command(context, name)
    assert command is not None
    for one in _leaves(command):
        assert one.help, one.name
        for option in one.params:
            assert not isinstance(option, click.Option) or option.help, (one.name, option.name)
        assert sum("--json" in option.opts for option in one.params) == 1, one.name


def _leaves(command: click.Command) -> Iterator[click.Command]:
    if isinstance(command, click.Group):
        assert command.help
        for subcommand in command.commands.values():
            yield from _leaves(subcommand)
    else:
        yield command


def test_json_before_or_behind_the_command_is_the_same(authrim: CommandLine) -> None:
    """--json is understood at both places."""
    assert (
        authrim.run("--json", "client", "list").stdout
        == authrim.run("client", "list", "--json").stdout
        == '{"clients": []}\n'
    )


@pytest.mark.parametrize("command", [("client", "list"), ("migrate",), ("keys", "list"), ("serve",)])
def test_bad_settings_are_named_and_not_repeated(authrim: CommandLine, command: tuple[str, ...]) -> None:
    """Place, key, problem and fix on standard error, never the value, status 2, no trace."""
    bad = CommandLine({**authrim.environment, "AUTHRIM_MASTER_KEYS": "canary", "AUTHRIM_PORT": "canary"})
    result = bad.run(*command, status=2)
    assert "AUTHRIM_PORT: port: must be a whole number" in result.stderr
    assert "AUTHRIM_MASTER_KEYS: master_keys number 1: must be 32 random bytes" in result.stderr
    assert "canary" not in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("setting", "more"),
    [
        ("tls_client_anchors", {}),
        ("client_attesters", {"AUTHRIM_FEATURES_ON": "client_attestation"}),
        ("software_statement_issuers", {}),
    ],
)
def test_a_file_that_cannot_be_read_ends_the_start(
    authrim: CommandLine, tmp_path: Path, setting: str, more: dict[str, str]
) -> None:
    """The setting is named on standard error, status 1, no trace."""
    missing = {f"AUTHRIM_{setting.upper()}": str(tmp_path / "missing"), **more}
    result = CommandLine({**authrim.environment, **missing}).run("serve", status=1)
    assert f"Error: {setting}: " in result.stderr


def test_settings_come_from_a_file_too(authrim: CommandLine, tmp_path: Path) -> None:
    """--config names the file, and what is wrong in it is named with the file."""
    file = tmp_path / "authrim.toml"
    file.write_text("prot = 1\n")
    result = authrim.run("--config", str(file), "client", "list", status=2)
    assert f"{file}: prot: is not a setting: did you mean port?" in result.stderr


def test_schema_is_checked_by_all_and_changed_by_migrate_alone(environment: dict[str, str]) -> None:
    """F21: without a schema every command says what to run; migrate makes it, once."""
    authrim = CommandLine(environment)
    for command in (("migrate", "--check"), ("client", "list"), ("serve",)):
        assert "run `authrim migrate`" in authrim.run(*command, status=1).stderr
    assert not Path(environment["AUTHRIM_DATABASE"]).exists()
    assert "0001_events" in authrim.json("migrate")["applied"]
    assert authrim.json("migrate") == {"applied": [], "up_to_date": True}
    assert authrim.json("migrate", "--check") == {"applied": [], "up_to_date": True}


def test_grant_to_is_for_postgresql(authrim: CommandLine) -> None:
    """SQLite has no roles: asking for one is a mistake, not ignored."""
    authrim.run("migrate", "--grant-to", "authrim_app", status=2)


def test_the_same_on_postgresql(environment: dict[str, str], postgres_dsn: str, tmp_path: Path) -> None:
    """Clients, accounts and keys are administered on PostgreSQL as on SQLite."""
    authrim = CommandLine({**environment, "AUTHRIM_DATABASE": postgres_dsn})
    assert authrim.json("migrate", "--check")["up_to_date"] is True
    options = ("--client-id", "shop", "--redirect-uri", "https://shop.example.com/callback")
    first = authrim.json("client", "create", *options)["client_secret"]
    assert authrim.json("client", "rotate-secret", "shop")["client_secret"] != first
    assert [one["client_id"] for one in authrim.json("client", "list")["clients"]] == ["shop"]
    assert authrim.json("client", "disable", "shop")["status"] == "disabled"

    claims = tmp_path / "claims.json"
    claims.write_text('{"name": "Alice"}')
    create = ("account", "create", "alice", "--password-stdin", "--claims", str(claims))
    subject = authrim.json(*create, stdin="correct horse\n")["subject"]
    assert authrim.json(*create, stdin="correct horse\n", status=1)["error"] == "invalid_request"
    assert authrim.json("account", "show", "alice", "--personal", "--reason", "test")["claims"] == {
        "name": "Alice"
    }
    set_password = ("account", "set-password", "alice", "--password-stdin")
    assert authrim.json(*set_password, stdin="battery staple\n")["subject"] == subject
    assert authrim.json("account", "erase", "alice", "--yes")["status"] == "erased"
    assert authrim.json("account", "show", subject, "--personal", "--reason", "test")["claims"] is None

    assert len(authrim.json("keys", "rotate")["keys"]) == 4
    (kid, *_) = (key["kid"] for key in authrim.json("keys", "list")["keys"])
    assert authrim.json("keys", "revoke", kid, "--yes")["replaced_by"]
    assert authrim.json("projections", "verify")["ok"] is True


def test_a_log_written_by_commands_verifies(authrim: CommandLine) -> None:
    """After work of every kind the chain holds and every projection is the fold of the log."""
    options = ("--client-id", "shop", "--redirect-uri", "https://shop.example.com/callback")
    authrim.json("client", "create", *options)
    authrim.json("client", "update", "shop", "--name", "Shop")
    authrim.json("account", "create", "alice", "--password-stdin", stdin="correct horse\n")
    authrim.json("keys", "rotate")
    authrim.json("account", "erase", "alice", "--yes")
    authrim.json("client", "delete", "shop", "--yes")
    assert authrim.json("audit", "verify")["ok"] is True
    assert authrim.json("projections", "verify")["ok"] is True


def test_a_server_says_which_variables_it_passed_over(authrim: CommandLine, tmp_path: Path) -> None:
    """Under Kubernetes, beside a service called authrim, the server starts, and a line says what it did not read."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = tmp_path / "authrim.toml"
        config.write_text(f"port = {taken.getsockname()[1]}\n")
        service = CommandLine({**authrim.environment, "AUTHRIM_PORT": "tcp://10.96.0.17:8080"})
        result = service.run("serve", "--config", str(config), status=1)
    assert "cannot listen on 127.0.0.1" in result.stderr
    (line,) = (json.loads(line) for line in result.stderr.splitlines() if "settings.passed_over" in line)
    assert line["variables"] == ["AUTHRIM_PORT"]
    assert "10.96.0.17" not in result.stderr


@pytest.mark.parametrize("words", [words for words, _ in every_command()], ids=" ".join)
def test_what_is_not_text_is_refused(authrim: CommandLine, words: tuple[str, ...]) -> None:
    """A word that is not UTF-8 could be stored nowhere: no command begins with it."""
    given = arguments_of(dict(every_command())[words], "\udcff")
    if "\udcff" not in given:
        given = (*given, "--config", "\udcff")
    assert "not valid UTF-8" in authrim.run(*words, *given, stdin=STDIN, status=2).stderr


def test_a_password_that_is_not_text_is_refused(authrim: CommandLine) -> None:
    """A password in another encoding could never be entered on the sign-in page."""
    result = CliRunner().invoke(
        main,
        ["account", "create", "alice", "--password-stdin"],
        input=b"Z\xfcrich Z\xfcrich\n",
        env=authrim.environment,
    )
    assert result.exit_code == 2
    assert "the password is not text in UTF-8" in result.stderr


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_any_terminal_can_show_the_answer(authrim: CommandLine, options: tuple[str, ...]) -> None:
    """What a terminal cannot show is written in ASCII, and JSON stays JSON; a closed output is no failure."""
    create = ("client", "create", "--type", "service", "--client-id", "shop", "--name", "Zürich ✓")
    authrim.run(*create)
    command = [sys.executable, "-m", "authrim", "client", "show", "shop", *options]
    environment = {**os.environ, **authrim.environment, "PYTHONIOENCODING": "ascii"}
    ran = subprocess.run(command, env=environment, capture_output=True, check=True)
    name = "Z\\u00fcrich \\u2713" if options else "Z\\xfcrich \\u2713"
    assert name.encode() in ran.stdout
    closed = " ".join([*map(shlex.quote, command), ">&-"])
    assert subprocess.run(closed, shell=True, env=environment, capture_output=True, check=False).stderr == b""
