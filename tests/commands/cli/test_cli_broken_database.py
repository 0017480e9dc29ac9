"""Whatever is wrong with the database, no command ends in a traceback: it names the cause, and what to do."""

import os
import secrets
import shutil
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest

from authrim.settings import Settings
from authrim.store.contract import Unavailable
from authrim.store.postgres import connections as postgres_connections
from authrim.store.postgres import schema as postgres_schema
from authrim.store.sqlite import lane as sqlite_lane
from authrim.store.sqlite import schema as sqlite_schema
from tests.postgres_cluster import Cluster
from tests.support.command_line import CommandLine
from tests.support.command_tree import STDIN, WITHOUT_DATABASE, arguments_of, every_command
from tests.support.patience import PATIENCE

#: Of damages of one kind each is tried by one in so many commands. Of every kind there are more than so many.
SHARES = 4
#: Commands that open the database themselves. For all others one function does it.
OPEN_IT_THEMSELVES = ("background", "dev", "doctor", "migrate", "serve")


class Damage(NamedTuple):
    """A way to break a database, and words of what a command then says. ``whole``: no command can do anything.
    ``at_opening``: it is found when the database is opened, so that those who open it themselves try it in any case."""

    name: str
    words: str
    whole: bool
    sql: str = ""
    role: str = ""
    #: The commands that try it: one in ``one_in``, beginning with ``first``. Damages of one kind reach every command.
    one_in: int = 1
    first: int = 0
    at_opening: bool = False

    def is_tried_by(self, number: int, words: tuple[str, ...]) -> bool:
        """Whether the command, which is so far down the list, tries it."""
        shared = number % self.one_in == self.first % self.one_in
        return shared or (self.at_opening and words[0] in OPEN_IT_THEMSELVES)


_numbers = count()


def at_opening(name: str, words: str, whole: bool, **how: str) -> Damage:
    """A damage that is found when the database is opened."""
    return Damage(name, words, whole, one_in=SHARES, first=next(_numbers), at_opening=True, **how)


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that somebody else listens on: servers that would start in spite of the damage end there."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield int(held.getsockname()[1])


@contextmanager
def ended_by_itself(words: tuple[str, ...], port: int, data: Path | None) -> Iterator[tuple[str, ...]]:
    """What a command that would run on is given, to end by: a port that is taken, or a supervisor that is gone."""
    if words == ("dev",):
        yield ("--port", str(port), "--data", str(data))
    elif words == ("background",):
        lifeline, held = os.pipe()
        os.close(held)
        heartbeat = os.open(os.devnull, os.O_WRONLY)
        try:
            yield ("--worker-lifeline", str(lifeline), "--worker-heartbeat", str(heartbeat))
        finally:
            os.close(lifeline)
            os.close(heartbeat)
    else:
        yield ()


def try_every_command(authrim: CommandLine, way: Damage, port: int, data: Path | None) -> None:
    """Run all commands; each ends by itself, in words."""
    told = []
    # A development server takes an issuer on this machine alone.
    on_this_machine = CommandLine({**authrim.environment, "AUTHRIM_ISSUER": f"http://localhost:{port}"})
    # Those that mend what they can come last.
    commands = sorted(every_command(), key=lambda one: one[0][0] in ("dev", "migrate"))
    for number, (words, command) in enumerate(commands):
        if (words == ("dev",) and data is None) or words in WITHOUT_DATABASE:
            continue
        if not way.is_tried_by(number, words):
            continue
        runs_on = on_this_machine if words == ("dev",) else authrim
        with ended_by_itself(words, port, data) as extra:
            result = runs_on.run(*words, *arguments_of(command, "alice"), *extra, stdin=STDIN, status=None)
        place = f"{way.name}: {' '.join(words)}: {result.output}"
        assert "Traceback" not in result.output, place
        assert "unexpected error" not in result.output, place
        assert result.exit_code in ((1, 2) if way.whole and words != ("migrate",) else (0, 1, 2)), place
        assert not result.exit_code or result.stderr.strip() or result.stdout.strip(), place
        if way.words in result.output:
            told.append(words)
        elif way.whole and words != ("migrate",):
            pytest.fail(f"the cause is not named: {place}")
    assert told, way.name


