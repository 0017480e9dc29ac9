"""A master key that is not the database's ends the start of everything that needs it."""

import asyncio
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from authrim.core.execute import append_of
from authrim.core.master_proof import WrongMasterKeys, prove_master_keys
from authrim.core.sealed_rows import PrivateData
from authrim.crypto.master import MasterKeys
from authrim.server.wiring import make_parts
from authrim.store.contract import Store
from authrim.web.call import CORE
from projections.tables import SEALED
from tests.support.command_line import CommandLine
from tests.support.command_tree import STDIN, WITHOUT_DATABASE, arguments_of, every_command
from tests.support.ports import free_port
from tests.support.processes import ended
from tests.support.ready_authrim import started
from tests.support.running import development_settings

#: Commands that read the log without any key, or change the schema.
WITHOUT_A_KEY = {"audit", "projections", "migrate", "dev", "doctor", "replay", "retention"}
#: What must be had though the key is lost.
FOR_A_LOST_KEY = (("keys", "give-up-master"), ("account", "erase"))
NEEDS_THE_KEY = [
    words
    for words, _ in every_command()
    if words[0] not in WITHOUT_A_KEY and words not in (*FOR_A_LOST_KEY, *WITHOUT_DATABASE)
]


def id_of(*keys: str) -> str:
    return MasterKeys.from_settings(keys).current_id


def contents(database: Path) -> list[str]:
    """All that is in the file, as SQL."""
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


@contextmanager
def connected(database: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(database)) as connection, connection:
        yield connection


def with_keys(authrim: CommandLine, *keys: str) -> CommandLine:
    return CommandLine({**authrim.environment, "AUTHRIM_MASTER_KEYS": ",".join(keys)})


@pytest.fixture
def right(environment: dict[str, str]) -> str:
    return environment["AUTHRIM_MASTER_KEYS"]


@pytest.fixture
def used(authrim: CommandLine) -> CommandLine:
    """An installation with an account and keys."""
    authrim.json("account", "create", "alice", "--password-stdin", stdin="correct horse battery\n")
    authrim.json("keys", "rotate", "--alg", "ES256")
    return authrim


@pytest.mark.parametrize("with_canary", [True, False], ids=["", "from before there were canaries"])
@pytest.mark.parametrize("words", NEEDS_THE_KEY, ids=" ".join)
def test_every_command_that_needs_the_key_proves_it_first(
    used: CommandLine, database: Path, right: str, words: tuple[str, ...], *, with_canary: bool
) -> None:
    """A wrong master key ends each of them with the variable, the key id wanted and what to do; nothing is written."""
    if not with_canary:
        with connected(database) as connection:
            connection.execute("DELETE FROM sealed WHERE key LIKE 'default:master:%'")
    before = contents(database)
    command = dict(every_command())[words]
    wrong = with_keys(used, secrets.token_urlsafe(32))
    result = wrong.run(*words, *arguments_of(command, "x"), stdin=STDIN, status=2)
    assert "AUTHRIM_MASTER_KEYS: master_keys: the database is sealed under the master key" in result.stderr
    assert id_of(right) in result.stderr
    assert "put it back" in result.stderr
    assert contents(database) == before


def test_the_right_key_goes_on_and_leaves_a_canary(used: CommandLine, database: Path, right: str) -> None:
    """A database of before there were canaries gets one by the first command with its key, and the log none of it."""
    with connected(database) as connection:
        connection.execute("DELETE FROM sealed WHERE key LIKE 'default:master:%'")
    used.json("keys", "list")
    with connected(database) as connection:
        rows = connection.execute(
            "SELECT key FROM sealed WHERE key LIKE 'default:master:%' ORDER BY key"
        ).fetchall()
    assert [key for (key,) in rows] == [
        f"default:master:{id_of(right)}:proof",
        "default:master:oldest:proof",
    ]
    assert used.json("projections", "verify")["ok"] is True


def test_the_place_of_the_key_is_named(used: CommandLine, tmp_path: Path) -> None:
    """The file that holds a wrong key is named, be it a configuration or a file of keys alone."""
    wrong = secrets.token_urlsafe(32)
    environment = {name: value for name, value in used.environment.items() if name != "AUTHRIM_MASTER_KEYS"}
    keys = tmp_path / "keys"
    keys.write_text(wrong)
    without = CommandLine({**environment, "AUTHRIM_MASTER_KEYS": None})  # type: ignore[dict-item]
    without.environment["AUTHRIM_MASTER_KEY_FILE"] = str(keys)
    assert f"{keys}: the database is sealed" in without.run("client", "list", status=2).stderr
    del without.environment["AUTHRIM_MASTER_KEY_FILE"]
    config = tmp_path / "authrim.toml"
    config.write_text(f'master_keys = ["{wrong}"]\n')
    told = without.run("--config", str(config), "client", "list", status=2).stderr
    assert f"{config}: master_keys: the database is sealed" in told


