"""``authrim doctor`` behind PgBouncer, in each of its modes; and what it says is what a server needs."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from pydantic import SecretStr

from authrim.store import migrations
from authrim.store.contract import StoreError, Unavailable
from authrim.store.migrations import Migration
from authrim.store.postgres.application_role import grant_application_role
from authrim.store.postgres.schema import migrate_postgres
from authrim.store.postgres.store import PostgresStore
from tests.doctor.examinations import findings, settings_at
from tests.faults.test_stopped import QUICK, nobody_is_held_up
from tests.postgres_cluster import USER, Cluster
from tests.store.log_samples import behind_its_back
from tests.store.store_samples import grant_append
from tests.support.patience import PATIENCE
from tests.support.ports import free_port

pytestmark = pytest.mark.operations

_CONFIGURATION: Final = """
[databases]
* = host=127.0.0.1 port={postgres}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = {mode}
"""


@pytest.fixture
def role(cluster: Cluster, postgres_dsn: str) -> Iterator[str]:
    """A role that may log in."""
    database = postgres_dsn.rpartition("/")[2]
    name = f"pooled_{database}"
    cluster.execute(f"CREATE ROLE {name} LOGIN")
    yield name
    cluster.end_sessions(database)
    cluster.execute(f"DROP OWNED BY {name}", database)
    cluster.execute(f"DROP ROLE {name}")


@contextmanager
def pgbouncer(cluster: Cluster, dsn: str, role: str, mode: str, folder: Path) -> Iterator[str]:
    """PgBouncer in this mode; the address of the database through it. It does not run as root."""
    port = free_port()
    (folder / "users").write_text(f'"{role}" ""\n')
    file = folder / "pgbouncer.ini"
    file.write_text(_CONFIGURATION.format(postgres=cluster.port, port=port, folder=folder, mode=mode))
    for path in (folder, *folder.parents):
        if path.stat().st_uid == os.geteuid() and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o055)
    user = ["--user=nobody"] if os.geteuid() == 0 else []
    command = ["/usr/sbin/pgbouncer", *user, "-q", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"postgresql://{role}@127.0.0.1:{port}/{dsn.rpartition('/')[2]}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("PgBouncer does not listen")


@pytest.mark.parametrize("mode", ["transaction", "session"])
async def test_no_index_through_a_pooler(
    cluster: Cluster, postgres_dsn: str, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F21: an index that is made while servers write is not begun through a pooler, where the lock and the search path
    are those of another session."""
    text = "-- expand concurrently: an index\nCREATE INDEX CONCURRENTLY IF NOT EXISTS stray ON guard (expires_at);\n"
    of_ours = migrations.migrations
    monkeypatch.setattr(
        migrations,
        "migrations",
        lambda engine: [*of_ours(engine), Migration(9001, "9001_next.sql", text, "digest")],
    )
    with (
        pgbouncer(cluster, postgres_dsn, USER, mode, tmp_path) as dsn,
        pytest.raises(Unavailable, match="own address"),
    ):
        await migrate_postgres(dsn)
    assert behind_its_back(postgres_dsn, "SELECT 1 FROM pg_class WHERE relname = 'stray'") == []


async def _works(dsn: str, *, pooled: bool) -> bool:
    """Whether a store appends and reads through the pooler."""
    store = PostgresStore(dsn, statement_cache_size=0 if pooled else 100)
    try:
        await store.open()
        before = (await store.read_stream("default:grant:g")).version
        await store.append(grant_append("g", before))
        return (await store.read_stream("default:grant:g")).version == before + 1
    except StoreError:
        return False
    finally:
        await store.close()


