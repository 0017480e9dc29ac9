"""Answers that may lag are read from a hot standby: up to one position, and only where it has the same log."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

import asyncpg
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from authrim.audit import readings as reading_log
from authrim.audit.follow import Follower
from authrim.audit.leaves import verify_log
from authrim.audit.past.moments import Time
from authrim.audit.readings import Readings
from authrim.audit.search import Wanted, search
from authrim.audit.tree import TreeFollower
from authrim.metrics import catalogue as metrics
from authrim.reports.period import period_of
from authrim.server.database_readings import DatabaseReadings
from authrim.store.contract import StoredEvent
from authrim.store.log_reading import LogSource
from authrim.store.postgres import connections
from authrim.store.postgres.replica import Replica, ReplicaConnection, ReplicaFailed
from authrim.store.postgres.store import PostgresStore
from domain.errors import Refusal
from projections.audit import AUDIT
from tests import postgres_cluster
from tests.auditor.test_questions import ask, positions, text
from tests.doctor.examinations import at, findings, settings_at
from tests.postgres_cluster import Cluster
from tests.store.store_samples import grant_append
from tests.support.browser import Browser
from tests.support.command_line import CommandLine
from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.running import MASTER_KEY, RunningServer, running_server

GRANT = "default:grant:{}"


class Pair(NamedTuple):
    """A primary with one standby, and a database of its own for a test."""

    primary: Cluster
    standby: Cluster
    database: str
    store: PostgresStore

    @property
    def replica(self) -> Replica:
        """The standby."""
        return Replica(self.standby.dsn(self.database), self.store)

    def readings(self, lag_limit: int = 60) -> Readings:
        """Those of a process."""
        return Readings(self.store, self.replica, lag_limit)

    async def append(self, *names: str) -> None:
        """Append an event for each, and let the index and the tree follow."""
        for name in names:
            await self.store.append(grant_append(name))
        await Follower(self.store, AUDIT).catch_up()
        await TreeFollower(self.store).catch_up()

    async def caught_up(self) -> None:
        """Wait until the standby has everything that is read there."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(ReplicaFailed):  # the database may not be there yet
                    connection = await self.replica.connect()
                    try:
                        if not (await connection.look()).behind:
                            return
                    finally:
                        connection.close()
                await asyncio.sleep(0.02)

    async def pause(self) -> None:
        """Let the standby stay as it is."""
        self.standby.execute("SELECT pg_wal_replay_pause()")
        connection = await asyncpg.connect(self.standby.dsn("postgres"))
        async with asyncio.timeout(PATIENCE):
            while True:
                if await connection.fetchval("SELECT pg_get_wal_replay_pause_state() = 'paused'"):
                    break
                await asyncio.sleep(0.01)
        await connection.close()

    def go_on(self) -> None:
        """Let it follow again."""
        self.standby.execute("SELECT pg_wal_replay_resume()")


@pytest.fixture(scope="module")
def clusters() -> Iterator[tuple[Cluster, Cluster]]:
    """One standby for all tests; the last one promotes it."""
    primary = postgres_cluster.start()
    standby = postgres_cluster.start_standby(primary)
    yield primary, standby
    for cluster in (standby, primary):
        postgres_cluster.stop(cluster)


@pytest.fixture
async def pair(clusters: tuple[Cluster, Cluster]) -> AsyncIterator[Pair]:
    """The two with a new database, in which nothing has happened."""
    primary, standby = clusters
    database = primary.new_database()
    store = PostgresStore(primary.dsn(database))
    await store.open()
    yield Pair(primary, standby, database, store)
    await store.close()
    with suppress(Exception):  # after the promotion there is nothing to go on with
        standby.execute("SELECT pg_wal_replay_resume()")


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for long for what does not come."""
    monkeypatch.setattr(reading_log, "WAIT", 0.3)
    monkeypatch.setattr(connections, "CONNECT_TIMEOUT", 1.5)


@pytest.fixture
async def server(pair: Pair) -> AsyncIterator[RunningServer]:
    """A server that reads from the standby."""
    place = pair.primary.dsn(pair.database)
    replica = SecretStr(pair.standby.dsn(pair.database))
    async with running_server(
        pair.store, database_replica=replica, background="inside", **at(place)
    ) as running:
        yield running


def fallbacks(reason: str) -> float:
    """How often the primary was read for that reason."""
    return metrics.REPLICA_FALLBACKS.series.get((reason,), 0)


async def test_an_answer_ends_at_one_position(pair: Pair) -> None:
    """F41: what the replica gets while an answer is read does not become part of it: not in the log, the ledger, a
    stream, the index or the tree. The log proves itself up to there, and the head is the primary's ledger row of it."""
    await pair.append("a", "b", "c")
    await pair.caught_up()
    with pair.readings().reading() as log:
        head = await log.head()
        await pair.append("d", "e")
        await pair.caught_up()
        assert head.position == 3
        assert [event.position for event in await log.read_log(0, 100)] == [1, 2, 3]
        assert [(one.last_position, one.chain_hash) for one in await log.read_ledger(2, 9)] == [
            (3, head.chain_hash)
        ]
        assert (await pair.store.compare(3)).chain_hash == head.chain_hash
        assert not await log.read_whole_stream(GRANT.format("d"))
        assert (await log.read_stream(GRANT.format("d"))).version == 0
        assert (await log.read_stream(GRANT.format("c"))).version == 1
        assert (await search(log, Wanted("default", {}), 100)).position == 3
        assert (await log.tree.size(), await log.tree.leaf(4)) == (3, None)
        proved = await verify_log(log)
        assert (proved.is_proof, proved.events, proved.chain_hash) == (True, 3, head.chain_hash)
        assert log.said == "Read from the replica, up to position 3."
    with pair.readings().reading() as later:
        assert (await later.head()).position == 5


