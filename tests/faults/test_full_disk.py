"""Disks that are really full (F10, F11): a small file system under the data, and one under the log of the database."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import aiohttp
import pytest

from authrim.core import readiness
from authrim.store.chain import verify
from authrim.store.postgres.store import PostgresStore
from authrim.store.read_back import ReadBack
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from tests import postgres_cluster
from tests.postgres_cluster import Cluster
from tests.support.patience import PATIENCE
from tests.support.running import RunningServer, running_server
from tests.support.small_disk import SmallDisk, small_disk

SERVICE = {"grant_type": "client_credentials"}
#: PostgreSQL's own log in files of 1 MiB, and few of them.
_SMALL_LOG = ("--wal-segsize=1",)
_FEW_FILES = "min_wal_size = 2MB\nmax_wal_size = 4MB\n"


class Disks(NamedTuple):
    """A cluster, the disk under one of its databases, and the disk under its write-ahead log."""

    cluster: Cluster
    database: str
    data: SmallDisk
    log: SmallDisk


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user can look into."""
    with tempfile.TemporaryDirectory(prefix="authrim-disk-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def disk_or_skip(path: Path, megabytes: int) -> Iterator[SmallDisk]:
    """A small disk; the test is skipped where there can be none."""
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(small_disk(path, megabytes))
        except PermissionError as error:
            pytest.skip(str(error))
        yield disk


@pytest.fixture
def disks(folder: Path) -> Iterator[Disks]:
    """A cluster on small disks."""
    with ExitStack() as stack:
        data = stack.enter_context(disk_or_skip(folder / "data", 48))
        log = stack.enter_context(disk_or_skip(folder / "log", 24))
        cluster = postgres_cluster.start(*_SMALL_LOG, f"--waldir={log.path}/wal", settings=_FEW_FILES)
        stack.callback(postgres_cluster.stop, cluster)
        yield Disks(cluster, cluster.new_database(disk=data.path), data, log)


async def ask(server: RunningServer, path: str) -> tuple[int, dict[str, Any]]:
    async with server.http.get(server.url(path)) as answer:
        return answer.status, await answer.json()


async def readiness_of(server: RunningServer) -> str:
    told = (await ask(server, "/health/ready"))[1]
    return str(told.get("why", told["status"]))


async def until_refused(server: RunningServer, issued: list[str]) -> aiohttp.ClientResponse:
    """Ask for tokens until one cannot be recorded; what was given is added to ``issued``."""
    service = await server.client("service")
    async with asyncio.timeout(PATIENCE):
        while True:
            async with server.http.post(server.url("/token"), data=SERVICE, headers=service.basic) as answer:
                body = await answer.json()
                if answer.status != 200:
                    assert (answer.status, body["error"]) == (503, "temporarily_unavailable")
                    assert int(answer.headers["Retry-After"]) > 0
                    return answer
                issued.append(body["access_token"])


async def is_active(server: RunningServer, token: str) -> bool:
    api = await server.client("api")
    status, told = await server.post("/introspect", {"token": token}, api.basic)
    assert status == 200, told
    return bool(told["active"])


async def works_again(server: RunningServer) -> None:
    """Wait until tokens are given and the server is ready, by itself."""
    service = await server.client("service")
    deadline = monotonic() + PATIENCE
    while (await server.post("/token", SERVICE, service.basic))[0] != 200 or (
        await readiness_of(server) != "ready"
    ):
        assert monotonic() < deadline
        await asyncio.sleep(0.1)


async def full_and_free(server: RunningServer, disk: SmallDisk, store: ReadBack) -> None:
    """Fill the disk under the data, look at what goes on, and make room."""
    issued: list[str] = []
    await server.client("api")
    service = await server.client("service")
    issued.append((await server.post("/token", SERVICE, service.basic))[1]["access_token"])
    disk.fill()
    await until_refused(server, issued)
    assert (await ask(server, "/jwks"))[0] == 200
    assert (await ask(server, "/.well-known/openid-configuration"))[0] == 200
    assert await is_active(server, issued[0])
    assert await is_active(server, issued[-1])
    assert await readiness_of(server) == "store_cannot_write"
    disk.free()
    await works_again(server)
    assert all([await is_active(server, token) for token in issued])
    assert (await verify(store)).problem is None


@pytest.fixture(autouse=True)
def look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readiness tries to write whenever it is asked."""
    monkeypatch.setattr(readiness, "WRITE_SECONDS", 0.0)


async def test_a_full_disk_under_sqlite(folder: Path) -> None:
    """F10, F11: on a full disk appends are refused with 503, reads go on and readiness tells; with room the server goes
    on by itself, and has what it answered."""
    with disk_or_skip(folder / "disk", 24) as disk:
        path = disk.path / "authrim.db"
        migrate_sqlite(path)
        store = SQLiteStore(path, exclusive=True)
        await store.open()
        async with running_server(store) as server:
            await full_and_free(server, disk, store)
        await store.close()


async def test_full_disks_under_postgresql(disks: Disks) -> None:
    """F10: likewise when the volume of the tables is full. When that of PostgreSQL's own log is, PostgreSQL ends: then
    keys and metadata are served on, and the rest waits for it with 503; nothing that was answered is lost."""
    store = PostgresStore(disks.cluster.dsn(disks.database))
    await store.open()
    async with running_server(store) as server:
        await full_and_free(server, disks.data, store)
        issued: list[str] = []
        disks.log.fill()
        await until_refused(server, issued)
        assert (await ask(server, "/jwks"))[0] == 200
        assert (await ask(server, "/.well-known/openid-configuration"))[0] == 200
        assert await readiness_of(server) in ("store_unavailable", "store_cannot_write")
        disks.log.free()
        await asyncio.to_thread(disks.cluster.ensure_running)
        await works_again(server)
        assert all([await is_active(server, token) for token in issued])
        assert (await verify(store)).problem is None
    await store.close()
