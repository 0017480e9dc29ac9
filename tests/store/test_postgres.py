"""What only PostgreSQL has: several processes, a network that fails, a head row, and roles."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from time import monotonic

import asyncpg
import psycopg2
import pytest

from authrim.store.chain import verify
from authrim.store.contract import (
    Append,
    AppendResult,
    Conflict,
    NewEvent,
    OutcomeUnknown,
    StoreError,
    StreamAppend,
    Unavailable,
)
from authrim.store.postgres import connections as postgres_connections
from authrim.store.postgres import writer as postgres_writer
from authrim.store.postgres.application_role import grant_application_role
from authrim.store.postgres.batch import arguments, event_columns
from authrim.store.postgres.fence import ANY_PRIMARY
from authrim.store.postgres.store import PostgresStore
from projections.rows import Row
from tests.postgres_cluster import Cluster
from tests.store.store_samples import METADATA, grant_append, new_event
from tests.support.patience import PATIENCE
from tests.support.tcp_proxy import Proxy


@pytest.fixture
async def store(postgres_dsn: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(postgres_dsn)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def proxy(cluster: Cluster) -> AsyncIterator[Proxy]:
    async with Proxy(cluster.port) as proxy:
        yield proxy


@pytest.fixture
async def through_proxy(proxy: Proxy, postgres_dsn: str, cluster: Cluster) -> AsyncIterator[PostgresStore]:
    """A store whose connections go through the proxy, with one append behind it."""
    store = PostgresStore(postgres_dsn.replace(str(cluster.port), str(proxy.port)))
    await store.open()
    await store.append(grant_append("before"))
    yield store
    await store.close()


@pytest.fixture
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second where the server waits three."""
    for module in (postgres_connections, postgres_writer):
        monkeypatch.setattr(module, "STATEMENT_TIMEOUT", 0.5)
    monkeypatch.setattr(postgres_connections, "CONNECT_TIMEOUT", 0.5)


# --- An append whose answer is lost -----------------------------------------------------------------------------


async def test_committed_but_not_told(through_proxy: PostgresStore, proxy: Proxy) -> None:
    """The connection dies after the statement was sent, before its answer: the append is found, not repeated (F09)."""
    proxy.swallow_answer = 200
    results = await asyncio.gather(
        *(through_proxy.append(grant_append(f"g{n}", events=2)) for n in range(20))
    )
    log = await through_proxy.read_log(0, 100)
    assert [event.position for event in log] == list(range(1, 42))
    for number, result in enumerate(results):
        own = [event for event in log if event.stream == f"default:grant:g{number}"]
        assert result == AppendResult(own[0].position, own[-1].position, own[0].recorded_at)
        assert len(own) == 2
    assert proxy.swallow_answer is None


async def test_lost_before_it_came(through_proxy: PostgresStore, proxy: Proxy) -> None:
    """The connection dies before the database has the statement: Unavailable, nothing is there, and the next works."""
    proxy.swallow_request = 200
    with pytest.raises(Unavailable) as unavailable:
        await through_proxy.append(grant_append("g"))
    assert not isinstance(unavailable.value, OutcomeUnknown)
    assert (await through_proxy.head()).position == 1
    assert (await through_proxy.append(grant_append("g"))).first_position == 2


async def test_a_session_that_was_lost_cannot_commit_later(
    through_proxy: PostgresStore, proxy: Proxy, postgres_dsn: str, short_timeouts: None
) -> None:
    """A statement that still waits in a lost session is ended before the outcome is told (F09)."""
    with closing(psycopg2.connect(postgres_dsn)) as holder:
        holder.cursor().execute("SELECT * FROM authrim.head FOR UPDATE")
        with pytest.raises(Unavailable) as unavailable:
            await through_proxy.append(grant_append("g"))
        assert not isinstance(unavailable.value, OutcomeUnknown)
        holder.rollback()
    await asyncio.sleep(0.3)
    assert (await through_proxy.head()).position == 1


