"""``authrim keys rotate-master``, from the new key to the last of the old one."""

import asyncio
import secrets
from pathlib import Path

from authrim.core.recorded_settings import record_settings
from authrim.crypto.master import MasterKeys
from authrim.settings import load
from authrim.store.sqlite.store import SQLiteStore
from tests.commands.cli.test_cli_master_key import connected, id_of, with_keys
from tests.support.command_line import CommandLine


async def server_started(database: Path, *keys: str) -> None:
    """Record what a server with these keys records when it starts."""
    store = SQLiteStore(database)
    await store.open()
    await record_settings(store, load(), MasterKeys.from_settings(keys), "default")
    await store.close()


def test_an_old_key_leaves_the_settings(
    authrim: CommandLine, environment: dict[str, str], database: Path
) -> None:
    """A264: the command refuses until the newest start has the new key in front; then the old key is needed no
    more, and the log says which key took over."""
    old, new = environment["AUTHRIM_MASTER_KEYS"], secrets.token_urlsafe(32)
    authrim.json("account", "create", "alice", "--password-stdin", stdin="correct horse battery\n")
    both, alone = with_keys(authrim, new, old), with_keys(authrim, new)
    assert "one master key only" in authrim.json("keys", "rotate-master", status=1)["description"]
    waiting = CommandLine({**environment, "AUTHRIM_NEXT_MASTER_KEY": new})
    assert "does not seal yet" in waiting.json("keys", "rotate-master", status=1)["description"]
    asyncio.run(server_started(database, old))
    assert "another master key" in both.json("keys", "rotate-master", status=1)["description"]
    asyncio.run(server_started(database, new, old))
    done = both.json("keys", "rotate-master")
    assert done["replaced"] == done["may_leave"] == [id_of(old)]
    assert done["current"] == id_of(new)
    assert done["rows_unreadable"] == 0
    shown = alone.json("account", "show", "alice", "--personal", "--reason", "test")
    assert shown["login"] == "alice"
    again = both.json("keys", "rotate-master")
    assert (again["rows_changed"], again["replaced"]) == (0, [])
    assert (
        f"The master key {id_of(old)} was replaced by {id_of(new)}"
        in alone.run("audit", "changes", "setting").output
    )
    assert alone.json("projections", "verify")["ok"] is True
    assert (
        f"the database is sealed under the master key {id_of(new)}"
        in authrim.run("keys", "list", status=2).stderr
    )


def test_a_row_that_nobody_can_open_is_counted(
    authrim: CommandLine, environment: dict[str, str], database: Path
) -> None:
    """A damaged row keeps no master key from leaving; it is said how many there are."""
    authrim.json("account", "create", "alice", "--password-stdin", stdin="correct horse battery\n")
    with connected(database) as connection:
        connection.execute(
            "UPDATE sealed SET ciphertext = substr(ciphertext, 1, 40) WHERE key LIKE 'default:subject:%:key'"
        )
    both = with_keys(authrim, secrets.token_urlsafe(32), environment["AUTHRIM_MASTER_KEYS"])
    done = both.json("keys", "rotate-master")
    assert (done["rows_unreadable"], done["replaced"]) == (2, [id_of(environment["AUTHRIM_MASTER_KEYS"])])
    told = both.run("keys", "rotate-master").output
    assert "rows_unreadable" in told
