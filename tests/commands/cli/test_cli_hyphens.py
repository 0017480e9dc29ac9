"""Ids and logins that begin with a hyphen are ids and logins, and no option."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from authrim.commands.root import main
from authrim.crypto.handles import new_handle
from authrim.crypto.ids import begins_like_an_id, digest, new_id, new_token_id
from authrim.crypto.key_pair import ENCRYPTION_ALGORITHMS, SIGNING_ALGORITHMS, new_key_pair
from tests.support.command_line import CommandLine
from tests.support.command_tree import STDIN, arguments_of, every_command, is_path

#: A thumbprint as chance makes it, one with two hyphens, a login, an underscore, and what looks like a letter's option.
LIKE_OPTIONS = ("-DUf2n8XYp1dlqJfRDf8xA8mJ4Kx1q9JvE4Vd5tQ3aM", "--Uf2n8XYp1dlqJf_Df8", "-alice", "_1", "-h")

WITH_ARGUMENTS = [
    words
    for words, one in every_command()
    if any(isinstance(p, click.Argument) and not is_path(p) for p in one.params)
]
WITH_TEXTS = [
    (words, parameter.opts[0])
    for words, one in every_command()
    for parameter in one.params
    if isinstance(parameter, click.Option) and parameter.type is click.STRING and not parameter.is_flag
]


def test_the_walk_finds_the_commands() -> None:
    """Commands that take an id are found by what click knows, not by a list that somebody forgets."""
    assert {("keys", "revoke"), ("audit", "grant"), ("registration", "token", "revoke")} <= set(
        WITH_ARGUMENTS
    )
    assert len(WITH_ARGUMENTS) > 15
    assert len(WITH_TEXTS) > 15


@pytest.mark.parametrize("value", LIKE_OPTIONS)
@pytest.mark.parametrize("words", WITH_ARGUMENTS, ids=" ".join)
def test_every_command_takes_any_id(authrim: CommandLine, words: tuple[str, ...], value: str) -> None:
    """An unknown id ends in a refusal that says so (or is taken, where one is made), never in "No such option"."""
    command = dict(every_command())[words]
    for given in (arguments_of(command, value), tuple(reversed(arguments_of(command, value)))):
        others = {word for word in given if word != value and not word.startswith("--")}
        if others and given != arguments_of(command, value):
            continue  # an id and a file or a word that the command knows cannot change places
        result = authrim.run("--json", *words, *given, stdin=STDIN, status=None)
        assert result.exit_code in (0, 1), result.output
        assert "Usage:" not in result.output


@pytest.mark.parametrize(("words", "option"), WITH_TEXTS, ids=str)
def test_every_option_takes_any_text(words: tuple[str, ...], option: str) -> None:
    """The word behind an option is its value, whatever it begins with."""
    command = dict(every_command())[words]
    given = [*arguments_of(command, "x"), option, LIKE_OPTIONS[0]]
    try:
        context = command.make_context(words[-1], list(given))
    except click.BadParameter as error:
        refused = error
    else:
        refused = None
    if refused is not None:  # by the option's own check: the word was taken for its value
        assert type(refused) is click.BadParameter
        assert refused.param is not None
        assert option in refused.param.opts
        return
    name = next(one.name for one in command.params if option in one.opts)
    assert LIKE_OPTIONS[0] in str(context.params[str(name)])


def test_a_person_and_a_client_of_such_names(authrim: CommandLine) -> None:
    """They are made, found, changed and ended by the names they have."""
    create = ("account", "create", "-alice", "--password-stdin", "--subject", "-s")
    assert authrim.json(*create, stdin="correct horse battery\n")["subject"] == "-s"
    assert authrim.json("account", "show", "-alice", "--personal", "--reason", "test")["login"] == "-alice"
    assert authrim.json("account", "show", "--personal", "-s", "--reason", "test")["login"] == "-alice"
    assert authrim.json("account", "erase", "--yes", "-s")["status"] == "erased"
    options = ("--client-id", "-shop", "--redirect-uri", "https://shop.example.com/callback")
    authrim.json("client", "create", *options)
    assert authrim.json("client", "update", "-shop", "--name", "-n")["client_name"] == "-n"
    assert authrim.json("client", "list", "--after", "-a")["clients"][0]["client_id"] == "-shop"
    assert authrim.json("client", "delete", "-shop", "--yes")["status"] == "deleted"


@pytest.mark.parametrize(
    "words",
    [("keys", "revoke", "kid", "--yse"), ("client", "update", "shop", "--nam=x"), ("--jsn", "keys", "list")],
)
def test_a_misspelled_option_is_still_one(authrim: CommandLine, words: tuple[str, ...]) -> None:
    """What reads like an option and is none is named, with the right one."""
    result = authrim.run(*words, status=2)
    assert "No such option" in result.stderr
    assert "Did you mean" in result.stderr


def test_help_and_the_end_of_options_stay(authrim: CommandLine, tmp_path: Path) -> None:
    """``--help`` behind an id helps, and ``--`` makes an argument of whatever follows."""
    assert "KID" in authrim.run("keys", "revoke", "-x", "--help").stdout
    assert authrim.run("--json", "account", "show", "--", "--alice", status=1).exit_code == 1
    assert (
        authrim.run("--config", str(tmp_path / "no"), "keys", "revoke", "-x", "--yes", status=2).exit_code
        == 2
    )
    assert isinstance(main, click.Group)


@pytest.mark.parametrize(
    "made", [new_id, new_token_id, lambda: digest(new_handle("at", new_id()))], ids=["id", "jti", "digest"]
)
def test_no_id_begins_with_a_hyphen_or_an_underscore(made: Callable[[], str]) -> None:
    """Of two thousand ids none begins so, where thirty would by chance."""
    assert all(begins_like_an_id(made()) for _ in range(2000))


async def test_no_key_id_begins_so() -> None:
    """Nor of the keys: three hundred of an elliptic curve, and one of each algorithm."""
    algs = [*SIGNING_ALGORITHMS, *ENCRYPTION_ALGORITHMS, *(["ES256"] * 300)]
    made = await asyncio.gather(*(new_key_pair(alg) for alg in algs))
    assert all(begins_like_an_id(pair.public.kid) for pair in made)
