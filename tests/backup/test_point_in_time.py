"""PostgreSQL's own recovery to a point in time, as docs/operations/backup.md says it."""

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from authrim.server.rollback import StartRefused, refuse_rollback
from authrim.store.postgres.store import PostgresStore
from tests import postgres_cluster
from tests.backup.installation import commands
from tests.postgres_cluster import Cluster
from tests.store.log_samples import write_grant
from tests.support.ports import free_port
from tests.support.processes import wait_until
from tests.support.running import development_settings

DATABASE = "authrim_template"
PAGE = Path(__file__).parents[2] / "docs" / "operations" / "backup.md"


@pytest.fixture
def archiving() -> Iterator[tuple[Cluster, Path]]:
    """A cluster of our own, which archives its write-ahead log, and the folder of the archive."""
    cluster = postgres_cluster.start()
    wal = Path(cluster.folder) / "wal"
    try:
        wal.mkdir()
        shutil.chown(wal, Path(cluster.folder).owner())
        for setting in ("wal_level", "archive_mode", "archive_command", "archive_timeout"):
            cluster.execute(f"ALTER SYSTEM SET {documented(setting, wal)}")
        cluster.control("restart")
        yield cluster, wal
    finally:
        postgres_cluster.stop(cluster)


async def test_recovery_to_a_point_in_time(archiving: tuple[Cluster, Path], tmp_path: Path) -> None:
    """F35: a base backup with the write-ahead log is recovered to a moment; the log ends there, without a gap, all of
    an older backup is in it, its tables are what it says, and no server starts on it before an operator accepts it."""
    cluster, wal = archiving
    dsn = cluster.dsn(DATABASE)
    store = PostgresStore(dsn)
    await store.open()
    await write_grant(store, "before")
    command = commands(dsn)
    await asyncio.to_thread(command.json, "backup", str(tmp_path / "older"))
    recovered = await asyncio.to_thread(base_backup, cluster)
    try:
        await write_grant(store, "after-the-base-backup")
        wanted = (await store.head()).position
        moment = ask(dsn, "SELECT clock_timestamp()::TEXT")
        await write_grant(store, "too-late")
        await store.close()
        await asyncio.to_thread(archived, dsn, wal)
        await asyncio.to_thread(cluster.control, "stop", "-m", "immediate")
        await asyncio.to_thread(recover, recovered, wal, moment)
        place = recovered.dsn(DATABASE)
        told = await asyncio.to_thread(
            commands(place).json, "restore", str(tmp_path / "older"), "--in-place", "--verify"
        )
        assert told["verified"]["ok"], told
        assert told["verified"]["position"] == wanted
        store = PostgresStore(place)
        await store.open()
        with pytest.raises(StartRefused, match="restored from a backup"):
            await refuse_rollback(development_settings(8080, database=place), store, None)
        await store.close()
    finally:
        await asyncio.to_thread(postgres_cluster.stop, recovered)
        await asyncio.to_thread(cluster.control, "start")


def base_backup(cluster: Cluster) -> Cluster:
    """Copy the cluster while it runs, into a folder of the same owner."""
    folder = Path(tempfile.mkdtemp(prefix="authrim-pg-"))
    shutil.chown(folder, Path(cluster.folder).owner())
    postgres_cluster.run_tool(
        "pg_basebackup", f"--pgdata={folder}/data", "--checkpoint=fast",
        "-h", cluster.folder, "-p", str(cluster.port), "-U", postgres_cluster.USER,
    )  # fmt: skip
    return Cluster(str(folder), free_port())


def archived(dsn: str, wal: Path) -> None:
    """Wait until all that was written is in the archive."""
    segment = ask(dsn, "SELECT pg_walfile_name(pg_switch_wal())")
    newest = f"SELECT coalesce(last_archived_wal >= '{segment}', FALSE) FROM pg_stat_archiver"
    wait_until(lambda: bool(ask(dsn, newest)))
    assert (wal / segment).exists()


def recover(cluster: Cluster, wal: Path, moment: str) -> None:
    """Start the copy, and let it read the archive up to a moment."""
    data = Path(cluster.folder) / "data"
    with (data / "postgresql.auto.conf").open("a") as file:
        for setting in ("restore_command", "recovery_target_action"):
            file.write(f"{documented(setting, wal)}\n")
        file.write(f"recovery_target_time = '{moment}'\narchive_mode = off\n")
    (data / "recovery.signal").touch()
    for path in (data / "postgresql.auto.conf", data / "recovery.signal"):
        os.chown(path, data.stat().st_uid, data.stat().st_gid)
    cluster.control("start")
    wait_until(lambda: ask(cluster.dsn(DATABASE), "SELECT pg_is_in_recovery()") is False)


def documented(setting: str, wal: Path) -> str:
    """A setting as the page has it, with our folder in the place of the one there."""
    found = re.search(rf"^{setting} = .*$", PAGE.read_text(), re.MULTILINE)
    assert found is not None, setting
    return found[0].replace("/mnt/wal", str(wal))


def ask(dsn: str, statement: str) -> Any:
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]
