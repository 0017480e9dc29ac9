"""Some cells of the comparison, to try something out: Authrim in turn with node-oidc-provider on one PostgreSQL.

    .venv/bin/python -m bench.http [--seconds 4] [--rounds 3] [--only CELL] [--alone] [--sqlite] [--background PLACE]

It measures as ``python -m bench`` does, prints, and writes nothing. ``--sqlite`` runs Authrim on SQLite.
``--background`` says where its background work runs. ``--alone`` measures Authrim alone.
"""

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.answers import check_run
from bench.authrim_side import AuthrimSide
from bench.cells import CELLS, Cell
from bench.measure import memory_megabytes
from bench.peers.node_side import NodeSide
from bench.results import OURS, REFERENCE
from bench.side import Side
from bench.turns import CellInTurn, Task, measure
from tests import postgres_cluster


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="authrim-bench-")))
        cluster = postgres_cluster.start()
        stack.callback(postgres_cluster.stop, cluster)
        database = None if arguments.sqlite else cluster
        started = AuthrimSide.started(folder, database, background=arguments.background)
        sides: list[Side] = [stack.enter_context(started)]
        if not arguments.alone:
            sides.append(stack.enter_context(NodeSide(folder, cluster).running()))
        cells = [cell for cell in CELLS if not arguments.only or cell.name in arguments.only]
        found = {
            cell: measure(cell, [_task(side, cell, arguments) for side in sides], cluster, REFERENCE)
            for cell in cells
        }
        _print(found)
        for side in sides:
            memory = " + ".join(f"{memory_megabytes(pid):.0f}" for pid in side.processes())
            print(
                f"{side.title}: {memory} MB after the load; first answer after {side.startup_seconds:.2f} s."
            )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=4, help="seconds per run")
    parser.add_argument("--rounds", type=int, default=3, help="runs per side and cell")
    parser.add_argument("--only", action="append", choices=[cell.name for cell in CELLS], help="a cell")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--background", default="auto", choices=("auto", "process", "inside", "none"))
    return parser.parse_args()


def _task(side: Side, cell: Cell, arguments: argparse.Namespace) -> Task:
    return Task(
        side,
        lambda _: side.load(cell.name),
        lambda done: check_run(side, cell.name, done),
        arguments.rounds,
        arguments.seconds,
    )


def _print(found: dict[Cell, CellInTurn]) -> None:
    print("| work | Authrim | node-oidc-provider | ratio | p50 | p99 | ms server + background + PostgreSQL |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for cell, done in found.items():
        ours, theirs = done.by_server[OURS], done.by_server.get(REFERENCE)
        rates = [
            f"{one.rate.median:.0f} ({one.rate.lowest:.0f}–{one.rate.highest:.0f})"
            if one and one.rate
            else "–"
            for one in (ours, theirs)
        ]
        ratio = f"{done.ratios[OURS].median:.2f}" if OURS in done.ratios else "–"
        costs = f"{ours.server_ms:.3f} + {ours.beside_ms:.3f} + {ours.database_ms:.3f}"
        print(f"| {cell.title} | {' | '.join(rates)} | {ratio} | {ours.p50:.2f} | {ours.p99:.2f} | {costs} |")


if __name__ == "__main__":
    main()