async def test_a_silent_network(through_proxy: PostgresStore, proxy: Proxy, short_timeouts: None) -> None:
    """Packets are dropped: appends and reads are Unavailable in bounded time, and work again afterwards (F08)."""
    proxy.hold()
    append = asyncio.create_task(through_proxy.append(grant_append("g")))
    with pytest.raises(Unavailable):
        await through_proxy.read_stream("default:grant:before")
    with pytest.raises(OutcomeUnknown):
        await asyncio.wait_for(append, PATIENCE)
    proxy.cut()
    proxy.pass_on()
    while True:
        try:
            read = await through_proxy.read_stream("default:grant:g")
            break
        except Unavailable:
            await asyncio.sleep(0.05)
    await through_proxy.append(grant_append("g", read.version))
    assert (await verify(through_proxy)).problem is None


async def test_ended_sessions_are_made_anew(
    store: PostgresStore, cluster: Cluster, postgres_dsn: str
) -> None:
    """The database ends every session, as a restart does: within seconds everything works again (F04)."""
    await store.append(grant_append("g"))
    await store.find("sealed", "default:none")
    cluster.end_sessions(postgres_dsn.rpartition("/")[2])
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await store.append(grant_append("after"))
                await store.find("sealed", "default:none")
                break
            except Unavailable:
                await asyncio.sleep(0.05)
    assert (await store.head()).position == 2


# --- The head row -----------------------------------------------------------------------------------------------


async def test_a_held_head_row(store: PostgresStore, postgres_dsn: str) -> None:
    """While another transaction holds the head row appends are Unavailable in about a second; none is skipped (F38)."""
    await store.append(grant_append("a"))
    with closing(psycopg2.connect(postgres_dsn)) as holder:
        holder.cursor().execute("SELECT * FROM authrim.head FOR UPDATE")
        begun = monotonic()
        with pytest.raises(Unavailable):
            await store.append(grant_append("b"))
        assert 0.9 < monotonic() - begun < PATIENCE
        assert (await store.read_stream("default:grant:a")).version == 1
        holder.rollback()
    assert (await store.append(grant_append("b"))).first_position == 2


async def test_a_position_that_is_committed_late(store: PostgresStore, postgres_dsn: str) -> None:
    """F38: a transaction that has its positions and commits late lets nobody pass: others are Unavailable until then,
    and whoever follows the log meanwhile sees every position, in order."""
    seen: list[int] = []

    async def follow() -> None:
        while len(seen) < 6:
            seen.extend(event.position for event in await store.read_log(seen[-1] if seen else 0, 10))
            await asyncio.sleep(0.01)

    following = asyncio.create_task(follow())
    await store.append(grant_append("before"))
    late = [grant_append("late", events=2)]
    connection = await asyncpg.connect(postgres_dsn, server_settings={"search_path": "authrim"})
    async with connection.transaction():
        answer = await connection.fetchrow(
            postgres_writer._CALL, *arguments(late, event_columns(late)), *ANY_PRIMARY
        )
        assert answer["first_position"] == 2
        others = await asyncio.gather(
            *(store.append(grant_append(f"other{number}")) for number in range(3)), return_exceptions=True
        )
        assert {type(other) for other in others} == {Unavailable}
        assert seen in ([], [1])
    await connection.close()
    for number in range(3):
        await store.append(grant_append(f"other{number}"))
    await asyncio.wait_for(following, PATIENCE)
    assert seen == [1, 2, 3, 4, 5, 6]


async def test_two_processes_share_one_order(store: PostgresStore, postgres_dsn: str) -> None:
    """Two stores append in parallel, also to the same streams: no gap, no loss, one winner a version (F14)."""
    other = PostgresStore(postgres_dsn)
    await other.open()
    results = await asyncio.gather(
        *(one.append(grant_append(f"{n}")) for n in range(300) for one in (store, other)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, AppendResult) for result in results) == 300
    assert sum(isinstance(result, Conflict) for result in results) == 300
    log = await store.read_log(0, 1000)
    assert [event.position for event in log] == list(range(1, 301))
    assert len({event.stream for event in log}) == 300
    assert (await verify(store)).problem is None
    await other.close()


async def test_two_processes_reserve_a_key_once(store: PostgresStore, postgres_dsn: str) -> None:
    """Of two processes that see the same values in the same moment, one gets each; counters add up (F15)."""
    other = PostgresStore(postgres_dsn)
    await other.open()
    keys = [f"jti:{n}" for n in range(200)]
    granted = await asyncio.gather(
        *(one.reserve(key, 4_000_000_000) for one in (store, other) for key in keys),
        *(one.reserve(key, 4_000_000_000) for one in (other, store) for key in reversed(keys)),
    )
    assert sum(granted) == 200
    totals = await asyncio.gather(*(one.count("c", 60) for one in (store, other) for _ in range(50)))
    assert sorted(totals) == list(range(1, 101))
    await other.close()


