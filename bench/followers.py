"""What followed projections cost, how far they lag, and how long a rebuild takes:
``python -m bench.followers [--events N] [--rate N] [--seconds N] [--database DATABASE]`` (a new file, or an empty
PostgreSQL; by default one of each, of its own).

Costs are processor time of the process. Other load on the machine makes most pages dearer, so the cost of the cheapest
twentieth is told, and the median. Lag and rebuild are times by the clock.
"""

import argparse
import asyncio
import resource
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic, process_time
from typing import Any, Final

import structlog

from authrim.audit.follow import FOLLOWED, PAGE, Follower
from authrim.audit.monitor.monitor import Monitor
from authrim.audit.rebuild import rebuild
from authrim.store.migrate import is_postgres
from authrim.store.postgres.schema import migrate_postgres
from authrim.store.postgres.store import PostgresStore
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from bench.histories import ISSUER, Histories
from bench.measure import database_cpu_seconds
from tests import postgres_cluster

_SAMPLE: Final = 0.1


class Followed:
    """One followed projection under measurement: its position, its lag while it follows, and what an event of each full
    page cost (µs of processor time)."""

    def __init__(self, name: str, follower: Any) -> None:
        self.name = name
        self.position = 0
        self.lags: list[float] = []
        self.costs: list[float] = []
        self._follower = follower
        self._step = follower.step
        follower.step = self._counted

    async def _counted(self, **options: Any) -> Any:
        began = process_time()
        page = await self._step(**options)
        self.position = max(self.position, page.position)
        if page.handled == PAGE:
            self.costs.append((process_time() - began) / PAGE * 1e6)
        return page

    def follow(self) -> Awaitable[None]:
        """Follow until cancelled."""
        following: Awaitable[None] = self._follower.follow()
        return following

    async def catch_up(self) -> None:
        """To the head."""
        await self._follower.catch_up()


def followed(store: Any) -> list[Followed]:
    """Every followed projection, with the monitor."""
    return [
        *(Followed(one.name, Follower(store, one)) for one in FOLLOWED),
        Followed("monitor", Monitor(store, ISSUER)),
    ]


async def measure(store: Any, options: argparse.Namespace, database_time: Callable[[], float]) -> None:
    """All measurements on one store."""
    histories = Histories(store)
    await histories.begin()
    await histories.write(options.events)
    head = (await store.head()).position
    print(f"{head:,} events")
    for one in followed(store):
        await one.catch_up()
        least = sorted(one.costs)[len(one.costs) // 20]
        print(f"  {one.name}: {least:.1f} µs of processor time per event (median {median(one.costs):.1f})")
    await _follow(store, histories, options)
    assert not await store.monitor.breaches(1), "the histories are not true"
    await _rebuild(store, database_time)


async def _follow(store: Any, histories: Histories, options: argparse.Namespace) -> None:
    """Append at a rate, first alone, then with every projection following."""
    rate, seconds = options.rate, options.seconds
    alone = await _processor_time(lambda: histories.write_at(rate, seconds))
    projections, began = followed(store), histories.events
    for one in projections:
        await one.catch_up()
    tasks = [asyncio.ensure_future(one.follow()) for one in projections]
    times: list[tuple[int, float]] = []
    sampling = asyncio.create_task(_sample(store, projections, times))
    together = await _processor_time(lambda: histories.write_at(rate, seconds))
    for task in (*tasks, sampling):
        task.cancel()
    await asyncio.gather(*tasks, sampling, return_exceptions=True)
    print(f"  {(histories.events - began) / seconds:,.0f} events per second for {seconds} s:")
    print(
        f"    appends alone take {alone / seconds:.1%} of a core, with all that follow {together / seconds:.1%}"
    )
    for one in projections:
        print(f"    {one.name}: lags {median(one.lags):.2f} s, at most {max(one.lags):.2f} s")


async def _sample(store: Any, projections: list[Followed], times: list[tuple[int, float]]) -> None:
    """The lag of each projection: how long the first event that it has not handled has been in the log."""
    while True:
        now = monotonic()
        times.append(((await store.head()).position, now))
        for one in projections:
            first = next((at for position, at in times if position > one.position), now)
            one.lags.append(now - first)
        await asyncio.sleep(_SAMPLE)


async def _rebuild(store: Any, database_time: Callable[[], float]) -> None:
    """Replay the log into shadow tables and put them in place."""
    peaks: list[float] = []

    def progress(done: int, whole: int) -> None:
        if len(peaks) < 10 * done // whole:
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

    began, processor, database = monotonic(), process_time(), database_time()
    report = await rebuild(store, progress)
    passed, spent = monotonic() - began, process_time() - processor
    theirs = database_time() - database
    assert report.repaired, report
    print(
        f"  rebuild of {report.position:,} events: {passed:.1f} s; {spent:.1f} s of processor time here, "
        f"{theirs:.1f} s in PostgreSQL: {(spent + theirs) / report.position * 1e6:.0f} µs per event"
    )
    print(f"    memory after each tenth, in MB: {', '.join(f'{peak:.0f}' for peak in peaks)}")


async def _processor_time(work: Callable[[], Awaitable[object]]) -> float:
    began = process_time()
    await work()
    return process_time() - began


@contextmanager
def databases(given: str | None) -> Iterator[list[tuple[str, Callable[[], float]]]]:
    """The database that was given, or a file and a PostgreSQL of our own; each with the processor time of PostgreSQL so
    far, where it is known."""
    if given is not None:
        yield [(given, _unknown)]
        return
    cluster = postgres_cluster.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            database = cluster.dsn(cluster.new_database())
            yield [(f"{folder}/authrim.db", _unknown), (database, partial(database_cpu_seconds, cluster))]
    finally:
        postgres_cluster.stop(cluster)


def _unknown() -> float:
    return 0.0


async def _at(database: str, options: argparse.Namespace, database_time: Callable[[], float]) -> None:
    if is_postgres(database):
        await migrate_postgres(database)
        store: Any = PostgresStore(database)
    else:
        migrate_sqlite(Path(database))
        store = SQLiteStore(Path(database))
    print("PostgreSQL:" if is_postgres(database) else "SQLite:", end=" ", flush=True)
    await store.open()
    try:
        await measure(store, options, database_time)
    finally:
        await store.close()


def main() -> None:
    """Measure and print."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--database")
    options = parser.parse_args()
    with databases(options.database) as found:
        for database, database_time in found:
            asyncio.run(_at(database, options, database_time))


if __name__ == "__main__":
    main()
