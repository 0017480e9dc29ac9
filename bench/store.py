"""How fast the store is: appends, token look-ups and stream reads per second, compared with one transaction or query
for each.

``python bench/store.py [--write]`` starts its own PostgreSQL cluster and takes less than two minutes. Both sides run in
turn (A B A B) in one process on one machine, each on the same data. The figures are medians of the rounds. The exit
status is 1 when a ratio is below the store's promise.
"""

import argparse
import asyncio
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple, Protocol

import asyncpg

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from authrim.store.contract import Append, LookupResult, NewEvent, Store, StreamAppend, StreamRead  # noqa: E402
from authrim.store.postgres import batch as postgres_batch  # noqa: E402
from authrim.store.postgres import reads as postgres_reads  # noqa: E402
from authrim.store.postgres import schema as postgres_schema  # noqa: E402
from authrim.store.postgres.connections import SESSION  # noqa: E402
from authrim.store.postgres.fence import ANY_PRIMARY  # noqa: E402
from authrim.store.postgres.store import PostgresStore  # noqa: E402
from authrim.store.sqlite import reads as sqlite_reads  # noqa: E402
from authrim.store.sqlite import schema as sqlite_schema  # noqa: E402
from authrim.store.sqlite import writes as sqlite_writes  # noqa: E402
from authrim.store.sqlite.clock import Clock  # noqa: E402
from authrim.store.sqlite.lane import Lane  # noqa: E402
from authrim.store.sqlite.store import SQLiteStore  # noqa: E402
from projections.rows import Row  # noqa: E402
from projections.tables import token_key  # noqa: E402
from tests import postgres_cluster  # noqa: E402

PAGE = ROOT / "docs" / "operations" / "benchmarks-store.md"
TASKS = (1, 64, 256)
ROUNDS = 7
SECONDS = 0.25
#: Grants in the log before the measurement, with six events and one token row per grant.
GRANTS = 3000
#: The lowest allowed ratio with 64 waiting tasks, by database and kind of work.
REQUIRED = {
    ("PostgreSQL", "append"): 5.0,
    ("PostgreSQL", "look-up"): 5.0,
    ("PostgreSQL", "stream read"): 5.0,
    ("SQLite", "append"): 3.0,
}

PAYLOAD = (
    b'{"type":"grant.access_token_issued.v1","token_id":"%s","client_id":"bench","scope":"openid profile"}'
)
METADATA = (
    b'{"tenant":"default","actor":"client","client_id":"bench","trace":"0af7651916cd43dd8448eb211c80319c"}'
)


class Side(Protocol):
    """One implementation of the three kinds of work."""

    async def append(self, append: Append) -> object: ...
    async def look_up(self, key: str) -> object: ...
    async def read_stream(self, stream: str) -> object: ...


class GroupCommitStore:
    """The store as the server uses it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def append(self, append: Append) -> object:
        return await self._store.append(append)

    async def look_up(self, key: str) -> object:
        return (await self._store.find("token", key)).row

    async def read_stream(self, stream: str) -> object:
        return (await self._store.read_stream(stream)).payloads


class PostgresEach:
    """A pool of eight connections; one transaction per append and one query per read, by the same SQL."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def append(self, append: Append) -> object:
        columns = postgres_batch.event_columns([append])
        arguments = (*postgres_batch.arguments([append], columns), *ANY_PRIMARY)
        places = ", ".join(f"${number}" for number in range(1, len(arguments) + 1))
        answer = await self._pool.fetchrow(f"SELECT * FROM append_batch({places})", *arguments)
        return postgres_batch.results([append], answer)

    async def look_up(self, key: str) -> object:
        row = await self._pool.fetchrow(postgres_reads.FIND["token"], [key])
        return LookupResult(dict(row), row["now"]).row

    async def read_stream(self, stream: str) -> object:
        row = await self._pool.fetchrow(postgres_reads.STREAMS, [stream])
        payloads = tuple(zip(row["types"], row["payloads"], strict=True))
        return StreamRead(row["versions"], payloads, row["now"]).payloads


