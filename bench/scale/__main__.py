"""What a large log costs: ``python -m bench.scale [--events N] [--keep DIR] [--write]``.

Makes a log of N events (ten million) with N/100 live grants, N/1000 clients and N/10 expired tokens, and one of a tenth
of that, in a PostgreSQL of its own. Then it measures the cells of ``bench.http`` on both and on an empty log in turn,
starts, memory, the plans of all statements, and one, two and four processes. ``--keep`` leaves the cluster in a folder,
and takes it from there the next time.

The exit status is 1 when a plan reads all of a large table, or a cell is below 0.9 of what it is on the empty log.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from authrim.store.chain import BatchCheck
from authrim.store.postgres.store import PostgresStore
from bench.cells import CELLS
from bench.scale import cells, page, plans
from bench.scale.kept import Logs, logs, sizes_of
from bench.scale.page import Report

_EMPTY: Final = "empty"
#: How long the background work has for what it does at a start, and for what the cells left it, in seconds.
_BACKGROUND: Final = 5.0


def main() -> int:
    """Measure, print, and say whether anything is wrong."""
    options = _options()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with logs(options.keep) as kept:
        small, large = _name(options.events // 10), _name(options.events)
        databases = {
            small: kept.dsn(options.events // 10),
            large: kept.dsn(options.events),
            _EMPTY: kept.cluster.dsn(kept.cluster.new_database()),
        }
        if options.only_write_log:
            return 0
        proved = {name: asyncio.run(proved_batches(dsn)) for name, dsn in databases.items() if name != _EMPTY}
        databases = {_EMPTY: databases[_EMPTY], small: databases[small], large: databases[large]}
        report = _measured(kept, databases, options, large)
        report = report._replace(proved=proved[large])
        kept.cluster.drop_database(databases[_EMPTY].rsplit("/", 1)[1])
    print(page.text(report))
    if options.write:
        page.write(report, _command(options))
    for fault in report.faults:
        print(f"WRONG: {fault}")
    return 1 if report.faults else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--keep", type=Path, help="the folder of the cluster")
    parser.add_argument("--seconds", type=int, default=3, help="seconds per run")
    parser.add_argument("--rounds", type=int, default=3, help="runs per server and cell")
    parser.add_argument(
        "--processes", default="1,2,4", help="numbers of processes; none: do not measure that"
    )
    parser.add_argument("--only-write-log", action="store_true", help="make the logs, and measure nothing")
    parser.add_argument("--write", action="store_true", help="write docs/operations/benchmarks-scale.md")
    return parser.parse_args()


def _command(options: argparse.Namespace) -> str:
    return f"python -m bench.scale --events {options.events} --seconds {options.seconds} --rounds {options.rounds}"


def _name(events: int) -> str:
    return f"{events:,} events"


def _measured(kept: Logs, databases: dict[str, str], options: argparse.Namespace, large: str) -> Report:
    cluster, rounds, seconds = kept.cluster, options.rounds, options.seconds
    started = cells.starts(databases, rounds)
    with cells.servers({name: {"database": dsn} for name, dsn in databases.items()}) as sides:
        results = cells.measure(cluster, sides, CELLS, rounds, seconds)
        memory = {name: cells.memory(server) for name, server in sides.items()}
    judged = _plans(kept, databases[large])
    processes: dict[str, cells.Results] = {}
    numbers = [int(number) for number in options.processes.split(",") if number.isdecimal()]
    if numbers:
        wanted = {str(number): {"database": databases[large], "workers": number} for number in numbers}
        with cells.servers(wanted) as sides:
            processes["processes"] = cells.measure(cluster, sides, cells.BUSY, rounds, seconds)
            memory |= {f"{name} processes": cells.memory(server) for name, server in sides.items()}
    return Report(
        tuple(databases),
        started,
        results,
        memory,
        judged,
        processes.get("processes", {}),
        sizes_of(databases[large]),
    )


def _plans(kept: Logs, dsn: str) -> Sequence[plans.Judged]:
    """The plans of a start, of each cell, and of the background work meanwhile."""
    log = plans.PlanLog(kept.cluster, dsn.rsplit("/", 1)[1])
    with log.on(), cells.servers({"explained": {"database": dsn}}) as sides:
        cells.measure(kept.cluster, sides, CELLS, 1, 1)
        time.sleep(_BACKGROUND)
    return plans.judge(log.read(), plans.table_rows(dsn))


async def proved_batches(dsn: str, wanted: int = 50) -> int:
    """Verify batches of the log that are evenly spread, each against its events and the one before it. How many events
    they have. Raises ValueError at the first that does not match."""
    store = PostgresStore(dsn)
    await store.open()
    try:
        last, proved = (await store.head()).position, 0
        for number in range(wanted):
            pair = await store.read_ledger(last * number // wanted, 2)
            if len(pair) < 2:
                continue
            before, batch = pair
            check = BatchCheck(batch, before.last_position, before.chain_hash)
            problem = check.begin()
            events = iter(
                await store.read_log(before.last_position, batch.last_position - before.last_position)
            )
            while problem is None and not check.complete:
                problem = check.add(next(events, None))
                proved += 1
            problem = check.end() if problem is None else problem
            if problem is not None:
                raise ValueError(f"the log does not verify: {problem}")
        return proved
    finally:
        await store.close()


if __name__ == "__main__":
    sys.exit(main())
