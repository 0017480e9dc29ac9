"""A throw-away PostgreSQL cluster for the tests: real binaries, ``fsync=on``, an unprivileged user.

One cluster serves a whole test run, also one that is spread over several workers: the first that needs it starts
it, the last that is done with it stops it.
"""

import asyncio
import fcntl
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import psycopg2

from authrim.store.postgres.schema import migrate_postgres
from tests.support.ports import free_port
from tests.support.processes import children

USER = "authrim"
_TEMPLATE = "authrim_template"
_SETTINGS = {
    "fsync": "on",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "log_min_messages": "fatal",
}

# Triggers refuse to delete from the log; as a replica the superuser passes them by. A test may have switched some off.
_EMPTY = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET session_replication_role = replica;
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT tablename FROM pg_tables
            WHERE schemaname = 'authrim' AND tablename NOT IN ('head', 'schema_migrations')
        LOOP
            EXECUTE format('DELETE FROM authrim.%I', name);
        END LOOP;
        FOR name IN SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgenabled = 'D'
        LOOP
            EXECUTE format('ALTER TABLE %s ENABLE TRIGGER USER', name);
        END LOOP;
    END $$;
    UPDATE authrim.head SET position = 0, chain_hash = decode(repeat('00', 32), 'hex'), changed_at = 0;
"""

_FUNCTIONS = """
    SELECT md5(string_agg(prosrc, '' ORDER BY proname, pronargs)) FROM pg_proc
    WHERE pronamespace = 'authrim'::regnamespace