class SQLiteEach:
    """One thread for writes and one for reads; one commit per append and one query per read, by the same SQL."""

    def __init__(self, path: Path) -> None:
        self.writer = Lane(path, "each-write")
        self.reader = Lane(path, "each-read")
        self._clock = Clock()

    async def append(self, append: Append) -> object:
        return await self.writer.run(sqlite_writes.commit_batch, [append], self._clock)

    async def look_up(self, key: str) -> object:
        return await self.reader.run(sqlite_reads.find_rows, "token", [key])

    async def read_stream(self, stream: str) -> object:
        return await self.reader.run(sqlite_reads.read_streams, [stream])


class Sample(NamedTuple):
    """The result of one run: operations per second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


class Line(NamedTuple):
    """One line of the table: the medians of both sides, and the ratio of their rates in each round."""

    engine: str
    work: str
    tasks: int
    grouped: Sample
    each: Sample
    ratios: list[float]

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def required(self) -> float | None:
        return REQUIRED.get((self.engine, self.work)) if self.tasks == 64 else None


def grant_name(number: int) -> str:
    return f"{number:032x}"


def stream_of(number: int) -> str:
    return f"default:grant:{grant_name(number)}"


def new_grant(number: int, events: int) -> Append:
    """A grant's first events, with the row of its access token."""
    name = grant_name(number)
    payload = PAYLOAD % name.encode()
    values = {
        "key": token_key("default", name, name),
        "tenant": "default",
        "grant_id": name,
        "client_id": "bench",
        "subject": "subject",
        "session_id": None,
        "document": payload.decode(),
        "expires_at": 4_000_000_000,
        "revoked_at": None,
        "sent_hash": None,
    }
    event = NewEvent("grant.access_token_issued.v1", payload)
    part = StreamAppend(stream_of(number), 0, (event,) * events)
    return Append((part,), METADATA, (Row("tokens", "put", values),))


def works(side: Side, numbers: Iterator[int]) -> Mapping[str, Callable[[], Awaitable[object]]]:
    """The three kinds of work, each call on its own data."""
    reads = count()

    async def append() -> object:
        return await side.append(new_grant(next(numbers), 1))

    async def look_up() -> object:
        name = grant_name(next(reads) * 7919 % GRANTS)
        return await side.look_up(token_key("default", name, name))

    async def read_stream() -> object:
        return await side.read_stream(stream_of(next(reads) * 7919 % GRANTS))

    return {"append": append, "look-up": look_up, "stream read": read_stream}


async def measure(work: Callable[[], Awaitable[object]], tasks: int) -> Sample:
    """Let ``tasks`` tasks repeat the work for a short time."""
    latencies: list[float] = []
    started = perf_counter()

    async def repeat() -> None:
        now = perf_counter()
        while now - started < SECONDS:
            assert await work(), "the work found nothing"
            before, now = now, perf_counter()
            latencies.append(now - before)

    await asyncio.gather(*(repeat() for _ in range(tasks)))
    elapsed = perf_counter() - started
    latencies.sort()
    at = [latencies[int(len(latencies) * share)] * 1000 for share in (0.50, 0.99)]
    return Sample(len(latencies) / elapsed, *at)


async def compare(engine: str, grouped: Side, each: Side) -> AsyncIterator[Line]:
    """Measure both sides in turn, for every kind of work and number of tasks."""
    numbers = count()
    await fill(grouped, numbers)
    sides = works(grouped, numbers), works(each, numbers)
    for work in sides[0]:
        for tasks in TASKS:
            samples: tuple[list[Sample], list[Sample]] = ([], [])
            for _ in range(ROUNDS):
                for side, taken in zip(sides, samples, strict=True):
                    taken.append(await measure(side[work], tasks))
            ratios = [ours.rate / theirs.rate for ours, theirs in zip(*samples, strict=True)]
            yield Line(engine, work, tasks, medians(samples[0]), medians(samples[1]), ratios)


def medians(samples: list[Sample]) -> Sample:
    return Sample(*(median(column) for column in zip(*samples, strict=True)))


