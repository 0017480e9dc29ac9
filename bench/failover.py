"""A cluster that loses its primary under load:
``python -m bench.failover [--runs N] [--seed N] [--only NAME]... [--write]``.

Sets up ``deploy/ha/`` on this machine: PostgreSQL with two synchronous standbys under Patroni and etcd, PgBouncer,
HAProxy and two servers. Then each scenario of ``tests/operations/ha/scenarios.py`` in turn, N times, while clients sign
in, redeem, refresh, revoke and introspect, and ten tokens per second are asked for to see when something is recorded
again. After each, what the clients saw is held against the exported log (``tests/faults/history/checker.py``). Last,
the servers are restarted one after the other. ``--write`` writes the tables into docs/operations/scaling.md. Ends with
status 1 when something was lost or took more than 30 s.
"""

import argparse
import asyncio
import random
import statistics
import sys
from collections import defaultdict
from pathlib import Path

from bench.generated import machine, replaced
from tests.faults.history.calls import Calls
from tests.operations.ha.scenarios import (
    Restarted,
    Scenario,
    Told,
    hang_primary,
    hang_standby,
    kill_machine,
    kill_primary,
    restart_servers,
    run,
    switch_over,
)
from tests.operations.ha.stand import Stand, started

PAGE = Path(__file__).parent.parent / "docs" / "operations" / "scaling.md"
#: Seconds within which writes must be back.
DEADLINE = 30
SCENARIOS: dict[str, tuple[Scenario, str]] = {
    "kill": (kill_primary, "`kill -9` of PostgreSQL, PgBouncer and Patroni of the primary"),
    "machine": (kill_machine, "the same, with its etcd"),
    "hang": (hang_primary, "SIGSTOP of the primary, which comes back as an old primary"),
    "switchover": (switch_over, "a switchover (`patronictl switchover`)"),
    "standby": (hang_standby, "SIGSTOP of a standby"),
}


async def measure(names: list[str], runs: int, seed: int) -> tuple[dict[str, list[Told]], list[Restarted]]:
    """All scenarios on one cluster."""
    told: dict[str, list[Told]] = defaultdict(list)
    restarted: list[Restarted] = []
    calls = Calls()
    async with started() as stand:
        for number in range(runs):
            for name in names:
                told[name].append(await _one(stand, name, seed + number, calls))
            restarted.append(await restart_servers(stand))
            print(f"rolling restart: {restarted[-1]}", flush=True)
    return told, restarted


async def _one(stand: Stand, name: str, seed: int, calls: Calls) -> Told:
    told = await run(stand, SCENARIOS[name][0], seed, calls)
    outcomes = f"{told.done} done, {told.refused} refused, {told.unknown} unanswered"
    print(
        f"{name}, seed {seed}: writes were away for {told.away:.1f} s; {outcomes}; {told.events} events in all",
        flush=True,
    )
    for violation in told.violations:
        print(f"  {violation.rule}: {violation.about}: {violation.told}")
    if told.not_proved:
        print(f"  the log is not proved: {told.not_proved}")
    return told


def wrong(told: dict[str, list[Told]]) -> bool:
    """Whether something was lost, or not back in time."""
    return any(
        one.violations or one.not_proved or one.away > DEADLINE for each in told.values() for one in each
    )


def table(told: dict[str, list[Told]], restarted: list[Restarted]) -> str:
    """The result as text."""
    lines = [
        "| what happens | runs | writes are away for, s (median) | each | calls done | refused | unanswered "
        "| violations |",
        "|---|---:|---:|---|---:|---:|---:|---:|",
    ]
    for name, each in told.items():
        away = sorted(one.away for one in each)
        lines.append(
            f"| {SCENARIOS[name][1]} | {len(each)} | {statistics.median(away):.1f} "
            f"| {', '.join(f'{one:.1f}' for one in away)} | {sum(one.done for one in each)} "
            f"| {sum(one.refused for one in each)} | {sum(one.unknown for one in each)} "
            f"| {sum(len(one.violations) for one in each)} |"
        )
    every = [one for each in told.values() for one in each]
    proved = (
        "was proved by its verifier each time"
        if not any(one.not_proved for one in every)
        else "was NOT proved"
    )
    token = statistics.median(one.token for one in every) * 1000
    requests = sum(one.requests for one in restarted)
    seconds = statistics.median(one.seconds for one in restarted)
    lines += [
        "",
        f"The log of {max(one.events for one in every)} events {proved}, and all three machines had the same log and "
        f"the same hash after each run. Before the faults, a token took {token:.0f} ms (median). "
        f"{len(restarted)} rolling restarts of both servers, {seconds:.0f} s each: {requests} requests meanwhile, "
        "and every one was answered rightly.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print; ``--write`` writes the tables into the documentation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only", choices=list(SCENARIOS), action="append")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    told, restarted = asyncio.run(measure(options.only or list(SCENARIOS), options.runs, seed))
    text = table(told, restarted)
    print(text)
    if options.write:
        command = f"python -m bench.failover --runs {options.runs} --seed {seed}"
        PAGE.write_text(replaced(PAGE.read_text(), "failover", f"{machine(command)}\n\n{text}"))
    sys.exit(1 if wrong(told) else 0)


if __name__ == "__main__":
    main()
