"""What the background work costs a server under load, by where it runs, and how far it lags:
``python -m bench.background [--seconds N] [--rounds N] [--rate N] [--only CELL]``.

A server on a PostgreSQL of its own answers client credentials requests (two events each) from wrk, in turn with its
background work nowhere, inside, and in a process of its own. The cost of a request is processor time. Then events are
appended at a rate, beside a server with the process. The lag of a follower is the age of the oldest event that it has
not come to, asked for ten times per second.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from authrim.audit.follow import NAMES
from authrim.settings import load
from authrim.store.opening import open_store
from bench.authrim_side import AuthrimSide
from bench.histories import Histories
from bench.measure import children, cpu_seconds_of, database_cpu_seconds, memory_megabytes, run
from domain.units import MICROSECONDS
from tests import postgres_cluster
from tests.postgres_cluster import Cluster

_PLACES: Final = ("none", "inside", "process")
_SAMPLE: Final = 0.1

Lags = dict[str, list[float]]


class Cost(NamedTuple):
    """One run of a cell: requests per second, p99 in ms, and processor time per request in µs: of the process that
    answers, of the process of the background work, of PostgreSQL."""

    rate: float
    p99: float
    server: float
    background: float
    database: float


def main() -> None:
    """Measure and print."""
    options = _options()
    cluster = postgres_cluster.start()
    try:
        costs: dict[str, list[Cost]] = {place: [] for place in _PLACES}
        lags: dict[str, Lags] = {place: {} for place in _PLACES}
        for _ in range(options.rounds):
            for place in _PLACES:
                with _server(cluster, place) as (side, folder):
                    costs[place].append(_under_load(side, cluster, folder, options, lags[place]))
        _print_costs(costs, lags)
        with _server(cluster, "process") as (side, folder):
            found = asyncio.run(_at_a_rate(folder, options.rate, options.seconds))
            print(f"{options.rate:,} events per second, appended beside the server: {_worst(found)}")
            print(f"memory: {', '.join(f'{memory_megabytes(pid):.0f} MB' for pid in _processes(side))}")
    finally:
        postgres_cluster.stop(cluster)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=int, default=8, help="seconds per run")
    parser.add_argument("--rounds", type=int, default=3, help="runs per place")
    parser.add_argument("--rate", type=int, default=2000, help="events per second")
    parser.add_argument("--only", default="cc_opaque", help="the cell of bench.http that is the load")
    return parser.parse_args()


@contextmanager
def _server(cluster: Cluster, place: str) -> Iterator[tuple[AuthrimSide, Path]]:
    with (
        tempfile.TemporaryDirectory(prefix="authrim-bench-") as folder,
        AuthrimSide.started(Path(folder), cluster, background=place) as side,
    ):
        yield side, Path(folder)


def _processes(side: AuthrimSide) -> list[int]:
    return side.processes()


def _under_load(
    side: AuthrimSide, cluster: Cluster, folder: Path, options: argparse.Namespace, lags: Lags
) -> Cost:
    asked = side.load(options.only)
    run(asked.url, asked.script, asked.environment, 2, side.pid)
    beside, before = children(side.pid), database_cpu_seconds(cluster)
    spent = cpu_seconds_of(beside)

    async def together() -> Cost:
        watching = asyncio.create_task(_watch(folder, lags))
        done = await asyncio.to_thread(
            run, asked.url, asked.script, asked.environment, options.seconds, side.pid
        )
        watching.cancel()
        requests = done.rate * options.seconds
        database = (database_cpu_seconds(cluster) - before) / requests
        background = (cpu_seconds_of(beside) - spent) / requests
        return Cost(done.rate, done.p99, done.cpu * 1000, background * 1e6, database * 1e6)

    return asyncio.run(together())


async def _watch(folder: Path, lags: Lags) -> None:
    """Note the lag of each follower until cancelled."""
    store = open_store(load(folder / "authrim.toml"))
    await store.open()
    try:
        while True:
            for name, lag in (await store.lags(NAMES)).items():
                lags.setdefault(name, []).append(lag / MICROSECONDS)
            await asyncio.sleep(_SAMPLE)
    finally:
        await store.close()


async def _at_a_rate(folder: Path, rate: int, seconds: int) -> Lags:
    """Append events that keep every rule at a rate, while the server's process follows."""
    lags: Lags = {}
    settings = load(folder / "authrim.toml")
    store = open_store(settings)
    await store.open()
    histories = Histories(store, settings.issuer)
    await histories.begin()
    watching = asyncio.create_task(_watch(folder, lags))
    await histories.write_at(rate, seconds)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await store.close()
    return lags


def _print_costs(costs: Mapping[str, Sequence[Cost]], lags: Mapping[str, Lags]) -> None:
    print(
        "| background work | requests/s | p99 ms | µs server | µs background | µs PostgreSQL | longest lag |"
    )
    print("|---|---:|---:|---:|---:|---:|---|")
    for place, runs in costs.items():
        middle = Cost(*(median(values) for values in zip(*runs, strict=True)))
        lowest, highest = min(one.rate for one in runs), max(one.rate for one in runs)
        lag = "–" if place == "none" else _worst(lags[place])
        print(
            f"| {place} | {middle.rate:.0f} ({lowest:.0f}–{highest:.0f}) | {middle.p99:.0f} | {middle.server:.0f} "
            f"| {middle.background:.0f} | {middle.database:.0f} | {lag} |"
        )


def _worst(lags: Lags) -> str:
    return ", ".join(
        f"{name} {median(found):.1f} s, at most {max(found):.1f} s" for name, found in lags.items()
    )


if __name__ == "__main__":
    main()