async def fill(side: Side, numbers: Iterator[int]) -> None:
    """Append the grants that are read: numbers 0 to ``GRANTS``."""
    for _ in range(0, GRANTS, 250):
        await asyncio.gather(*(side.append(new_grant(next(numbers), 6)) for _ in range(250)))


async def nothing_to_reset(_connection: object) -> None:
    """As in the store: no round trip when a connection returns to the pool."""


@asynccontextmanager
async def postgres() -> AsyncIterator[tuple[Side, Side]]:
    cluster = await asyncio.to_thread(postgres_cluster.start)
    try:
        async with AsyncExitStack() as stack:
            dsn = cluster.dsn(cluster.new_database())
            store = PostgresStore(dsn)
            await store.open()
            stack.push_async_callback(store.close)
            pool = await asyncpg.create_pool(
                dsn,
                min_size=8,
                max_size=8,
                server_settings={"search_path": postgres_schema.SCHEMA, **SESSION},
                reset=nothing_to_reset,
            )
            stack.push_async_callback(pool.close)
            yield GroupCommitStore(store), PostgresEach(pool)
    finally:
        await asyncio.to_thread(postgres_cluster.stop, cluster)


@asynccontextmanager
async def sqlite() -> AsyncIterator[tuple[Side, Side]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        sqlite_schema.migrate_sqlite(path)
        store, each = SQLiteStore(path), SQLiteEach(path)
        await store.open()
        try:
            yield GroupCommitStore(store), each
        finally:
            await store.close()
            await each.reader.close()
            await each.writer.close()


def table(lines: list[Line]) -> str:
    """The lines as a markdown table."""
    rows = [
        "| store | work | tasks | grouped /s | p50 ms | p99 ms | one each /s | p50 ms | p99 ms | ratio | required |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for line in lines:
        figures = [
            f"{side.rate:,.0f} | {side.p50:.2f} | {side.p99:.2f}" for side in (line.grouped, line.each)
        ]
        ratio = f"{line.ratio:.1f} ({min(line.ratios):.1f} to {max(line.ratios):.1f})"
        required = "" if line.required is None else f"≥ {line.required:.0f}"
        rows.append(
            f"| {line.engine} | {line.work} | {line.tasks} | {' | '.join(figures)} | {ratio} | {required} |"
        )
    return "\n".join(rows)


def machine() -> str:
    """The machine that was measured."""
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"PostgreSQL with `fsync=on` over TCP on loopback, everything on one machine"
    )


def page(lines: list[Line]) -> str:
    """The page for the documentation."""
    return f"""# How fast the store is

Written by `python bench/store.py --write`: {machine()}. Each figure is the median of {ROUNDS} runs of {SECONDS} s; the
two sides run in turn on the same data. The ratio is the median of the rounds' ratios, with the lowest and the highest.
On a shared machine the figures vary much from run to run, the ratios less.

- *grouped*: the store as the server uses it. Waiting appends are sent as one batch, one transaction, one fsync;
  waiting look-ups and stream reads are sent as one query.
- *one each*: one transaction per append and one query per read, with the same SQL and the same answer. PostgreSQL: a
  pool of eight connections. SQLite: one thread for writes, one for reads.
- *tasks*: how many tasks wait at a time, each for one call after the other.
- *append*: one event and the row of an access token, durable before the call returns.
- *look-up*: an access token's row with the state of its client, account and session.
- *stream read*: the six events of one grant.

{table(lines)}
"""


async def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    arguments = parser.parse_args()
    lines: list[Line] = []
    for engine, sides in (("PostgreSQL", postgres()), ("SQLite", sqlite())):
        async with sides as (grouped, each):
            async for line in compare(engine, grouped, each):
                print(f"{engine}, {line.work}, {line.tasks}: {line.ratio:.1f}", file=sys.stderr)
                lines.append(line)
    print(table(lines))
    if arguments.write:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page(lines))
    short = [line for line in lines if line.required is not None and line.ratio < line.required]
    for line in short:
        print(f"{line.engine} {line.work}: {line.ratio:.1f}, required {line.required}", file=sys.stderr)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