@pytest.mark.parametrize("mode", ["transaction", "session"])
async def test_what_is_found_behind_a_pooler(
    cluster: Cluster, postgres_dsn: str, role: str, mode: str, tmp_path: Path
) -> None:
    """Decisions 8: the pooler and its mode are seen, and each setting that is missing; when nothing is found, the store
    works through it, and when ``pooler.not_set`` is, it does not."""
    await grant_application_role(postgres_dsn, role)
    direct = cluster.dsn(postgres_dsn.rpartition("/")[2], role)
    with pgbouncer(cluster, postgres_dsn, role, mode, tmp_path) as dsn:
        found = await findings(settings_at(dsn), "database", "pooler")
        assert "pooler.not_set" in found
        assert ("transaction" in found["pooler.not_set"].detail) == (mode == "transaction")
        assert "database_pooled = true" in found["pooler.not_set"].fix
        assert not await _works(dsn, pooled=False)

        found = await findings(settings_at(dsn, database_pooled=True), "database", "pooler")
        assert set(found) == {"pooler.no_listen"}
        through = {"database_pooled": True, "database_listen": SecretStr(dsn)}
        found = await findings(settings_at(dsn, **through), "database", "pooler")
        assert set(found) == ({"pooler.listens_to_pooler"} if mode == "transaction" else set())
        right = {"database_pooled": True, "database_listen": SecretStr(direct)}
        assert await findings(settings_at(dsn, **right), "database", "pooler") == {}
        assert await _works(dsn, pooled=True)

    cluster.execute(f"ALTER ROLE {role} RESET search_path")
    cluster.execute(f"ALTER ROLE {role} RESET jit")
    folder = tmp_path / "again"
    folder.mkdir()
    with pgbouncer(cluster, postgres_dsn, role, mode, folder) as dsn:
        found = await findings(settings_at(dsn, **right), "database", "pooler")
    assert found["pooler.role_settings"].detail.endswith("jit, search_path")


async def test_a_pooler_in_statement_mode(
    cluster: Cluster, postgres_dsn: str, role: str, tmp_path: Path
) -> None:
    """Decisions 8: it allows no transactions, which is told by its name. Before, the connection was said to be lost."""
    await grant_application_role(postgres_dsn, role)
    with pgbouncer(cluster, postgres_dsn, role, "statement", tmp_path) as dsn:
        found = await findings(settings_at(dsn, database_pooled=True), "database", "pooler")
    assert list(found) == ["database.unusable"]
    assert "pool_mode = transaction" in found["database.unusable"].detail


async def test_stopped_processes_hold_up_nobody_behind_a_pooler(
    cluster: Cluster, postgres_dsn: str, role: str, tmp_path: Path
) -> None:
    """F17, F22: through PgBouncer in transaction mode, the transaction of a process that stands still ends by itself as
    well: one limit comes with the role, the other with each transaction."""
    await grant_application_role(postgres_dsn, role)
    setting = "idle_in_transaction_session_timeout"
    cluster.execute(f"ALTER ROLE {role} SET {setting} = '{QUICK[setting]}'")
    with pgbouncer(cluster, postgres_dsn, role, "transaction", tmp_path) as dsn:
        await nobody_is_held_up(postgres_dsn, tmp_path, database=dsn, database_pooled=True)


async def test_the_writer_has_no_limit_behind_a_pooler(
    cluster: Cluster, postgres_dsn: str, role: str, tmp_path: Path
) -> None:
    """F06: a statement of the writer, which may wait for a standby, has no limit of PostgreSQL's, on the session of a
    transaction that had one; a transaction of the pool and of the followers has one."""
    await grant_application_role(postgres_dsn, role)
    with pgbouncer(cluster, postgres_dsn, role, "transaction", tmp_path) as dsn:
        store = PostgresStore(dsn, statement_cache_size=0)
        await store.open()
        connections = store._connections

        async def limit(connection: asyncpg.Connection) -> str:
            return str(await connection.fetchval("SHOW statement_timeout"))

        async def limit_of_page(connection: asyncpg.Connection) -> str:
            async with connection.transaction():
                return await limit(connection)

        assert await connections.in_transaction(limit) == "10s"
        assert await store._followers.run(limit_of_page) == "10s"
        writer = (await connections.connect()).connection
        assert await limit(writer) == "0"
        assert await limit_of_page(writer) == "0"
        await writer.close()
        await store.close()
