"""Faults by chance under load, and what the clients saw held against the log:
``python -m bench.faults [--seconds N] [--seed N] [--runs N] [--store sqlite|postgresql|standby]``.

Each run has a new store and a seed of its own, which is printed: the same seed makes the same choices again. Ends with
status 1 when a history breaks a rule of ``tests/faults/history/checker.py``.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests import postgres_cluster
from tests.faults.history.run import Plan, Result, run
from tests.postgres_cluster import Cluster


async def _on_sqlite(plan: Plan, folder: Path) -> Result:
    return await run(plan, folder)


async def _on_postgresql(plan: Plan, folder: Path) -> Result:
    with own_cluster() as cluster:
        return await run(plan, folder, cluster)


async def _with_standby(plan: Plan, folder: Path) -> Result:
    """On a primary whose commits wait for a standby."""
    with own_cluster() as cluster:
        standby = postgres_cluster.start_standby(cluster)
        try:
            cluster.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            cluster.execute("SELECT pg_reload_conf()")
            return await run(plan, folder, cluster, standby)
        finally:
            postgres_cluster.stop(standby)


@contextmanager
def own_cluster() -> Iterator[Cluster]:
    """A cluster that nobody else uses."""
    cluster = postgres_cluster.start()
    try:
        yield cluster
    finally:
        postgres_cluster.stop(cluster)


STORES = {"sqlite": _on_sqlite, "postgresql": _on_postgresql, "standby": _with_standby}


def outcomes(calls: Mapping[tuple[str, str], int]) -> str:
    """How many calls had each outcome."""
    told: Counter[str] = Counter()
    for (_, outcome), count in calls.items():
        told[outcome] += count
    return ", ".join(f"{name} {count}" for name, count in sorted(told.items()))


def _print(store: str, plan: Plan, result: Result) -> None:
    faults = ", ".join(f"{name} {count}" for name, count in sorted(result.faults.items()))
    print(f"{store}, seed {plan.seed}, {plan.seconds:.0f} s: {result.events} events")
    print(f"  faults: {faults}")
    print(f"  calls: {outcomes(result.calls)}")
    print(f"  violations: {len(result.violations)}", flush=True)
    for violation in result.violations:
        print(f"    {violation.rule}: {violation.about}: {violation.told}")
    if result.not_proved:
        print(f"  the log is not proved: {result.not_proved}")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--store", choices=sorted(STORES), action="append")
    options = parser.parse_args()
    wrong = False
    for store in options.store or sorted(STORES):
        for number in range(options.runs):
            seed = (
                options.seed + number if options.seed is not None else random.SystemRandom().randrange(2**32)
            )
            plan = Plan(seed, options.seconds)
            with tempfile.TemporaryDirectory() as folder:
                result = asyncio.run(STORES[store](plan, Path(folder)))
            _print(store, plan, result)
            wrong = wrong or bool(result.violations or result.not_proved)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
