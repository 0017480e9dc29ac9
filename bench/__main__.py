"""Authrim beside its peers: ``make bench``, or ``python -m bench [--quick] [--only CELL …] [--servers NAME …]``.

The servers run on one throw-away PostgreSQL with ``fsync``, the load is ``wrk -t1 -c32`` on loopback. Every cell is
measured in turn (A B A B …), and answers are checked: a server that answers wrongly is refused. The whole run writes
``docs/operations/benchmarks.md`` with its charts, and fails when a ratio to node-oidc-provider on PostgreSQL fell by
more than a tenth since the last release in ``bench/releases/``. ``--quick`` measures the two alone, in short runs, and
only tells what would have failed; like a run of some cells it writes to ``build/bench``. ``--keep VERSION`` keeps the
ratios for the comparisons after the release of a version.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from bench import fapi2, page, surroundings
from bench.answers import check_run
from bench.authrim_side import AuthrimSide
from bench.cells import CELLS, FAPI2, Cell
from bench.fapi2_side import Fapi2Side
from bench.load import Load
from bench.measure import CONNECTIONS, Measurement, memory_megabytes, proportional_megabytes
from bench.peers.authlib_side import AuthlibSide, gunicorn
from bench.peers.node_side import NodeSide, node_program
from bench.results import (
    OURS,
    REFERENCE,
    RELEASES,
    Machine,
    Made,
    MeasuredCell,
    MeasuredServer,
    Release,
    Results,
    ServerProcess,
    Spread,
    fallen,
    last_release,
    refusals,
    release_of,
    spread_of,
)
from bench.side import ROOT, Side
from bench.turns import WARM_UP, Task, measure
from tests import postgres_cluster
from tests.postgres_cluster import Cluster

SERVERS: Final = (OURS, REFERENCE, "node-memory", "authlib")
_PAGE: Final = ROOT / "docs" / "operations" / "benchmarks.md"
_TRIAL: Final = ROOT / "build" / "bench" / "benchmarks.md"
#: Authlib answers so much slower that short runs say as much.
_SLOW: Final = {"authlib": (2, 3)}


class Plan(NamedTuple):
    """What is measured: which cells of which servers, seconds and rounds, starts, and FAPI 2 flows per run."""

    cells: Sequence[Cell]
    servers: Sequence[str]
    seconds: int
    rounds: int
    starts: int
    flows: int
    warm_up_flows: int

    def of(self, server: str) -> tuple[int, int]:
        """The seconds and rounds of a server."""
        seconds, rounds = _SLOW.get(server, (self.seconds, self.rounds))
        return min(seconds, self.seconds), min(rounds, self.rounds)


def main() -> int:
    """Measure, print and write; 1 when a server was refused or a ratio fell."""
    options = _options()
    plan = _plan(options)
    results = _compare(plan)
    release = last_release()
    whole = not options.quick and set(plan.servers) == set(SERVERS) and len(plan.cells) == len(CELLS) + 1
    written = _PAGE if whole else _TRIAL
    written.parent.mkdir(parents=True, exist_ok=True)
    page.write(results, release, written, written.parent / "benchmarks")
    print(page.text_of(results, release, "benchmarks"))
    print(f"Written to {written.relative_to(ROOT)}.", file=sys.stderr)
    if options.keep:
        kept = msgspec.json.format(msgspec.json.encode(release_of(results, options.keep)))
        (RELEASES / f"{options.keep}.json").write_bytes(kept + b"\n")
    return judge(results, release, quick=options.quick)


def judge(results: Results, release: Release, *, quick: bool) -> int:
    """Name who was refused and what fell. 1 when that is a failure: a quick run is too rough to fail by a ratio."""
    refused = refusals(results.cells)
    fell = [page.told(one, release) for one in fallen(results.cells, release)]
    for text in refused:
        print(f"refused: {text}", file=sys.stderr)
    for text in fell:
        print(f"fell by more than a tenth: {text}", file=sys.stderr)
    return 1 if refused or (fell and not quick) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="under three minutes, for a first look")
    parser.add_argument("--only", action="append", choices=[cell.name for cell in (*CELLS, FAPI2)])
    parser.add_argument("--servers", action="append", choices=SERVERS)
    parser.add_argument("--seconds", type=int, help="seconds per run")
    parser.add_argument("--rounds", type=int, help="runs per server and cell")
    parser.add_argument("--keep", metavar="VERSION", help="keep the ratios in bench/releases")
    return parser.parse_args()


def _plan(options: argparse.Namespace) -> Plan:
    quick = options.quick
    plan = Plan(
        [cell for cell in (*CELLS, FAPI2) if not options.only or cell.name in options.only],
        options.servers or (SERVERS[:2] if quick else SERVERS),
        options.seconds or (1 if quick else 3),
        options.rounds or (2 if quick else 5),
        *((2, 500, 300) if quick else (5, 1500, fapi2.WARM_UP)),
    )
    if options.keep and quick:
        raise SystemExit("a quick run is too rough to be kept")
    return plan


def _compare(plan: Plan) -> Results:
    _install(plan)
    began, load_before = time.monotonic(), os.getloadavg()[0]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="authrim-bench-")))
        cluster = postgres_cluster.start()
        stack.callback(postgres_cluster.stop, cluster)
        cells, servers, others = _plain(plan, folder, cluster)
        versions = surroundings.versions(cluster, authlib="authlib" in plan.servers)
        if FAPI2 in plan.cells:
            found, more = _fapi2(plan, folder / "fapi2", cluster)
            cells, others = [*cells, found], others + more
    minutes = (time.monotonic() - began) / 60
    made = Made(
        f"{datetime.now(UTC):%Y-%m-%d}", surroundings.commit(), _command(), plan.seconds, plan.rounds,
        CONNECTIONS, round(minutes, 1),
    )  # fmt: skip
    machine = Machine(
        surroundings.processor(), os.cpu_count() or 1, surroundings.memory_gigabytes(), surroundings.kernel(),
        round(load_before, 2), round(os.getloadavg()[0], 2), spread_of(others or [0.0]),
    )  # fmt: skip
    return Results(made, machine, versions, tuple(servers), tuple(cells))


def _install(plan: Plan) -> None:
    """Install the peers, which takes a minute when it is the first time."""
    print("Installing the peers, if they are not there", file=sys.stderr, flush=True)
    node_program()
    if "authlib" in plan.servers:
        gunicorn()


def _command() -> str:
    given = sys.argv[1:]
    if given in ([], ["--quick"]):
        return "make bench QUICK=1" if given else "make bench"
    return " ".join(["python -m bench", *given])


def _plain(
    plan: Plan, folder: Path, cluster: Cluster
) -> tuple[list[MeasuredCell], list[MeasuredServer], list[float]]:
    """Every cell but FAPI 2, with what the servers take after all of that load."""
    with ExitStack() as stack:
        makers: dict[str, Callable[[], Side]] = {
            OURS: lambda: stack.enter_context(AuthrimSide.started(folder, cluster)),
            REFERENCE: lambda: stack.enter_context(NodeSide(folder, cluster).running()),
            "node-memory": lambda: stack.enter_context(NodeSide(folder, None).running()),
            "authlib": lambda: stack.enter_context(AuthlibSide(folder, cluster).running()),
        }
        sides = [makers[name]() for name in plan.servers]
        starts = _starts(sides, plan.starts)
        cells, others = [], []
        for cell in plan.cells:
            if cell is FAPI2:
                continue
            done = measure(cell, [_task(side, cell, plan) for side in sides], cluster, REFERENCE)
            cells.append(MeasuredCell(cell.name, cell.title, cell.aim, done.by_server, done.ratios))
            others += done.others
        servers = [
            MeasuredServer(side.name, side.title, starts[side.name], _processes_of(side)) for side in sides
        ]
    return cells, servers, others


def _task(side: Side, cell: Cell, plan: Plan) -> Task:
    seconds, rounds = plan.of(side.name)
    return Task(
        side, lambda _: side.load(cell.name), lambda done: check_run(side, cell.name, done), rounds, seconds
    )


def _starts(sides: Sequence[Side], times: int) -> dict[str, Spread]:
    """Start every server again, in turn: the first start, which read from the disk, does not count."""
    seconds: dict[str, list[float]] = {side.name: [] for side in sides}
    for _ in range(times):
        for side in sides:
            side.stop()
            side.start()
            seconds[side.name].append(side.startup_seconds)
    return {name: spread_of(found) for name, found in seconds.items()}


def _processes_of(side: Side) -> tuple[ServerProcess, ...]:
    answering = side.answering()
    return tuple(
        ServerProcess(
            pid in answering, round(proportional_megabytes(pid), 1), round(memory_megabytes(pid), 1)
        )
        for pid in side.processes()
    )


def _fapi2(plan: Plan, folder: Path, cluster: Cluster) -> tuple[MeasuredCell, list[float]]:
    """The FAPI 2 flow, of servers that were started for it. Authlib has no PAR and no DPoP."""
    folder.mkdir()
    with ExitStack() as stack:
        makers = {
            OURS: lambda: fapi2.ours(folder, cluster),
            REFERENCE: lambda: fapi2.node(folder, cluster),
            "node-memory": lambda: fapi2.node(folder, None),
        }
        sides = [stack.enter_context(makers[name]()) for name in plan.servers if name in makers]
        done = measure(FAPI2, [_fapi2_task(side, plan) for side in sides], cluster, REFERENCE)
    return MeasuredCell(FAPI2.name, FAPI2.title, FAPI2.aim, done.by_server, done.ratios), done.others


def _fapi2_task(side: Fapi2Side, plan: Plan) -> Task:
    """A run ends after a number of flows, for which everything was signed before."""
    wanted = plan.flows

    def prepare(turn: int) -> Load:
        nonlocal wanted
        wanted = plan.warm_up_flows if turn == WARM_UP else plan.flows
        return side.load("flow", wanted)

    def check(measured: Measurement) -> None:
        side.check("flow", wanted, measured)

    return Task(side.side, prepare, check, plan.rounds, fapi2.LONGEST, fapi2.LONGEST)


if __name__ == "__main__":
    sys.exit(main())
