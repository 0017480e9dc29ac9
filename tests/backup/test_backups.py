"""What is in a backup, who may read it, and that nothing else is restored."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg2
import pytest

from authrim.backup.manifest import BackupUnusable
from authrim.backup.postgres_tools import address_of
from authrim.store.read_back import ReadBack
from authrim.store.sqlite.schema import migrate_sqlite
from tests.backup.installation import Place, another_place, commands, environment_of, payloads
from tests.postgres_cluster import Cluster
from tests.store.log_samples import behind_its_back
from tests.support.browser import Browser
from tests.support.patience import PATIENCE
from tests.support.running import MASTER_KEY, running_server
from tests.support.tokens import OFFLINE

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
OTHER_KEY = "elsewhere.example+6d3ab2ed+ATP/Zgmg1Z8sbUJhZ4eYmLJeI5kJPmpn3Tnb0mnVl3dm"


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A backup of a new installation, which nobody changes, and the key that signed it."""
    folder = tmp_path_factory.mktemp("taken")
    migrate_sqlite(folder / "authrim.db")
    key = commands(folder / "authrim.db").json("backup", str(folder / "backup"))["key"]
    return folder / "backup", key


@pytest.fixture
def backup(taken: tuple[Path, str], tmp_path: Path) -> Path:
    """The same for a test that changes it."""
    return Path(shutil.copytree(taken[0], tmp_path / "backup"))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit(backup: Path, **changes: object) -> None:
    path = backup / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes, indent=1) + "\n")