"""


class Cluster(NamedTuple):
    """A running cluster: its folder, which holds the data and the socket, and its port on loopback."""

    folder: str
    port: int

    def dsn(self, database: str, user: str = USER) -> str:
        """Over TCP on loopback."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def socket_dsn(self, database: str, user: str = USER) -> str:
        """Over the Unix socket."""
        return f"postgresql://{user}@/{database}?host={self.folder}&port={self.port}"

    def new_database(self, template: str = _TEMPLATE, disk: Path | None = None) -> str:
        """Name of a new database: with the schema, or empty when made of ``template0``; its files are on ``disk``."""
        name = f"test_{uuid4().hex[:12]}"
        place = "" if disk is None else f"TABLESPACE {self._tablespace(disk)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} {place}")
        return name

    def _tablespace(self, disk: Path) -> str:
        name, folder = f"disk_{uuid4().hex[:12]}", disk / "tables"
        folder.mkdir()
        if (user := _unprivileged()) is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        self.execute(f"CREATE TABLESPACE {name} LOCATION '{folder}'")
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database with all its sessions."""
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, sql: str, database: str = "postgres") -> None:
        """One statement as the superuser."""
        with closing(psycopg2.connect(self.socket_dsn(database))) as connection:
            connection.autocommit = True
            connection.cursor().execute(sql)

    def empty_database(self, name: str) -> None:
        """End all sessions of a database and make its log and tables as new: much cheaper than a new one. What else a
        test changed would be there in the next one: AssertionError when it has other functions than the template."""
        with closing(psycopg2.connect(self.socket_dsn(name))) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(_EMPTY)
            cursor.execute(_FUNCTIONS)
            assert cursor.fetchone() == (self._functions(),), (
                "a test that changes functions needs a new database"
            )

    @cache  # noqa: B019 - one cluster lives as long as the process
    def _functions(self) -> str:
        """A digest of the functions of the template."""
        with (
            closing(psycopg2.connect(self.socket_dsn(_TEMPLATE))) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(_FUNCTIONS)
            (digest,) = cursor.fetchone()
            return str(digest)

    def end_sessions(self, database: str, which: str = "TRUE") -> None:
        """End the sessions of a database for which the condition ``which`` on ``pg_stat_activity`` holds. The cluster
        is shared, so those of other databases are another test's."""
        self.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            f" WHERE datname = '{database}' AND {which}"
        )

    def signal_all(self, number: signal.Signals) -> None:
        """A signal to each process of the server: SIGSTOP, as for a machine that hangs, SIGCONT, SIGKILL."""
        postmaster = int(Path(self.folder, "data/postmaster.pid").read_text().split()[0])
        for pid in (postmaster, *children(postmaster)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def control(self, action: str, *options: str) -> None:
        """``pg_ctl``: start, stop (``-m immediate``), restart, promote; waits until it is done."""
        settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        settings += f" -p {self.port} -k {self.folder}"
        start = ("-o", settings, "-l", f"{self.folder}/log") if action in {"start", "restart"} else ()
        _run([_binary("pg_ctl"), action, "-w", "-s", "-D", f"{self.folder}/data", *start, *options])

    def ensure_running(self) -> None:
        """Start it if it has ended by itself."""
        if not is_running(self):
            self.control("start")


def is_running(cluster: Cluster) -> bool:
    """Whether the server of the cluster runs."""
    try:
        _run([_binary("pg_ctl"), "status", "-D", f"{cluster.folder}/data"])
    except subprocess.CalledProcessError:
        return False
    return True


def start(*options: str, settings: str = "", folder: Path | None = None) -> Cluster:
    """Make a cluster in a folder of its own, with a database that has the schema, and start it. ``options``: more of
    initdb; ``settings``: lines of postgresql.conf; ``folder``: an empty one, in place of a temporary one."""
    cluster = _place(folder)
    initdb = [
        _binary("initdb"),
        "-D",
        f"{cluster.folder}/data",
        "-U",
        USER,
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-locale",
    ]
    _run([*initdb, *options])
    with Path(cluster.folder, "data/postgresql.conf").open("a") as configuration:
        configuration.write(settings)
    cluster.control("start")
    cluster.execute(f"CREATE DATABASE {_TEMPLATE}")
    asyncio.run(migrate_postgres(cluster.dsn(_TEMPLATE)))
    return cluster


def start_standby(primary: Cluster) -> Cluster:
    """Make a streaming standby of a cluster and start it. Whether commits wait for it, the primary says."""
    standby = _place()
    _run([
        _binary("pg_basebackup"), "-D", f"{standby.folder}/data", "-h", primary.folder, "-p", str(primary.port),
        "-U", USER, "--checkpoint=fast", "-R",
    ])  # fmt: skip
    standby.control("start")
    return standby


def _place(folder: Path | None = None) -> Cluster:
    """An empty folder that the server may write to, and a port that nobody listens at."""
    # The path of a socket must be short, and pytest's folders are closed to other users.
    folder = folder or Path(tempfile.mkdtemp(prefix="authrim-pg-"))
    if (user := _unprivileged()) is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    return Cluster(str(folder), free_port())


def stop(cluster: Cluster) -> None:
    """Stop a cluster, if it runs, and remove it."""
    if is_running(cluster):
        cluster.control("stop", "-m", "immediate")
    shutil.rmtree(cluster.folder)


@contextmanager
def shared(register: Path) -> Iterator[Cluster]:
    """The cluster of this test run, which is noted in the file ``register``."""
    with _register(register) as note:
        if not note.get("users"):
            note["cluster"] = start()
            note["users"] = 0
        note["users"] += 1
        cluster = Cluster(*note["cluster"])
    yield cluster
    with _register(register) as note:
        note["users"] -= 1
        if not note["users"]:
            stop(cluster)


@contextmanager
def _register(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        note: dict[str, Any] = json.loads(file.read() or "{}")
        try:
            yield note
        finally:
            file.truncate(0)
            file.write(json.dumps(note))


def run_tool(name: str, *arguments: str) -> None:
    """One of PostgreSQL's programs, as the user whom the cluster runs as."""
    _run([_binary(name), *arguments])


def _binary(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise RuntimeError("PostgreSQL's server binaries are missing: apt-get install postgresql")
    return path


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom the server runs as: it refuses root. None when we are not root ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL needs a user that is not root: make one named postgres")


def _run(command: list[str]) -> None:
    user = _unprivileged()
    identity: dict[str, Any] = {}
    if user is not None:
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=60, **identity)
