"""What a past costs: ``python -m bench.retention``.

Two servers answer the same requests in turn: one on a new database, one on a database with a million expired tokens and
a hundred thousand ended sessions, after these have left its tables.
"""

import asyncio
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic, process_time
from typing import Any, Final, NamedTuple

import click
import structlog

from authrim.audit.follow import Follower
from authrim.audit.tree import TreeFollower
from authrim.core.execute import Change, append_of
from authrim.core.origin import Origin
from authrim.core.retention import Retention
from authrim.crypto.ids import new_id
from authrim.store.migrate import is_postgres
from authrim.store.monitor_contract import MONITOR
from authrim.store.postgres.schema import connect, migrate_postgres
from authrim.store.postgres.store import PostgresStore
from authrim.store.read_back import ReadBack
from authrim.store.sqlite.lane import connect as connect_sqlite
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from domain.grant import events as grant
from domain.grant.grant import NOTHING
from domain.person.session import NO_SESSION, fold
from domain.person.session_events import SessionEnded, SessionStarted
from domain.stream import DEFAULT_TENANT, grant_stream, session_stream
from domain.units import HOUR
from projections.audit import AUDIT
from projections.outbox import OUTBOX
from tests.postgres_cluster import start, stop
from tests.support.browser import Browser, authenticated_post
from tests.support.running import RunningServer, development_settings, running_server

_HASH: Final = "q4pXlIxWk0yCJvP1GkZxk0s3Nf1m4mB2Qq1mU5b7t9w"
#: Sessions that are written together.
_TOGETHER: Final = 128
#: Requests of each kind that are not counted.
_WARM: Final = 20
_METADATA: Final = Origin(DEFAULT_TENANT, client_id="shop").metadata()

Request = Callable[[], Awaitable[object]]


class Figure(NamedTuple):
    """One kind of request: median milliseconds on the new and on the old database, and how fast the old one is compared
    with the new one, in time and in processor time."""

    kind: str
    new: float
    old: float
    ratio: float
    cpu_ratio: float


async def write_past(store: ReadBack, sessions: int, tokens_each: int) -> None:
    """Sessions that have ended, each with so many tokens that have expired."""
    now = (await store.head()).now // 1_000_000
    for first in range(0, sessions, _TOGETHER):
        together = range(first, min(first + _TOGETHER, sessions))
        await asyncio.gather(*(_one_session(store, number, tokens_each, now - HOUR) for number in together))
    await Follower(store, OUTBOX, page=5000).catch_up()
    while taken := await store.take_deliveries(1000, 60):
        await store.outbox.add((), [row.position for row in taken])


async def _one_session(store: ReadBack, number: int, tokens: int, then: int) -> None:
    person, session = f"0192f3a4b5c6d7e8f9{number % 1000:014d}", new_id()
    started = SessionStarted(person, _HASH, then, "urn:authrim:acr:password", ("pwd",), then + 600)
    issued = tuple(
        grant.AccessTokenIssued(
            f"{new_id()}{one}", "jwt", "shop", ("openid",), ("https://login.example.com",), then, then + 600,
            person, session_id=session, auth_time=then, signing_kid="yEC3KplnmtSuV71GI_qhBS9sQhd",
        )
        for one in range(tokens)
    )  # fmt: skip
    stream = session_stream(DEFAULT_TENANT, session)
    of_grant = Change(grant_stream(DEFAULT_TENANT, new_id()), 0, issued, NOTHING)
    began = (Change(stream, 0, (started,), NO_SESSION), of_grant)
    await store.append(append_of(began, _METADATA))
    ended = Change(stream, 1, (SessionEnded("logout", then),), fold((started,)))
    await store.append(append_of((ended,), _METADATA))


async def compare(servers: Sequence[RunningServer], requests: int) -> list[Figure]:
    """The same requests to the new and the old server in turn."""
    kinds = [await _kinds(server) for server in servers]
    return [await _compare(kind, [of_server[kind] for of_server in kinds], requests) for kind in kinds[0]]


async def _kinds(server: RunningServer) -> Mapping[str, Request]:
    web, browser = await server.client("web"), Browser(server)
    tokens = await browser.code_flow(web, scope="openid offline_access", prompt="consent")
    shown = tokens["access_token"]

    async def introspection() -> None:
        assert (await server.post("/introspect", {"token": shown}, web.basic))[1]["active"]

    async def refresh() -> None:
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        status, answer = await authenticated_post(server, web, "/token", form)
        assert status == 200, answer
        tokens.update(answer)

    return {"introspection": introspection, "refresh": refresh, "code flow": lambda: browser.code_flow(web)}