def test_a_newer_key_goes_before_the_older_one(used: CommandLine, right: str) -> None:
    """[new, old] is taken and then neither may go, nor may their order turn, which would change pairwise subjects."""
    new = secrets.token_urlsafe(32)
    assert (
        with_keys(used, new, right).json("account", "show", "alice", "--personal", "--reason", "test")[
            "login"
        ]
        == "alice"
    )
    assert f"master key {id_of(new)}," in with_keys(used, right).run("keys", "list", status=2).stderr
    assert f"master key {id_of(right)}," in with_keys(used, new).run("keys", "list", status=2).stderr
    turned = with_keys(used, right, new).run("keys", "list", status=2).stderr
    assert f"the last master key must be {id_of(right)}" in turned
    with_keys(used, new, right).json("keys", "list")


def test_a_key_that_is_lost_can_be_given_up(used: CommandLine, right: str) -> None:
    """What it sealed is gone, and the installation goes on; a key that is there cannot be given up. A264: who gave it
    up is in the log."""
    new = with_keys(used, secrets.token_urlsafe(32))
    new.run("keys", "list", status=2)
    assert used.json("keys", "give-up-master", id_of(right), "--yes", status=1)["error"] == "invalid_request"
    assert new.json("keys", "give-up-master", "00000000", "--yes", status=1)["error"] == "invalid_request"
    assert new.json("keys", "give-up-master", id_of(right), "--yes")["status"] == "given up"
    new.json("keys", "list")
    used.run("keys", "list", status=2)
    told = new.run("audit", "changes", "setting").output
    assert f"The lost master key {id_of(right)} was given up" in told
    assert "administrator (uid" in told


def test_development_server_with_another_workplace(tmp_path: Path) -> None:
    """``authrim dev`` makes no new master key for a database that is there, and takes no other one."""
    data = tmp_path / "data"
    workplace = data / "development.json"
    with started("dev", "--port", str(free_port()), "--data", str(data), "--json") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
    before, text = contents(data / "authrim.db"), workplace.read_text()
    workplace.unlink()
    with started("dev", "--port", str(free_port()), "--data", str(data)) as process:
        status, _, told = ended(process)
    assert (status, "put it back, or remove the folder" in told, workplace.exists()) == (1, True, False)
    workplace.write_text('{"master_key": "' + secrets.token_urlsafe(32) + '"}')
    with started("dev", "--port", str(free_port()), "--data", str(data)) as process:
        status, _, told = ended(process)
    assert status == 2
    assert f"{workplace}: the database is sealed under the master key" in told
    assert contents(data / "authrim.db") == before
    workplace.write_text(text)


def test_workers_are_not_started_in_vain(environment: dict[str, str], postgres_dsn: str) -> None:
    """``serve --workers`` ends by a wrong key too, where its workers would be started again forever."""
    authrim = CommandLine({**environment, "AUTHRIM_DATABASE": postgres_dsn})
    authrim.json("keys", "list")
    wrong = {**authrim.environment, "AUTHRIM_MASTER_KEYS": secrets.token_urlsafe(32)}
    with started(
        "serve", "--workers", "2", environment={**wrong, "AUTHRIM_PORT": str(free_port())}
    ) as process:
        status, _, told = ended(process)
    assert status == 2
    assert "the database is sealed under the master key" in told


async def _contents(store: Store) -> tuple[int, Any]:
    return (await store.head()).position, await store.read_rows(SEALED.name, "", 1000)


async def test_server_proves_the_key_before_it_writes(store: Store) -> None:
    """On either engine a server with another key makes no keys: it raises before the first append."""
    first = await make_parts(development_settings(free_port()), store)
    before = await _contents(store)
    other = development_settings(free_port(), master_keys=(SecretStr(secrets.token_urlsafe(32)),))
    with pytest.raises(WrongMasterKeys) as refused:
        await make_parts(other, store)
    assert refused.value.wanted == (first[CORE].master.current_id,)
    assert await _contents(store) == before
    await make_parts(development_settings(free_port()), store)
    assert await _contents(store) == before


async def test_of_two_first_keys_one_wins(store: Store) -> None:
    """Processes with different keys that start at once on an empty database do not both take it."""
    keys = [MasterKeys.from_settings([secrets.token_urlsafe(32)]) for _ in range(4)]
    ends = await asyncio.gather(*(prove_master_keys(store, key) for key in keys), return_exceptions=True)
    assert [type(end) for end in ends].count(type(None)) == 1
    assert [type(end) for end in ends].count(WrongMasterKeys) == 3


async def test_a_damaged_data_key_is_not_a_wrong_master_key(store: Store) -> None:
    """A row that somebody damaged does not keep an installation of before the canaries from starting."""
    master = MasterKeys.from_settings([secrets.token_urlsafe(32)])
    rows = PrivateData(store, master).first_rows("default", "subject", "somebody", {"login": b"alice"})
    damaged = [
        row._replace(values={**row.values, "ciphertext": row.values["ciphertext"][:-1] + b"\0"})
        for row in rows
    ]
    await store.append(append_of((), b"{}", rows=tuple(damaged)))
    await prove_master_keys(store, master)
