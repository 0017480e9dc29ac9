"""How a command says that it refuses."""

from tests.commands.cli.test_cli_accounts import PASSWORD_TEXT, create
from tests.support.command_line import CommandLine


def test_a_refusal_names_a_section_that_says_something(authrim: CommandLine) -> None:
    """The section of all error responses of OAuth is no use to an operator, so only a closer one is told."""
    create(authrim, "alice")
    command, again = ("account", "create", "alice", "--password-stdin"), f"{PASSWORD_TEXT}\n"
    assert authrim.run(*command, stdin=again, status=1).stderr.splitlines() == [
        "Refused: invalid_request",
        "  There already is an account with this login.",
        "  Use another login.",
    ]
    assert authrim.json(*command, stdin=again, status=1)["section"] == ""
    short = authrim.run("account", "create", "bob", "--password-stdin", stdin="short\n", status=1).stderr
    assert short.splitlines()[-1] == "  NIST SP 800-63B-3 §5.1.1.2"
