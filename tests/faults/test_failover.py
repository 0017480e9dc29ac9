"""A standby is promoted: nothing that was acknowledged is lost unnoticed, and one primary is left (F05, F06, F07)."""

import asyncio
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import psycopg2
import pytest
from structlog.testing import capture_logs

from authrim.server.rollback import StartRefused, refuse_rollback
from authrim.store.chain import verify
from authrim.store.contract import Conflict, Head, OutcomeUnknown, Unavailable
from authrim.store.postgres import connections as postgres_connections
from authrim.store.postgres import writer as postgres_writer
from authrim.store.postgres.fence import OTHER_PRIMARY
from authrim.store.postgres.store import PostgresStore
from authrim.transparency.background import checkpoints_of
from tests import postgres_cluster
from tests.doctor.examinations import findings, settings_at
from tests.postgres_cluster import Cluster
from tests.store.store_samples import grant_append
from tests.support.fencing import call_append
from tests.support.patience import PATIENCE
from tests.support.running import running_server
from tests.support.tcp_proxy import Proxy

#: No power fails here, only processes: they need not wait for the disk.
QUICK = ("-o", "-c fsync=off")


class Clusters(NamedTuple):
    """A primary, its standby, and a database with the schema, as they are before each test: stopped."""

    first: Cluster
    second: Cluster
    database: str


class Pair:
    """A primary with a standby, and the address by which servers find the one that is the primary."""

    def __init__(self, clusters: Clusters, proxy: Proxy) -> None:
        self.first, self.second, self.database = clusters
        self.proxy = proxy
        self.dsn = Cluster(self.first.folder, proxy.port).dsn(self.database)

    async def demand_standby(self, names: str) -> None:
        """Let commits of the primary wait for these standbys, or for none."""
        await self.caught_up()
        self.first.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        self.first.execute("SELECT pg_reload_conf()")
        await until(self.first, f"current_setting('synchronous_standby_names') = '{names}'")

    async def caught_up(self) -> None:
        """Wait until the standby has everything."""
        (lsn,) = asked(self.first.socket_dsn(self.database), "SELECT pg_current_wal_lsn()")
        await until(self.second, f"pg_last_wal_replay_lsn() >= '{lsn}'")

    def lead_to(self, cluster: Cluster) -> None:
        """From now on the address leads there; connections that are open are cut."""
        self.proxy.lead_to(cluster.port)


def asked(dsn: str, sql: str) -> tuple[Any, ...]:
    """The first row of a query, as the superuser."""
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
        assert row is not None
        return tuple(row)


async def until(cluster: Cluster, condition: str) -> None:
    """Wait until a condition in SQL holds there."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if asked(cluster.socket_dsn("postgres"), f"SELECT {condition}")[0]:
                return
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def clusters() -> Iterator[Clusters]:
    """Made once: a copy of their files is much cheaper than new ones."""
    first = postgres_cluster.start("--wal-segsize=1")
    database = first.new_database()
    second = postgres_cluster.start_standby(first)
    for cluster in (first, second):
        cluster.control("stop")
        copy(f"{cluster.folder}/data", f"{cluster.folder}/before")
    yield Clusters(first, second, database)
    for cluster in (first, second):
        shutil.rmtree(cluster.folder)


def copy(source: str, target: str) -> None:
    """A folder with its owner and its rights."""
    subprocess.run(["cp", "-a", source, target], check=True)


def ended(cluster: Cluster) -> None:
    """Stop a cluster that may hang, or be stopped already."""
    if Path(cluster.folder, "data/postmaster.pid").exists():
        cluster.signal_all(signal.SIGCONT)
        cluster.control("stop", "-m", "immediate")


@pytest.fixture
async def pair(clusters: Clusters) -> AsyncIterator[Pair]:
    """A pair whose standby follows; commits do not wait for it yet."""
    both = clusters.first, clusters.second
    for cluster in both:
        shutil.rmtree(f"{cluster.folder}/data")
        copy(f"{cluster.folder}/before", f"{cluster.folder}/data")
        cluster.control("start", *QUICK)
    try:
        async with Proxy(clusters.first.port) as proxy:
            yield Pair(clusters, proxy)
    finally:
        for cluster in both:
            ended(cluster)


@pytest.fixture(autouse=True)
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of what the server waits."""
    for module in (postgres_connections, postgres_writer):
        monkeypatch.setattr(module, "STATEMENT_TIMEOUT", 1.5)
    monkeypatch.setattr(postgres_connections, "CONNECT_TIMEOUT", 1.5)
    monkeypatch.setattr(postgres_connections, "ACQUIRE_TIMEOUT", 1.5)