def test_one_function_opens_the_database(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is found when the database is opened, each command but those that open it themselves ends with it."""

    def refuse(_settings: Settings) -> NoReturn:
        raise Unavailable("it is not my day")

    monkeypatch.setattr("authrim.commands._common.open_store", refuse)
    for words, command in every_command():
        if words[0] not in OPEN_IT_THEMSELVES and words not in WITHOUT_DATABASE:
            result = CommandLine(environment).run(
                *words, *arguments_of(command, "alice"), stdin=STDIN, status=1
            )
            assert "it is not my day" in result.stderr, words


# --- SQLite -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def data(environment: dict[str, str], tmp_path: Path) -> Path:
    """The folder of a development server whose database has an account, a client and keys."""
    folder = tmp_path / "data"
    folder.mkdir()
    environment["AUTHRIM_DATABASE"] = str(folder / "authrim.db")
    workplace = f'{{"master_key": "{environment["AUTHRIM_MASTER_KEYS"]}"}}'
    (folder / "development.json").write_text(workplace)
    furnish(CommandLine(environment))
    with closing(sqlite3.connect(folder / "authrim.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder


def furnish(authrim: CommandLine) -> None:
    authrim.run("migrate")
    authrim.run("account", "create", "alice", "--password-stdin", stdin=STDIN)
    authrim.run("client", "create", "--type", "service", "--client-id", "alice")
    authrim.run("keys", "rotate", "--alg", "ES256")


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: 5 * 4096])


def _scribble(file: Path) -> None:
    """The first page stays, all others are noise."""
    content = file.read_bytes()
    file.write_bytes(content[:4096] + secrets.token_bytes(len(content) - 4096))


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _below_a_file(file: Path) -> None:
    shutil.rmtree(file.parent)
    file.parent.write_text("not a folder")


FILES: dict[Damage, Callable[[Path], object]] = {
    at_opening("nothing there", "run `authrim migrate`", whole=False): lambda file: file.unlink(),
    at_opening("a folder", "authrim.db", whole=True): _folder,
    at_opening("below a file", "authrim.db", whole=False): _below_a_file,
    at_opening("another format", "not an SQLite database", whole=True): lambda file: file.write_text(
        "Dear diary, " * 1000
    ),
    at_opening("empty", "run `authrim migrate`", whole=False): lambda file: file.write_bytes(b""),
    Damage("truncated", "damaged", whole=False): _truncate,
    Damage("noise", "damaged", whole=True): _scribble,
}

IN_SQLITE = [
    at_opening("newer", "which this version does not know", whole=True, sql=(
        "INSERT INTO schema_migrations VALUES (9999, '9999_later.sql', 'x', 0, 'contract')")),
    at_opening("changed", "restore the file", whole=True, sql=(
        "UPDATE schema_migrations SET checksum = 'x' WHERE version = 1")),
    at_opening("older", "run `authrim migrate`", whole=False, sql=(
        "DELETE FROM schema_migrations WHERE version = (SELECT max(version) FROM schema_migrations)")),
    *(
        Damage(f"no table {table}", "not those of this version", whole=False, sql=f"DROP TABLE {table}", one_in=SHARES,
               first=number)
        for number, table in enumerate(("events", "ledger", "head", "sealed", "signing_keys", "clients", "accounts",
                                        "logins", "audit"))
    ),
    Damage("another column", "not those of this version", whole=False, sql=(
        "ALTER TABLE sealed RENAME COLUMN ciphertext TO text")),
    Damage("no head", "changed by hand", whole=False, sql=(
        "DROP TRIGGER head_no_delete; DELETE FROM head")),
    Damage("no document", "projections rebuild", whole=False, sql=(
        "UPDATE clients SET document = 'x'; UPDATE signing_keys SET document = ''; UPDATE accounts SET document = ''")),
    Damage("no payload", "cannot", whole=False, sql=(
        "DROP TRIGGER events_no_update; UPDATE events SET payload = x'00'")),
    Damage("damaged seals", "a sealed row cannot be opened", whole=False, sql=(
        "UPDATE sealed SET ciphertext = x'0100' WHERE key NOT LIKE 'default:master:%'")),
]  # fmt: skip


@pytest.mark.parametrize("way", FILES, ids=lambda way: way.name)
def test_a_broken_file(environment: dict[str, str], data: Path, taken_port: int, way: Damage) -> None:
    """What a file can be instead of a database."""
    FILES[way](data / "authrim.db")
    authrim = CommandLine({**environment, "AUTHRIM_PORT": str(taken_port)})
    try_every_command(authrim, way, taken_port, data)


@pytest.mark.parametrize("way", IN_SQLITE, ids=lambda way: way.name)
def test_a_broken_schema_on_sqlite(
    environment: dict[str, str], data: Path, taken_port: int, way: Damage
) -> None:
    """What can be wrong inside the file: its schema, its rows."""
    with closing(sqlite3.connect(data / "authrim.db")) as connection:
        connection.executescript(way.sql)
    authrim = CommandLine({**environment, "AUTHRIM_PORT": str(taken_port)})
    try_every_command(authrim, way, taken_port, data)


def test_a_file_that_another_holds(
    environment: dict[str, str], data: Path, taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process that keeps its lock is named as the cause."""
    monkeypatch.setattr(sqlite_lane, "BUSY_TIMEOUT", 20)
    monkeypatch.setattr(sqlite_schema, "_BUSY_SECONDS", 0.02)
    authrim = CommandLine({**environment, "AUTHRIM_PORT": str(taken_port)})
    with closing(sqlite3.connect(data / "authrim.db", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        try_every_command(
            authrim, Damage("held", "another process holds the file", whole=False), taken_port, data
        )


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


IN_POSTGRES = [
    at_opening("no schema", "run `authrim migrate`", whole=False, sql="DROP SCHEMA authrim CASCADE"),
    at_opening("older", "run `authrim migrate`", whole=False, sql=(
        "DELETE FROM authrim.schema_migrations WHERE version = (SELECT max(version) FROM authrim.schema_migrations)")),
    at_opening("newer", "which this version does not know", whole=True, sql=(
        "INSERT INTO authrim.schema_migrations VALUES (9999, '9999_later.sql', 'x', 0, 'contract')")),
    Damage("no append function", "run `authrim migrate`", whole=False, sql="""
        DO $$ DECLARE one regprocedure; BEGIN
            FOR one IN SELECT oid FROM pg_proc WHERE proname = 'append_batch'
            LOOP EXECUTE 'DROP FUNCTION ' || one; END LOOP;
        END $$"""),
    *(
        Damage(f"no table {table}", "not those of this version", whole=False, sql=f"DROP TABLE authrim.{table} CASCADE",
               one_in=SHARES, first=number)
        for number, table in enumerate(("events", "ledger", "head", "sealed", "signing_keys", "clients"))
    ),
    Damage("another column", "not those of this version", whole=False, sql=(
        "ALTER TABLE authrim.sealed RENAME COLUMN ciphertext TO text")),
    Damage("no head", "changed by hand", whole=False, sql=(
        "SET session_replication_role = replica; DELETE FROM authrim.head")),
    Damage("no document", "projections rebuild", whole=False, sql="UPDATE authrim.clients SET document = 'x'"),
    Damage("read-only", "takes no writes", whole=False, sql=(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); "
        "END $$")),
    Damage("no time", "statement_timeout", whole=False, sql="""
        DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = 1', current_database()); END $$;
        ALTER TABLE authrim.head RENAME TO head_;
        CREATE VIEW authrim.head AS SELECT h.* FROM authrim.head_ h, LATERAL (SELECT pg_sleep(0.05)) s"""),
    Damage("a role without rights", "--grant-to", whole=False, role="LOGIN"),
    at_opening("a role that may not log in", "not let in", whole=True, role="NOLOGIN"),
    at_opening("a role with no connection left", "CONNECTION LIMIT", whole=True, role="LOGIN CONNECTION LIMIT 0"),
]  # fmt: skip


@pytest.fixture
def database(cluster: Cluster) -> Iterator[str]:
    """The name of a database that may be broken."""
    name = cluster.new_database()
    yield name
    cluster.drop_database(name)


@pytest.mark.parametrize("way", IN_POSTGRES, ids=lambda way: way.name)
def test_a_broken_schema_on_postgresql(
    environment: dict[str, str], cluster: Cluster, database: str, taken_port: int, way: Damage
) -> None:
    """What can be wrong inside the database, and with the role that uses it."""
    owner = {**environment, "AUTHRIM_DATABASE": cluster.dsn(database)}
    furnish(CommandLine(owner))
    user = f"role_{database}"
    if way.sql:
        cluster.execute(way.sql, database)
    if way.role:
        cluster.execute(f"CREATE ROLE {user} {way.role}")
    dsn = cluster.dsn(database, user) if way.role else cluster.dsn(database)
    try:
        authrim = CommandLine({**owner, "AUTHRIM_DATABASE": dsn, "AUTHRIM_PORT": str(taken_port)})
        try_every_command(authrim, way, taken_port, None)
    finally:
        if way.role:
            cluster.execute(f"DROP ROLE {user}")


@contextmanager
def listener(answer: bytes | None) -> Iterator[int]:
    """Somebody who is not PostgreSQL: says something and hangs up, or says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        calls: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    call, _ = server.accept()
                except OSError:
                    return
                if answer is None:
                    calls.append(call)
                    continue
                call.recv(1024)
                call.sendall(answer)
                call.close()

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
        for call in calls:
            call.close()


#: What is wrong with an address, the address, and words of what a command then says.
ADDRESSES = [
    ("no such host", "postgresql://u@nowhere.invalid/x", "has no address"),
    ("nobody listens", "postgresql://u@127.0.0.1:{free}/x", "nobody listens"),
    ("no socket", "postgresql://u@/x?host={missing}", "no socket"),
    ("no database", "postgresql://authrim@127.0.0.1:{postgres}/nowhere", "createdb"),
    ("no role", "postgresql://nobody_at_all@127.0.0.1:{postgres}/postgres", "not let in"),
    ("no TLS", "postgresql://authrim@127.0.0.1:{postgres}/postgres?sslmode=require", "hung up"),
    (
        "a parameter",
        "postgresql://authrim@127.0.0.1:{postgres}/postgres?nonsense=1",
        "correct `database`",
    ),
    ("a port in words", "postgresql://u@127.0.0.1:many/x", "the address cannot be read"),
    ("a bracket", "postgresql://u@[::1/x", "the address cannot be read"),
    ("a web server", "postgresql://u@127.0.0.1:{web}/x", "at the address in `database`"),
    ("silence", "postgresql://u@127.0.0.1:{silent}/x", "no answer in time"),
]


@pytest.mark.parametrize(
    ("number", "name", "dsn", "words"),
    [(number, *address) for number, address in enumerate(ADDRESSES)],
    ids=[address[0] for address in ADDRESSES],
)
def test_an_address_that_leads_nowhere(
    environment: dict[str, str], cluster: Cluster, taken_port: int, monkeypatch: pytest.MonkeyPatch, number: int,
    name: str, dsn: str, words: str, tmp_path: Path,
) -> None:  # fmt: skip
    """Each of the wrong addresses is told apart, together by every command; none is taken for a file's name."""
    # All but silence answer, which a busy machine and its name servers take their time for.
    seconds = 0.3 if name == "silence" else PATIENCE
    monkeypatch.setattr(postgres_connections, "CONNECT_TIMEOUT", seconds)
    monkeypatch.setattr(postgres_schema, "_CONNECT_SECONDS", seconds)
    with (
        listener(b"HTTP/1.1 400 Bad Request\r\n\r\n") as web,
        listener(None) as silent,
        socket.socket() as probe,
    ):
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
        missing = tmp_path / "nowhere"
        address = dsn.format(free=free, postgres=cluster.port, web=web, silent=silent, missing=missing)
        authrim = CommandLine({**environment, "AUTHRIM_DATABASE": address, "AUTHRIM_PORT": str(taken_port)})
        way = Damage(name, words, whole=True, one_in=SHARES, first=number)
        try_every_command(authrim, way, taken_port, None)
        assert words in authrim.run("migrate", status=1).stderr
