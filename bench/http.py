"""Authrim compared with node-oidc-provider: the same work in turn, on one machine and one PostgreSQL.

    .venv/bin/python -m bench.http [--seconds 4] [--rounds 3] [--only CELL] [--peer DIR] [--write]

Each server is one process with a durable PostgreSQL (``fsync=on``, ``synchronous_commit=on``); the load is ``wrk -t1
-c32`` on loopback. Every cell is measured in the order A B A B …, and the table shows the medians and the spread.
``--peer`` is the folder with the peer's side (``nodeop/`` in it); without it only Authrim is measured. Authrim runs
with ``log_level = "warning"``, because the peer writes no line per request either. ``--sqlite`` runs Authrim on SQLite.
``--background`` says where its background work runs; a process of its own is not in ``cores``, and counts for itself.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from bench.authrim_side import AuthrimSide
from bench.measure import Summary, children, memory_megabytes, run, summarize
from bench.node_side import NodeSide
from tests import postgres_cluster

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "operations" / "benchmarks-http.md"


class Cell(NamedTuple):
    """One kind of work. Each side's ``load`` returns what is sent for it."""

    name: str
    title: str
    target: float
    requests_each: int = 1


CELLS = (
    Cell("cc_jwt", "client_credentials, ES256 JWT", 2.0),
    Cell("cc_opaque", "client_credentials, opaque", 2.0),
    Cell("introspect", "introspection of an opaque token", 2.0),
    Cell("introspect_jwt", "introspection of a JWT (peer: opaque)", 2.0),
    Cell("refresh", "refresh with rotation, ID token", 3.0),
    Cell("code_flow", "code + PKCE, signed in (flows)", 2.0, 2),
    Cell("discovery", "discovery", 1.5),
    Cell("jwks", "JWKS", 1.5),
)


def main() -> None:
    """Measure and print; ``--write`` writes the table into the documentation."""
    arguments = _arguments()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="authrim-bench-")))
        cluster = postgres_cluster.start()
        stack.callback(postgres_cluster.stop, cluster)
        sides: list[AuthrimSide | NodeSide] = [
            stack.enter_context(
                AuthrimSide.started(
                    folder, None if arguments.sqlite else cluster, background=arguments.background
                )
            )
        ]
        if (arguments.peer / "nodeop").is_dir():
            sides.append(stack.enter_context(NodeSide.started(folder, arguments.peer / "nodeop", cluster)))
        results = {cell.name: _measure(cell, sides, arguments) for cell in CELLS if _wanted(cell, arguments)}
        memory = {side.name: memory_megabytes(side.pid) for side in sides}
        startup = {side.name: side.startup_seconds for side in sides}
        beside = {side.name: [memory_megabytes(pid) for pid in children(side.pid)] for side in sides}
    table = _table(results, memory, startup, beside, arguments)
    print(table)
    if arguments.write:
        PAGE.write_text(_page(table))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=4, help="seconds per run")
    parser.add_argument("--rounds", type=int, default=3, help="runs per side and cell")
    parser.add_argument("--only", default="", help="one cell")
    parser.add_argument("--peer", type=Path, default=ROOT.parent / "shared" / "bench")
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--background", default="auto", choices=("auto", "process", "inside", "none"))
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


def _wanted(cell: Cell, arguments: argparse.Namespace) -> bool:
    return not arguments.only or cell.name == arguments.only


def _measure(
    cell: Cell, sides: list[AuthrimSide | NodeSide], arguments: argparse.Namespace
) -> dict[str, Summary]:
    """Measure in the order A B A B …, after one short run of each side to warm up."""
    runs: dict[str, list[Any]] = {side.name: [] for side in sides}
    for turn in range(arguments.rounds + 1):
        for side in sides:
            load = side.load(cell.name)
            seconds = arguments.seconds if turn else 1
            measured = run(load.url, load.script, load.environment, seconds, side.pid, cell.requests_each)
            if turn:
                runs[side.name].append(measured)
    summaries = {name: summarize(measured) for name, measured in runs.items()}
    for name, summary in summaries.items():
        print(f"{cell.name:15} {name:20} {summary.rate:9.0f}/s  p50 {summary.p50:6.2f}  p99 {summary.p99:6.2f}"
              f"  errors {summary.errors}  cores {summary.cores:.2f}", file=sys.stderr, flush=True)  # fmt: skip
    return summaries


def _table(
    results: Mapping[str, Mapping[str, Summary]], memory: Mapping[str, float], startup: Mapping[str, float],
    beside: Mapping[str, list[float]], arguments: argparse.Namespace,
) -> str:  # fmt: skip
    lines = [
        f"`python -m bench.http --seconds {arguments.seconds} --rounds {arguments.rounds}`: medians of the rounds,"
        " with the lowest and highest in parentheses; latencies in milliseconds.",
        "",
        "| work | Authrim | node-oidc-provider | ratio | target | p50 | p99 | p99 / p50 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for cell in CELLS:
        if cell.name not in results:
            continue
        ours, *others = results[cell.name].values()
        peer = others[0] if others else None
        ratio = f"{ours.rate / peer.rate:.2f}" if peer else "–"
        shown_peer = f"{peer.rate:.0f} ({peer.lowest:.0f}–{peer.highest:.0f})" if peer else "–"
        lines.append(
            f"| {cell.title} | {ours.rate:.0f} ({ours.lowest:.0f}–{ours.highest:.0f}) | {shown_peer} | {ratio} "
            f"| ≥ {cell.target} | {ours.p50:.2f} | {ours.p99:.2f} | {ours.p99 / ours.p50:.1f} |"
        )
    lines.append("")
    lines += [
        f"{name}: {memory[name]:.0f} MB after the load"
        + "".join(f", {more:.0f} MB in the process of the background work" for more in beside[name])
        + f"; first answer after {startup[name]:.2f} s."
        for name in memory
    ]
    return "\n".join(lines) + "\n"


def _page(table: str) -> str:
    return (
        "# HTTP benchmarks\n\nWhat one server process does, each event durable in PostgreSQL before the answer, "
        "compared with node-oidc-provider doing the same work in the same run. Absolute figures depend on the "
        "machine; compare the ratios.\n\n" + table
    )


if __name__ == "__main__":
    main()