@asynccontextmanager
async def opened(dsn: str, *, standby: bool = False) -> AsyncIterator[PostgresStore]:
    """A store of a process, until the block ends."""
    store = PostgresStore(dsn, standby=standby)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def appended(store: PostgresStore, name: str) -> None:
    """Append as soon as it can be done; whoever was not told may find that it was."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await store.append(grant_append(name))
                return
            except Conflict:
                return
            except Unavailable:
                await asyncio.sleep(0.05)


async def head_of(cluster: Cluster, pair: Pair) -> Head:
    """What a process that knows nothing reads there."""
    async with opened(cluster.dsn(pair.database)) as store:
        return await store.head()


async def test_a_synchronous_standby_is_promoted(pair: Pair) -> None:
    """F06: the primary hangs, its standby is promoted, and the old primary comes back: all that was acknowledged is
    there, a process that knows the new one neither writes to the old one nor reads from it, also where a pooler leads a
    statement there, and one that does not know the new one is not told that anything was recorded. The old primary is
    marked, for the case that it stays the primary."""
    await pair.demand_standby("*")
    async with opened(pair.dsn, standby=True) as store, opened(pair.dsn) as other:
        for number in range(5):
            await appended(store, f"g{number}")
        await other.head()
        pair.first.signal_all(signal.SIGSTOP)
        in_flight = asyncio.create_task(other.append(grant_append("in-flight")))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(pair.second.control, "promote")
        pair.lead_to(pair.second)
        with pytest.raises(Unavailable):
            await in_flight
        with pytest.raises(Unavailable, match="no standby has"):
            await store.append(grant_append("alone"))  # the new primary has no standby itself
        await appended(other, "after")
        assert {f"default:grant:g{n}" for n in range(5)} <= {e.stream for e in await other.read_log(0, 100)}
        assert (await verify(other)).problem is None
        named = other._fence.arguments()

        pair.first.signal_all(signal.SIGCONT)
        before = await head_of(pair.first, pair)
        assert before.position == 5
        with pytest.raises(asyncpg.PostgresError) as refused:
            await call_append(pair.first.dsn(pair.database), *named)
        assert refused.value.sqlstate == OTHER_PRIMARY
        pair.lead_to(pair.first)
        with capture_logs() as lines:
            with pytest.raises(Unavailable, match="old primary, of timeline 1"):
                await refused_for_good(other)
            with pytest.raises(Unavailable, match="old primary"):
                await other.read_stream("default:grant:g0")
        assert {line["event"] for line in lines} == {"store.old_primary"}
        assert len(lines) <= 2  # one of each process, however often it connects
        async with opened(pair.dsn) as ignorant:
            with pytest.raises(Unavailable):
                await ignorant.append(grant_append("ignorant"))
        assert (await head_of(pair.first, pair)).position == 5
        async with opened(pair.first.dsn(pair.database)) as old:
            await asyncio.wait_for(marked(old), PATIENCE)
        pair.lead_to(pair.second)
        await appended(other, "again")
        assert await other.restored.read() is None


async def refused_for_good(store: PostgresStore) -> None:
    """Append until it is known that nothing was committed; the connection was just cut."""
    while True:
        with suppress(OutcomeUnknown):
            await store.append(grant_append("late"))


async def test_what_no_standby_has_is_not_acknowledged(pair: Pair) -> None:
    """F06: while the standby is away, nobody is told that anything was recorded: not when the wait for it takes too
    long, and what is waited for is not visible; and not when somebody cancels the wait, after which it is. When the
    standby is back, the log goes on."""
    await pair.demand_standby("*")
    async with opened(pair.dsn) as store:
        await appended(store, "before")
        await asyncio.to_thread(pair.second.control, "stop", "-m", "immediate")
        with pytest.raises(OutcomeUnknown):
            await store.append(grant_append("waits"))
        assert (await store.read_stream("default:grant:waits")).version == 0
        with pytest.raises(Unavailable):
            await store.append(grant_append("behind-it"))
        await asyncio.to_thread(pair.second.control, "start", *QUICK)
        await appended(store, "after")
        assert (await store.read_stream("default:grant:waits")).version == 1

        await asyncio.to_thread(pair.second.control, "stop", "-m", "immediate")
        append = asyncio.create_task(store.append(grant_append("cancelled")))
        await until(pair.first, "count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        pair.first.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        with pytest.raises(OutcomeUnknown):
            await append
        assert (await store.read_stream("default:grant:cancelled")).version == 1
        await asyncio.to_thread(pair.second.control, "start", *QUICK)
        await appended(store, "at-last")


async def test_an_asynchronous_standby_is_promoted(pair: Pair, tmp_path: Path) -> None:
    """F05: a standby is promoted that lacks what was acknowledged. Who knows of it records and reads nothing more and
    is not ready, and no server starts on it until an operator accepts that, after which all that was issued ends."""
    async with opened(pair.dsn) as store, running_server(store) as server:
        await pair.caught_up()
        await asyncio.to_thread(pair.second.control, "stop")
        await appended(store, "lost")
        known = await store.head()
        await asyncio.to_thread(pair.first.control, "stop", "-m", "immediate")
        await asyncio.to_thread(pair.second.control, "start", *QUICK)
        await asyncio.to_thread(pair.second.control, "promote")
        with capture_logs() as lines:
            pair.lead_to(pair.second)
            async with asyncio.timeout(PATIENCE):
                while "store.log_differs" not in {line["event"] for line in lines}:
                    await server.http.get(server.url("/health/ready"))
        async with server.http.get(server.url("/health/ready")) as answer:
            assert answer.status == 503
        with pytest.raises(Unavailable, match=f"lacks what was known of it up to position {known.position}"):
            await store.append(grant_append("more"))
        with pytest.raises(Unavailable, match="accept-rollback"):
            await store.read_stream("default:grant:lost")
        async with opened(pair.dsn) as fresh:
            await asyncio.wait_for(marked(fresh), PATIENCE)
            settings = server.core.settings
            with pytest.raises(StartRefused, match=f"has come to {known.position} events"):
                await refuse_rollback(settings, fresh, None)
            with pytest.raises(StartRefused, match="--keep-grants"):
                await refuse_rollback(settings, fresh, "ticket 4711: the disk was lost", keep=True)
            await refuse_rollback(settings, fresh, "ticket 4711: the disk was lost")
            await refuse_rollback(settings, fresh, None)
            await appended(fresh, "accepted")


async def marked(store: PostgresStore) -> None:
    """Wait until the database says that its log was longer."""
    while True:
        if await store.restored.read() is not None:
            return
        await asyncio.sleep(0.02)


async def test_two_primaries(pair: Pair, tmp_path: Path) -> None:
    """F07: both are primaries, and commits wait for nothing, so both take appends. Each log is whole by itself; but who
    knows the one does not go over to the other, and a checkpoint of the one is not continued by the other."""
    state = tmp_path / "state"
    async with (
        opened(pair.dsn) as store,
        running_server(store, checkpoint_state_file=state) as server,
    ):
        await pair.caught_up()
        await asyncio.to_thread(pair.second.control, "promote")
        async with opened(pair.second.dsn(pair.database)) as other:
            for number in range(9):
                await appended(other, f"other-{number}")
            await appended(store, "one")
            await checkpoints_of(server.core).sign()
            for each in (store, other):
                assert (await verify(each)).problem is None
            assert (await other.head()).position > (await store.head()).position
            with pytest.raises(StartRefused, match="state_file has a checkpoint"):
                await refuse_rollback(server.core.settings, other, None)
        pair.lead_to(pair.second)
        async with asyncio.timeout(PATIENCE):
            while not store._fence.differs:
                with pytest.raises(Unavailable):
                    await store.append(grant_append("two"))
        async with opened(pair.second.dsn(pair.database)) as other:
            assert (await other.read_stream("default:grant:two")).version == 0


async def test_failover_demands_a_standby(pair: Pair) -> None:
    """F05: with ``database_failover``, no server opens a database whose commits wait for no standby, and one that runs
    records nothing as soon as they do not; the doctor names it, and a standby that nobody waits for."""
    settings = settings_at(pair.first.dsn(pair.database))
    await pair.caught_up()
    assert "durability.asynchronous" in await findings(settings, "database", "durability")
    demanding = settings.model_copy(update={"database_failover": True})
    assert "durability.unreplicated" in await findings(demanding, "database", "durability")
    with pytest.raises(Unavailable, match="synchronous_standby_names"):
        async with opened(pair.dsn, standby=True):
            pass
    await pair.demand_standby("*")
    assert set(await findings(demanding, "database", "durability")) <= {
        "durability.checksums",
        "durability.fsync",
    }
    assert "durability.failover_not_set" in await findings(settings, "database", "durability")
    async with opened(pair.dsn, standby=True) as store:
        await appended(store, "safe")
        await pair.demand_standby("")
        with pytest.raises(Unavailable, match="no standby has"):
            await store.append(grant_append("unsafe"))