async def test_what_the_replica_does_not_have_yet(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """F41: a question about a later position waits for it, and is then answered by the primary. A period that ends
    after what the replica has is not called complete there. Nothing is called absent because the replica lacks it, and
    one that is further behind than the limit is not read."""
    await pair.append("a", "b")
    await pair.caught_up()
    await pair.pause()
    await pair.append("c")
    now = Time((await pair.store.head()).now)
    readings = pair.readings()
    with readings.reading() as log:
        assert (await log.head()).position == 2
        assert isinstance(await period_of(log, None, now), Refusal)
    with readings.reading() as log:
        log.needs(None, now)
        period = await period_of(log, None, now)
        assert not isinstance(period, Refusal)
        assert (period.last_position, log.reached, log.fallback) == (3, None, "late")
    with readings.reading() as log:
        log.needs(3)
        assert len(await log.read_log(0, 9)) == 3
        assert log.said == "Read from the primary: the replica does not have the asked position yet."
    with readings.reading() as log:
        stream = GRANT.format("c")
        assert len(await log.found(lambda: log.read_whole_stream(stream))) == 1
        assert (log.reached, log.fallback) == (None, "absent")
    with pair.readings(lag_limit=0).reading() as log:
        assert ((await log.head()).position, log.fallback) == (3, "behind")
    settings = settings_at(
        pair.primary.dsn(pair.database), database_replica=SecretStr(pair.standby.dsn(pair.database))
    )
    found = await findings(settings.model_copy(update={"database_replica_lag": 0}), "database", "replica")
    assert found["replica.behind"].detail.startswith("1 events")
    monkeypatch.setattr(reading_log, "WAIT", PATIENCE)
    with readings.reading() as log:
        log.needs(4000)  # that no log has: nobody waits for it
        began = monotonic()
        assert ((await log.head()).position, log.fallback) == (3, "late")
        assert monotonic() - began < PATIENCE
    asyncio.get_running_loop().call_later(0.1, pair.go_on)
    with readings.reading() as log:
        log.needs(3)
        assert ((await log.head()).position, log.fallback) == (3, "")


async def test_a_replica_that_fails_in_the_middle(pair: Pair) -> None:
    """F41: a conflict with recovery, and the end of the session: what is left is read from the primary up to the same
    position, which is said. After a conflict the replica is tried again at once."""
    await pair.append("a", "b")
    pair.primary.execute("CREATE TABLE authrim.scratch ()", pair.database)
    pair.standby.execute("ALTER SYSTEM SET max_standby_streaming_delay = '50ms'")
    pair.standby.execute("SELECT pg_reload_conf()")
    await pair.caught_up()
    readings, before = pair.readings(), fallbacks("conflict")

    async def slow(source: LogSource) -> list[StoredEvent]:
        if isinstance(source, ReplicaConnection):
            await source._line.fetch("SELECT pg_sleep(30) FROM (SELECT count(*) FROM scratch) AS held")
        return list(await source.read_log(0, 100))

    with readings.reading() as log:
        assert (await log.head()).position == 2
        reading = asyncio.create_task(log.read(slow))
        await asyncio.sleep(0.2)
        pair.primary.execute("DROP TABLE authrim.scratch", pair.database)
        assert len(await reading) == 2
        await pair.append("c")
        assert [event.position for event in await log.read_log(0, 100)] == [1, 2]
        assert (await log.head()).position == 2
        assert log.said.startswith(
            "Read from the replica, up to position 2. The rest was read from the primary"
        )
    assert fallbacks("conflict") == before + 1
    await pair.caught_up()
    with readings.reading() as log:
        assert (await log.head()).position == 3
        pair.standby.end_sessions(pair.database)
        assert (await verify_log(log)).events == 3
        assert log.fallback == "lost"


async def test_a_replica_of_another_log_is_not_read(pair: Pair) -> None:
    """F41: another database, one without our tables, a primary, and an address where nobody is: each answer comes from
    the primary, and the log line, the metric and the doctor say why."""
    await pair.append("a", "b")
    other = pair.primary.new_database()
    beside = PostgresStore(pair.primary.dsn(other))
    await beside.open()
    await Pair(pair.primary, pair.standby, other, beside).append("x", "y")
    await pair.caught_up()
    await Pair(pair.primary, pair.standby, other, beside).caught_up()
    await beside.close()
    nobody = f"postgresql://authrim@127.0.0.1:{free_port()}/{pair.database}"
    for dsn, reason, finding in (
        (pair.standby.dsn(other), "other_log", "replica.other_log"),
        (pair.standby.dsn("postgres"), "other_log", "replica.other_log"),
        (pair.primary.dsn(pair.database), "not_standby", "replica.not_standby"),
        (nobody, "down", "replica.unusable"),
    ):
        before, readings = fallbacks(reason), Readings(pair.store, Replica(dsn, pair.store), 60)
        with capture_logs() as lines:
            for _ in range(2):
                with readings.reading() as log:
                    assert (await verify_log(log)).events == 2
                    assert (log.reached, log.fallback) == (None, reason)
        assert [line["reason"] for line in lines if line["event"] == "replica.not_read"] == [reason]
        assert fallbacks(reason) == before + 2
        settings = settings_at(pair.primary.dsn(pair.database), database_replica=SecretStr(dsn))
        assert finding in await findings(settings, "database", "replica")
        assert dsn not in str(lines)


async def test_an_auditor_is_told_how_far_the_answer_goes(
    pair: Pair, server: RunningServer, audit: Browser
) -> None:
    """F41: a search on a page is read from the standby, and says up to where; the question about a person is recorded
    at the primary first, and is no part of it. Of a later position the primary tells. The page of metrics has the
    lag."""
    await pair.caught_up()
    await pair.pause()
    position = (await pair.store.head()).position
    shown = await ask(audit, "/audit", account=server.subject, reason="ticket 7")
    assert f"Read from a replica of the log, up to position {position}." in text(shown)
    assert positions(shown)
    assert max(positions(shown)) <= position
    asked = await pair.store.read_log(position, 10)
    assert [event.type for event in asked] == ["audit.question_asked.v1"]
    await DatabaseReadings(server.core).read()
    assert metrics.REPLICA_BEHIND.series[()] == 1
    assert metrics.REPLICA_LAG.series[()] > 0
    shown = await ask(audit, "/audit", type="audit.question_asked.v1", to=str(position + 1))
    assert "Read from a replica" not in text(shown)
    assert positions(shown) == [position + 1]


async def test_a_replica_that_hangs_holds_up_nobody_else(
    pair: Pair, server: RunningServer, audit: Browser
) -> None:
    """F41: while an auditor waits for a standby that does not answer, no connection of the serving pool is in use, the
    server is ready, and the answer comes from the primary in the end."""
    await pair.caught_up()
    form = await audit.request("GET", server.url("/audit"))
    pair.standby.signal_all(signal.SIGSTOP)
    try:
        asking = asyncio.create_task(audit.submit(form, client="nobody"))
        pool = pair.store._connections._pool
        assert pool is not None
        busy = []
        while len(busy) < 10:  # the followers look at the head now and then
            await asyncio.sleep(0.05)
            busy.append(pool.get_size() - pool.get_idle_size())
        assert not asking.done()
        assert min(busy) == 0
        async with server.http.get(server.url("/health/ready")) as ready:
            assert ready.status == 200
        shown = await asking
        assert (shown.status, "Read from a replica" in text(shown)) == (200, False)
    finally:
        pair.standby.signal_all(signal.SIGCONT)


async def test_commands_say_where_they_have_read(pair: Pair) -> None:
    """F41: on standard error, so that no pipe is disturbed; ``audit verify --primary`` reads the primary."""
    await pair.append("a", "b")
    await pair.caught_up()
    line = CommandLine(
        {
            "AUTHRIM_ISSUER": "https://login.example.com",
            "AUTHRIM_MASTER_KEYS": MASTER_KEY,
            "AUTHRIM_DATABASE": pair.primary.dsn(pair.database),
            "AUTHRIM_DATABASE_REPLICA": pair.standby.dsn(pair.database),
        }
    )
    read = "Read from the replica, up to position 2."
    verified = await asyncio.to_thread(line.run, "audit", "verify")
    assert read in verified.stderr
    assert "Proved: 2 events" in verified.stdout
    assert read in (await asyncio.to_thread(line.run, "audit", "search", "--to", "2")).stderr
    primary = await asyncio.to_thread(line.run, "audit", "verify", "--primary")
    assert "Read from" not in primary.output


async def test_a_replica_that_is_promoted(pair: Pair) -> None:
    """F41: an answer that had begun is finished as it was; the next one is not read there."""
    await pair.append("a", "b")
    await pair.caught_up()
    readings = pair.readings()
    with readings.reading() as log:
        assert (await log.head()).position == 2
        await asyncio.to_thread(pair.standby.control, "promote")
        await pair.append("c")
        assert ((await verify_log(log)).events, log.fallback) == (2, "")
    with readings.reading() as log:
        assert ((await log.head()).position, log.fallback) == (3, "not_standby")