# --- Followers --------------------------------------------------------------------------------------------------


async def test_a_lost_listen_connection(store: PostgresStore, postgres_dsn: str, cluster: Cluster) -> None:
    """Killed LISTEN sessions and false NOTIFYs: a follower sees every event, in order, none twice (F37)."""
    writer = PostgresStore(postgres_dsn)
    await writer.open()
    seen: list[int] = []

    async def follow() -> None:
        async for _hint in store.changes():
            while page := await store.read_log(seen[-1] if seen else 0, 7):
                seen.extend(event.position for event in page)
            if len(seen) >= 30:
                return

    following = asyncio.create_task(follow())
    for number in range(30):
        await writer.append(grant_append(f"g{number}"))
        cluster.execute("NOTIFY authrim, '1'", database=postgres_dsn.rsplit("/", 1)[1])
        if number % 10 == 5:
            cluster.end_sessions(postgres_dsn.rpartition("/")[2], "query LIKE 'LISTEN%'")
    async with asyncio.timeout(PATIENCE):
        await following
    assert seen == list(range(1, 31))
    await writer.close()


async def test_without_listen_the_poll_sees_it(store: PostgresStore, postgres_dsn: str) -> None:
    """A follower whose LISTEN can never be made is still told, by the poll behind it (F37)."""
    deaf = PostgresStore(postgres_dsn, listen_dsn="postgresql://authrim@127.0.0.1:1/none")
    await deaf.open()
    changes = deaf.changes()
    assert await anext(changes) == 0
    await store.append(grant_append("g"))
    assert await asyncio.wait_for(anext(changes), PATIENCE) == 1
    await deaf.close()


# --- What may be done to the log --------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["events", "ledger"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET recorded_at = 0", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_database_refuses_to_rewrite(
    store: PostgresStore, postgres_dsn: str, table: str, statement: str
) -> None:
    """UPDATE, DELETE and TRUNCATE of the log are refused by the database itself, also to the owner (A228)."""
    await store.append(grant_append("g"))
    with closing(psycopg2.connect(postgres_dsn)) as owner, pytest.raises(psycopg2.Error, match="append-only"):
        owner.cursor().execute(statement.format(f"authrim.{table}"))
    assert len(await store.read_log(0, 10)) == 1


@pytest.fixture
def application_dsn(cluster: Cluster, postgres_dsn: str) -> Iterator[str]:
    """The same database for a role that may only run the server."""
    database = postgres_dsn.rsplit("/", 1)[1]
    role = f"app_{database}"
    cluster.execute(f"CREATE ROLE {role} LOGIN")
    asyncio.run(grant_application_role(postgres_dsn, role))
    yield cluster.dsn(database, role)
    cluster.execute(f"DROP OWNED BY {role}", database)
    cluster.execute(f"DROP ROLE {role}")


@pytest.mark.parametrize(
    "setting", ["default_transaction_isolation TO serializable", "lock_timeout TO '1ms'"]
)
async def test_processes_append_beside_one_another_whatever_the_database_sets(
    cluster: Cluster, application_dsn: str, setting: str
) -> None:
    """F14: what an administrator has set for the database, for other programs, makes no append of several processes
    fail."""
    database = application_dsn.rsplit("/", 1)[1]

    async def append(name: str) -> None:
        store = PostgresStore(application_dsn)
        await store.open()
        try:
            for version in range(20):
                await store.append(grant_append(name, version))
        finally:
            await store.close()

    cluster.execute(f"ALTER DATABASE {database} SET {setting}")
    try:
        await asyncio.gather(*map(append, "abcd"))
    finally:
        cluster.execute(f"ALTER DATABASE {database} RESET ALL")


