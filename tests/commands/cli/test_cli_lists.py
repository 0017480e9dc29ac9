"""Every list of the command line, with long values."""

import asyncio
import json

from rich.cells import cell_len

from authrim.store.outbox_contract import NewDelivery
from authrim.store.sqlite.store import SQLiteStore
from domain.grant.events import AuthorizationRequested, RefreshTokenIssued, SubjectAuthenticated
from domain.person.session_events import SessionStarted
from domain.stream import grant_stream
from tests.commands.cli.test_cli_sessions import write
from tests.support.command_line import CommandLine
from tests.support.command_tree import every_command

SUBJECT = "s" * 255
LOGIN = "l" * 300
CLIENT = "c" * 100
NAME = "A client with a name that goes on and on " * 4
LISTS = {
    ("client", "list"): (),
    ("account", "list"): (),
    ("account", "search"): ("lll", "--reason", "test"),
    ("session", "list"): (SUBJECT,),
    ("grant", "list"): (SUBJECT,),
    ("keys", "list"): (),
    ("keys", "rotate"): (),
    ("registration", "token", "list"): (),
    ("scope", "list"): (),
    ("claim", "list"): (),
    ("resource", "list"): (),
    ("outbox", "list"): ("--waiting",),
    ("outbox", "receivers"): (),
    ("webhook", "list"): (),
    ("audit", "search"): (),
    ("audit", "account"): (SUBJECT,),
    ("audit", "session"): ("session-" + "x" * 60,),
    ("audit", "grant"): ("grant-" + "x" * 60,),
}

#: What is read from files that other commands have written: tests/audit has them.
OF_FILES = {("log", "search")}


async def fill(authrim: CommandLine, store: SQLiteStore) -> None:
    """Things with the longest names that they may have."""

    def run(*words: str, stdin: str | None = None) -> None:
        authrim.run(*words, stdin=stdin)

    uri = f"https://{'x' * 60}.example/{'y' * 100}"
    for words, stdin in (
        (("client", "create", "--client-id", CLIENT, "--name", NAME, "--redirect-uri", uri), None),
        (("account", "create", LOGIN, "--subject", SUBJECT, "--password-stdin"), "a-long-password\n"),
        (
            ("account", "set-claims", SUBJECT, "-"),
            json.dumps({"name": NAME, "email": f"{'m' * 60}@example.com"}),
        ),
        (("registration", "token", "create", "--uses", "5"), None),
        (("resource", "create", uri), None),
    ):
        await asyncio.to_thread(run, *words, stdin=stdin)
    session, grant = "session-" + "x" * 60, "grant-" + "x" * 60
    await write(store, session, 0, SessionStarted(SUBJECT, "digest", 1, "acr", ("pwd",), 2**32))
    request = AuthorizationRequested(CLIENT, uri, "code", "query", ("openid", "scope-" + "z" * 90), 1, 2**32)
    signed = SubjectAuthenticated(SUBJECT, session, 1, "acr", ("pwd",))
    refresh = RefreshTokenIssued(1, "hash", "key", 1, 2**32)
    await write(store, grant, 0, request, signed, refresh, stream=grant_stream("default", grant))
    await store.outbox.add([NewDelivery("default", "backchannel_logout", CLIENT, "1", 1)])
    address = "https://" + "h" * 60 + ".example/"
    await asyncio.to_thread(authrim.run, "webhook", "create", address, "--event", "grant.*", "--event", "*")


def test_every_list_is_tried() -> None:
    """A command whose name says that it lists is in the table above."""
    assert {words for words, _ in every_command() if words[-1] in ("list", "search")} <= {*LISTS, *OF_FILES}


async def test_every_list_fits_80_columns(authrim: CommandLine, store: SQLiteStore) -> None:
    """No line is longer, but for one that is nothing but an id, a URI or another word that must not be broken."""
    await fill(authrim, store)
    for words, arguments in LISTS.items():
        text = (await asyncio.to_thread(authrim.run, *words, *arguments)).stdout
        assert text.strip(), words
        for line in text.splitlines():
            assert cell_len(line) <= 80 or len(line.split()) == 1, (words, line)
