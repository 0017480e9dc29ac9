"""Faults by chance under load, and what the clients saw held against the log:
``python -m bench.faults [--seconds N] [--seed N] [--runs N] [--store sqlite|postgresql]``.

Each run has a new store and a seed of its own, which is printed: the same seed makes the same choices again. Ends with
status 1 when a history breaks a rule of ``tests/faults/history/checker.py``.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from authrim.store.sqlite.schema import migrate_sqlite
from tests import postgres_cluster
from tests.faults.history.run import Plan, Result, run


async def _on_sqlite(plan: Plan, folder: Path) -> Result:
    place = folder / "authrim.db"
    migrate_sqlite(place)
    return await run(plan, folder, sqlite=place)


async def _on_postgresql(plan: Plan, folder: Path) -> Result:
    cluster = await asyncio.to_thread(postgres_cluster.start)
    try:
        return await run(plan, folder, cluster=cluster)
    finally:
        await asyncio.to_thread(postgres_cluster.stop, cluster)


STORES = {"sqlite": _on_sqlite, "postgresql": _on_postgresql}


def _print(store: str, plan: Plan, result: Result) -> None:
    faults = ", ".join(f"{name} {count}" for name, count in sorted(result.faults.items()))
    outcomes: Counter[str] = Counter()
    for (_, outcome), count in result.calls.items():
        outcomes[outcome] += count
    print(f"{store}, seed {plan.seed}, {plan.seconds:.0f} s: {result.events} events")
    print(f"  faults: {faults}")
    print(f"  calls: {', '.join(f'{name} {count}' for name, count in sorted(outcomes.items()))}")
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