def link(path: Path) -> None:
    shutil.move(path, path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a byte of the copy": (lambda backup: flip(backup / "database.sqlite"), "is not the file that was backed up"),
    "a copy that was cut off": (
        lambda backup: os.truncate(backup / "database.sqlite", 4096), "is not the file that was backed up"),
    "no copy": (lambda backup: (backup / "database.sqlite").unlink(), "no whole backup: it has no database.sqlite."),
    "the position": (lambda backup: edit(backup, position=1), "is not the one that was signed"),
    "another file": (
        lambda backup: edit(backup, files=[{"name": "../x", "size": 1, "sha256": ""}]), "does not name the file"),
    "the form of the manifest": (
        lambda backup: (backup / "manifest.json").write_text("[]"), "is no manifest of a backup"),
    "a member that nobody knows": (lambda backup: edit(backup, more=1), "is no manifest of a backup"),
    "the signature": (lambda backup: flip(backup / "checkpoint"), "checkpoint"),
    "no signature": (lambda backup: (backup / "checkpoint").unlink(), "it has no checkpoint"),
    "a manifest that leads elsewhere": (lambda backup: link(backup / "manifest.json"), "it has no manifest.json"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_backup_is_not_restored(backup: Path, tmp_path: Path, change: str) -> None:
    """A308: whatever is changed in a backup is named, and nothing is written."""
    make, said = CHANGES[change]
    make(backup)
    refused = commands(tmp_path / "restored.db").run("restore", str(backup), status=1).output
    assert said in refused
    assert not list(tmp_path.glob("restored.db*"))


def test_only_what_the_known_key_signed_is_restored(taken: tuple[Path, str], tmp_path: Path) -> None:
    """A308: with the key that an operator kept, a backup that another key signed is refused, and one that it
    signed is restored; a text that is no key is told as one."""
    folder, key = taken
    command = commands(tmp_path / "restored.db")
    refused = command.run("restore", str(folder), "--key", OTHER_KEY, status=1).output
    assert "this is no key" in refused or "did not sign" in refused
    assert "this is no key" in command.run("restore", str(folder), "--key", "nonsense", status=1).output
    assert command.json("restore", str(folder), "--key", key)["key_given"] is True


def test_a_master_key_that_is_missing_is_told(taken: tuple[Path, str], tmp_path: Path) -> None:
    """A308: whoever restores without the master keys of the backup is told which are missing, and where they belong,
    not first by a server that does not start."""
    restored, others = str(taken[0]), "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI"
    without = commands(tmp_path / "restored.db", MASTER_KEYS=others)
    told = without.run("restore", restored).output
    (wanted,) = json.loads((taken[0] / "manifest.json").read_text())["master_keys"]
    assert f"do not have the master keys {wanted}" in told
    assert "AUTHRIM_MASTER_KEYS" in told
    assert "master_keys_missing" not in commands(tmp_path / "again.db").json("restore", restored)


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_nothing_is_replaced(taken: tuple[Path, str], tmp_path: Path, suffix: str) -> None:
    """A308: a file that is there stays as it is: a database, or a write-ahead log that would be read with the copy."""
    there = tmp_path / f"restored.db{suffix}"
    there.write_text("precious")
    assert "is there" in commands(tmp_path / "restored.db").run("restore", str(taken[0]), status=1).output
    assert there.read_text() == "precious"
    assert len(list(tmp_path.glob("restored.db*"))) == 1


def test_a_restore_after_one_that_was_killed(taken: tuple[Path, str], tmp_path: Path) -> None:
    """F35: what a killed restore of another file left in its journal does not get into the next one."""
    partial = tmp_path / "restored.db.partial"
    subprocess.run([sys.executable, "-c", _KILLED, str(partial)], check=False, timeout=PATIENCE)
    assert partial.with_name("restored.db.partial-journal").stat().st_size
    told = commands(tmp_path / "restored.db").json("restore", str(taken[0]), "--verify")
    assert told["verified"]["ok"], told
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


#: Dies while pages of its transaction are in the file, and what stood there before in the journal.
_KILLED = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("CREATE TABLE other (value TEXT)")
database.executemany("INSERT INTO other VALUES (?)", [("x" * 3000,)] * 50)
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN")
database.execute("UPDATE other SET value = replace(value, 'x', 'y')")
os._exit(1)
"""


def test_a_backup_replaces_nothing(taken: tuple[Path, str]) -> None:
    """A directory that is there is not written into, and a backup of the other engine is not restored."""
    folder, _ = taken
    there = commands(folder.parent / "authrim.db").run("backup", str(folder), status=1).output
    assert "a backup never replaces anything" in there
    elsewhere = commands("postgresql://127.0.0.1:9/none").run("restore", str(folder), status=1).output
    assert "the backup is of SQLite" in elsewhere


def test_what_restore_asks_for(tmp_path: Path) -> None:
    """What is missing on the command line is said before anything is done."""
    command = commands(tmp_path / "restored.db")
    assert "--in-place" in command.run("restore", status=2).output
    assert "PostgreSQL" in command.run("restore", "--in-place", "--grant-to", "app", status=2).output


async def test_a_backup_opens_nothing(store: ReadBack, store_place: Place, tmp_path: Path) -> None:
    """A309: only its owner may read a backup, and no secret is in it: no master key, client secret, password, code or
    token. That it was taken is recorded."""
    async with running_server(store) as server:
        web = await server.client("web")
        tokens = await Browser(server).code_flow(web, **OFFLINE)
        secrets = [MASTER_KEY, web.secret or "", server.password, server.login]
        secrets += [tokens["access_token"], tokens["refresh_token"]]
    folder = tmp_path / "backup"
    command = partial(asyncio.to_thread, commands(store_place).json)
    await command("backup", str(folder), "--reason", "before the upgrade")
    assert oct(folder.stat().st_mode)[-3:] == "700"
    for path in folder.iterdir():
        assert oct(path.stat().st_mode)[-3:] == "600"
        content = path.read_bytes() if path.suffix != ".dump" else plain(path)
        assert [secret for secret in secrets if secret.encode() in content] == []
    ((_, recorded),) = payloads(store_place, "audit.question_asked.v1")
    assert (recorded["question"], recorded["reason"]) == ("backup", "before the upgrade")


def plain(dump: Path) -> bytes:
    """The rows of a dump as they are."""
    return subprocess.run(["pg_restore", "-f", "-", str(dump)], check=True, capture_output=True).stdout


def test_no_password_on_a_command_line() -> None:
    """A309: the tools get the password in their environment, from wherever it stands in the address."""
    for dsn in ("postgresql://app:s%40cret@db:5433/authrim?sslmode=require",
                "postgresql://app@db:5433/authrim?sslmode=require&password=s%40cret",
                "postgresql://app@db:5433/authrim?password=old&sslmode=require&password=s%40cret"):  # fmt: skip
        address = address_of(dsn)
        assert address.environment == {"PGPASSWORD": "s@cret"}
        assert address.dsn == "postgresql://app@db:5433/authrim?sslmode=require"
    assert address_of("postgresql:///authrim?host=/run/pg").dsn == "postgresql:///authrim?host=%2Frun%2Fpg"
    with pytest.raises(BackupUnusable, match="sslpassword"):
        address_of("postgresql://app@db/authrim?sslkey=client.key&sslpassword=s%40cret")


@pytest.fixture
def role(cluster: Cluster, postgres_dsn: str) -> Iterator[str]:
    """The role of a server."""
    name = "backup_app"
    cluster.execute(f"CREATE ROLE {name} LOGIN")
    try:
        yield name
    finally:
        database = postgres_dsn.rpartition("/")[2]
        cluster.execute(f"DROP OWNED BY {name} CASCADE", database)
        cluster.execute(f"DROP ROLE {name}")


def test_the_role_of_the_server(cluster: Cluster, postgres_dsn: str, role: str, tmp_path: Path) -> None:
    """A309: the role of the server takes backups; a restore lets it in again, and nobody else may call the functions
    that write. A database that has our schema is not restored into."""
    owner = commands(postgres_dsn)
    owner.json("migrate", "--grant-to", role)
    as_role = postgres_dsn.replace("postgresql://authrim@", f"postgresql://{role}@")
    commands(as_role).json("backup", str(tmp_path / "backup"))
    with another_place(postgres_dsn, tmp_path, lambda: cluster) as place:
        commands(place).json("restore", str(tmp_path / "backup"), "--grant-to", role)
        refused = commands(place).run("restore", str(tmp_path / "backup"), status=1).output
        assert "never replaces anything" in refused
        commands(str(place).replace("authrim@", f"{role}@", 1)).json("audit", "verify")
        with closing(psycopg2.connect(str(place))) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT proname FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) AS a"
                " WHERE pronamespace = 'authrim'::regnamespace AND a.grantee = 0"
            )
            assert cursor.fetchall() == []
        database = str(place).rpartition("/")[2]
        cluster.execute(f"DROP OWNED BY {role} CASCADE", database)


def test_an_owner_who_is_no_administrator(
    cluster: Cluster, postgres_dsn: str, role: str, tmp_path: Path
) -> None:
    """A309: whoever owns the empty database restores into it, and is told what is left to an administrator before the
    server's role can come through a pooler. A role that is not there is told before anything is loaded."""
    commands(postgres_dsn).json("backup", str(tmp_path / "backup"))
    with another_place(postgres_dsn, tmp_path, lambda: cluster) as place:
        database = str(place).rpartition("/")[2]
        cluster.execute(f"CREATE ROLE backup_owner LOGIN; ALTER DATABASE {database} OWNER TO backup_owner")
        owner = commands(cluster.dsn(database, "backup_owner"))
        assert (
            "--grant-to needs"
            in owner.run("restore", str(tmp_path / "backup"), "--grant-to", "", status=2).output
        )
        unknown = owner.run(
            "restore", str(tmp_path / "backup"), "--grant-to", "nobody_there", status=1
        ).output
        assert "no role nobody_there" in unknown
        assert behind_its_back(place, "SELECT to_regnamespace('authrim')::TEXT") == [(None,)]
        said = owner.run("restore", str(tmp_path / "backup"), "--grant-to", role).stderr
        assert f'ALTER ROLE "{role}" SET search_path TO' in said
        commands(cluster.dsn(database, role)).json("audit", "verify")
        cluster.execute(f"DROP OWNED BY {role} CASCADE", database)
    cluster.execute("DROP ROLE backup_owner")


def test_two_addresses_of_two_databases(cluster: Cluster, postgres_dsn: str, tmp_path: Path) -> None:
    """F34, F35: where ``database_listen`` leads to another database than ``database``, neither is backed up as the
    other or restored into; where both are one, the dump is taken there."""
    with another_place(postgres_dsn, tmp_path, lambda: cluster) as other:
        commands(other).json("migrate")
        two = commands(postgres_dsn, DATABASE_LISTEN=str(other))
        assert "another database" in two.run("backup", str(tmp_path / "two"), status=1).output
        assert not list(tmp_path.glob("two*"))
        one = commands(postgres_dsn, DATABASE_LISTEN=f"{postgres_dsn}?application_name=direct")
        one.json("backup", str(tmp_path / "one"))
    with another_place(postgres_dsn, tmp_path, lambda: cluster) as empty:
        two = commands(postgres_dsn, DATABASE_LISTEN=str(empty))
        assert "another database" in two.run("restore", str(tmp_path / "one"), status=1).output
        assert behind_its_back(empty, "SELECT to_regnamespace('authrim')::TEXT") == [(None,)]


def test_an_interrupted_restore(
    cluster: Cluster, postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F35: where a restore on PostgreSQL ends after the tables, the database is marked already; rows are there only
    together with what protects them, and a second restore says what to do."""
    commands(postgres_dsn).json("backup", str(tmp_path / "backup"))
    real = shutil.which("pg_restore")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/pg_restore").write_text(
        f'#!/bin/sh\ncase "$*" in *--section=post-data*) exit 1;; esac\nexec {real} "$@"\n'
    )
    (tmp_path / "bin/pg_restore").chmod(0o755)
    with another_place(postgres_dsn, tmp_path, lambda: cluster) as place:
        with monkeypatch.context() as changed:
            changed.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
            assert (
                "pg_restore ended"
                in commands(place).run("restore", str(tmp_path / "backup"), status=1).output
            )
        assert behind_its_back(place, "SELECT document FROM restored")
        assert not behind_its_back(place, "SELECT 1 FROM events")
        assert "DROP SCHEMA" in commands(place).run("restore", str(tmp_path / "backup"), status=1).output


def test_the_unit_takes_a_backup(tmp_path: Path) -> None:
    """What the timer of systemd starts is a shell that takes a backup under the name of its time."""
    migrate_sqlite(tmp_path / "authrim.db")
    unit = (UNITS / "authrim-backup.service").read_text()
    started = re.search(r"^ExecStart=/bin/sh -c '(.*)'$", unit, re.MULTILINE)
    assert started is not None
    script = started[1].replace("%%", "%").replace("$$", "$")  # systemd.unit(5), systemd.service(5)
    script = script.replace("/opt/authrim/bin/authrim", f"{sys.executable} -m authrim")
    script = script.replace(" --config /etc/authrim/authrim.toml", "").replace(
        "/var/lib/authrim-backups", str(tmp_path)
    )
    environment = os.environ | environment_of(tmp_path / "authrim.db")
    subprocess.run(
        ["/bin/sh", "-c", script], check=True, env=environment, capture_output=True, timeout=PATIENCE
    )
    (folder,) = tmp_path.glob("20*Z")
    assert (folder / "manifest.json").is_file()