async def _compare(kind: str, pair: Sequence[Request], requests: int) -> Figure:
    times: tuple[list[float], list[float]] = ([], [])
    cpu: tuple[list[float], list[float]] = ([], [])
    for number in range(-_WARM, requests):
        for which in (0, 1) if number % 2 else (1, 0):
            began, used = monotonic(), process_time()
            await pair[which]()
            if number >= 0:
                times[which].append((monotonic() - began) * 1000)
                cpu[which].append(process_time() - used)
    new, old = (statistics.median(one) for one in times)
    # Each request is compared with its neighbour, so that what else the machine does weighs on both.
    ratio = statistics.median(a / b for a, b in zip(*times, strict=True))
    return Figure(kind, new, old, ratio, statistics.median(a / b for a, b in zip(*cpu, strict=True)))


async def opened(database: str) -> ReadBack:
    """A store on a new database."""
    if is_postgres(database):
        await migrate_postgres(database)
        store: Any = PostgresStore(database)
    else:
        migrate_sqlite(Path(database))
        store = SQLiteStore(Path(database))
    await store.open()
    return store  # type: ignore[no-any-return]


async def _pass_over(store: ReadBack, database: str) -> None:
    """Let the audit index and the monitor, which have tables of their own, begin at the end of what was written."""
    await TreeFollower(store).catch_up()
    position = (await store.head()).position
    rows = ", ".join(f"('{name}', {position})" for name in (AUDIT.name, MONITOR))
    statement = f"INSERT INTO followers (name, position) VALUES {rows}"
    if is_postgres(database):
        postgres = await connect(database)
        await postgres.execute(statement.replace("followers", "authrim.followers", 1))
        await postgres.execute("VACUUM ANALYZE")
        await postgres.close()
    else:
        connection = connect_sqlite(Path(database))
        connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()


async def measure(databases: Sequence[str], sessions: int, tokens_each: int, requests: int) -> list[Figure]:
    """Fill the second database with a past, let it leave, and compare."""
    async with AsyncExitStack() as stack:
        stores = [await opened(database) for database in databases]
        for store in stores:
            stack.push_async_callback(store.close)
        old = stores[1]
        began = monotonic()
        await write_past(old, sessions, tokens_each)
        print(f"written in {monotonic() - began:.0f} s: {(await old.head()).position} events", flush=True)
        settings = await _prune(old)
        await _pass_over(old, databases[1])
        servers = [await stack.enter_async_context(running_server(store)) for store in stores]
        figures = await compare(servers, requests)
        now = (await old.head()).now // 1_000_000
        for state in await Retention(old, settings).measure(now):
            print(f"  {state.name}: {state.rows} rows, {state.due} due, {state.pruned} have left", flush=True)
        return figures


async def _prune(store: ReadBack) -> Any:
    settings = development_settings(1)
    later = (await store.head()).now // 1_000_000 + 2 * HOUR
    began, used = monotonic(), process_time()
    deleted = await Retention(store, settings).all_due(later)
    seconds, total = monotonic() - began, sum(deleted.values())
    print(
        f"left in {seconds:.0f} s ({process_time() - used:.0f} s of this process): {total} rows,"
        f" {total / seconds:.0f} per second: {deleted}",
        flush=True,
    )
    return settings


@click.command()
@click.option("--sessions", default=100_000, help="Sessions that have ended.")
@click.option("--tokens", default=1_000_000, help="Tokens of these that have expired.")
@click.option("--requests", default=600, help="Requests of each kind, to each server.")
@click.option("--postgres", is_flag=True, help="On a PostgreSQL cluster of its own instead of SQLite files.")
def main(sessions: int, tokens: int, requests: int, *, postgres: bool) -> None:
    """Print how fast the old server is compared with the new one, for each kind of request."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as folder:
        databases = [str(Path(folder) / name) for name in ("new.db", "old.db")]
        cluster = start() if postgres else None
        if cluster is not None:
            databases = [cluster.dsn(cluster.new_database()) for _ in databases]
        try:
            for figure in asyncio.run(measure(databases, sessions, tokens // sessions, requests)):
                print(
                    f"{figure.kind}: {figure.new:.2f} ms new, {figure.old:.2f} ms old, ratio {figure.ratio:.3f},"
                    f" in processor time {figure.cpu_ratio:.3f}"
                )
        finally:
            if cluster is not None:
                stop(cluster)


if __name__ == "__main__":
    main()