async def test_the_application_role_runs_the_server(application_dsn: str) -> None:
    """A role with the granted rights does all that the store does (decisions.md 11)."""
    store = PostgresStore(application_dsn)
    await store.open()
    row = Row("sealed", "put", {"key": "default:k", "tenant": "default", "ciphertext": b"x"})
    await store.append(grant_append("g", rows=(row,)))
    await store.append(grant_append("g", 1, rows=(Row("sealed", "drop", {"key": "default:*"}),)))
    assert (await store.read_stream("default:grant:g")).version == 2
    assert await store.reserve("jti", 4_000_000_000)
    assert await store.count("c", 60) == 1
    assert await store.retention.prune("sealed", ["default:k"], {}) == 0
    assert await store.retention.prune_due("guard", 5_000_000_000, 10) == 1
    assert (await verify(store)).problem is None
    await store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO authrim.events SELECT 2, stream_id, 2, type, payload, metadata, recorded_at, leaf"
        " FROM authrim.events",
        "UPDATE authrim.events SET version = 9",
        "DELETE FROM authrim.events",
        "TRUNCATE authrim.events",
        "UPDATE authrim.head SET position = 0",
        "DELETE FROM authrim.ledger",
        "UPDATE authrim.tokens SET revoked_at = NULL",
        "DELETE FROM authrim.sealed",
        "ALTER TABLE authrim.events DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "CREATE TABLE authrim.mine (a INT)",
    ],
)
async def test_the_application_role_cannot_go_round(application_dsn: str, statement: str) -> None:
    """Without the append function the application role changes nothing (decisions.md 11)."""
    refused = pytest.raises(psycopg2.errors.InsufficientPrivilege)
    with closing(psycopg2.connect(application_dsn)) as application, refused:
        application.cursor().execute(statement)


async def test_nobody_else_may_append(application_dsn: str, cluster: Cluster) -> None:
    """A role without grants can neither execute the append function nor read."""
    database = application_dsn.rsplit("/", 1)[1]
    cluster.execute(f"CREATE ROLE other_{database} LOGIN")
    try:
        with closing(psycopg2.connect(cluster.dsn(database, f"other_{database}"))) as other:
            for statement in ("SELECT * FROM authrim.events", "SELECT authrim.clock_us()"):
                with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                    other.cursor().execute(statement)
                other.rollback()
    finally:
        cluster.execute(f"DROP ROLE other_{database}")


# --- Values and settings ----------------------------------------------------------------------------------------


async def test_a_value_that_cannot_be_stored(store: PostgresStore) -> None:
    """A NUL in a stream's name fails that append alone, with an error that does not quote it."""
    bad = Append((StreamAppend("default:grant:\0secret", 0, (new_event(),)),), METADATA)
    results = await asyncio.gather(
        store.append(grant_append("a")),
        store.append(bad),
        store.append(grant_append("b")),
        return_exceptions=True,
    )
    assert [isinstance(result, AppendResult) for result in results] == [True, False, True]
    assert isinstance(results[1], StoreError)
    assert "secret" not in str(results[1])


async def test_without_a_statement_cache(store: PostgresStore, postgres_dsn: str, cluster: Cluster) -> None:
    """As behind PgBouncer in transaction mode: no prepared statements, settings from the role."""
    database = postgres_dsn.rsplit("/", 1)[1]
    role = f"pooled_{database}"
    cluster.execute(f"CREATE ROLE {role} LOGIN")
    await grant_application_role(postgres_dsn, role)
    pooled = PostgresStore(cluster.dsn(database, role), statement_cache_size=0)
    await pooled.open()
    await pooled.append(grant_append("g"))
    assert (await pooled.read_stream("default:grant:g")).version == 1
    assert (await pooled.find("token", "default:none")).row is None
    await pooled.close()
    cluster.execute(f"DROP OWNED BY {role}", database)
    cluster.execute(f"DROP ROLE {role}")


async def test_the_log_as_json(store: PostgresStore, postgres_dsn: str) -> None:
    """An auditor reads payload and metadata as JSON in SQL; foreign bytes do not break the view."""
    await store.append(grant_append("g"))
    foreign = Append((StreamAppend("default:es:x", 0, (NewEvent("t", b"\xff\x00"),)),), b"\xff")
    await store.append(foreign)
    connection = await asyncpg.connect(postgres_dsn)
    rows = await connection.fetch(
        "SELECT payload ->> 'number' AS number, metadata ->> 'actor' AS actor FROM authrim.log ORDER BY position"
    )
    await connection.close()
    assert [tuple(row) for row in rows] == [("0", "client"), (None, None)]
