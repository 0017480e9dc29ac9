"""What slow clients do to others: ``python -m bench.slow [--seconds N] [--write]``, as root.

Five thousand connections come from another network namespace, from forty addresses: most are idle after one answer,
some send their head or their form byte by byte, some ask and do not read. Others send at a steady rate meanwhile
(``bench.open_loop``), and before and after. The p99 of the others must be less than twice that without the crowd.
PostgreSQL is a throw-away cluster with ``fsync=on``.
"""

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from bench.authrim_side import AuthrimSide
from bench.generated import machine, replaced
from bench.measure import cpu_seconds, memory_megabytes
from bench.open_loop import Kind, Plan, form, quantile, send
from tests import postgres_cluster
from tests.support.namespace import Namespace, namespace, why_not
from tests.support.slow_clients import SlowPlan

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "operations" / "benchmarks-overload.md"
CROWD = {"idle": 4000, "heads": 400, "bodies": 400, "readers": 200}
ADDRESSES = 40
#: Seconds between two bytes of who sends slowly.
PAUSE = 2
#: Seconds until the crowd is at rest: who does not read has been sent what there is room for.
SETTLED = 4
#: Requests per second of the others, far below what the server can.
RATE = 100


def kinds_of(side: AuthrimSide) -> tuple[Kind, ...]:
    """What the others ask for."""
    own = form({"Authorization": f"Basic {side.basic('opaque')}"})
    return (
        Kind("token", 40, "POST /token", (200,), own, "grant_type=client_credentials&scope=api", gives=True),
        Kind("introspect", 40, "POST /introspect", (200,), own, "token=%s"),
        Kind("jwks", 20, "GET /jwks", (200,)),
    )


class Turn(msgspec.Struct, frozen=True):
    """One turn of the others: latencies in ms, what was not answered, processors and memory of the server."""

    p50: float
    p99: float
    failed: int
    cores: float
    memory: float


async def turn(side: AuthrimSide, seconds: int) -> Turn:
    """Send at the steady rate."""
    used, begun = cpu_seconds(side.pid), time.monotonic()
    outcome = await send(Plan(side.port, kinds_of(side), seconds, rate=RATE))
    cores = (cpu_seconds(side.pid) - used) / (time.monotonic() - begun)
    latencies = [one for told in outcome.kinds.values() for one in told.latencies]
    failed = sum(told.sent - told.answered for told in outcome.kinds.values())
    return Turn(
        quantile(latencies, 0.5), quantile(latencies, 0.99), failed, cores, memory_megabytes(side.pid)
    )


async def beside_crowd(side: AuthrimSide, place: Namespace, seconds: int) -> tuple[Turn, dict[str, int]]:
    """The same with the crowd, and how often each kind of it was cut."""
    plan = SlowPlan(place.here, side.port, place.addresses, pause=PAUSE, **CROWD)
    process = await asyncio.create_subprocess_exec(
        *place.command([sys.executable, "-m", "tests.support.slow_clients", msgspec.json.encode(plan).decode()]),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(120):
        await process.stdout.readline()
    await asyncio.sleep(SETTLED)
    measured = await turn(side, seconds)
    process.stdin.close()
    async with asyncio.timeout(30):
        *_, last = [line async for line in process.stdout]
    cut: dict[str, int] = json.loads(last)
    await process.wait()
    return measured, cut


async def measure(side: AuthrimSide, seconds: int, rounds: int) -> dict[str, Any]:
    """The others alone, then with the crowd, in turn."""
    await turn(side, 3)  # warm
    alone, beside, cut = [], [], Counter[str]()
    with namespace(ADDRESSES) as place:
        for _ in range(rounds):
            alone.append(await turn(side, seconds))
            measured, was_cut = await beside_crowd(side, place, seconds)
            beside.append(measured)
            cut.update(was_cut)
    return {"alone": alone, "beside": beside, "cut": cut}


def table(measured: dict[str, Any], seconds: int) -> str:
    """The result as text."""

    def row(title: str, turns: list[Turn]) -> str:
        middle = [statistics.median(getattr(one, name) for one in turns) for name in Turn.__struct_fields__]
        return f"| {title} | {middle[0]:.1f} | {middle[1]:.1f} | {sum(one.failed for one in turns)} | {middle[3]:.2f} | {middle[4]:.0f} |"  # noqa: E501

    alone, beside, cut = measured["alone"], measured["beside"], measured["cut"]
    ratio = statistics.median(one.p99 for one in beside) / statistics.median(one.p99 for one in alone)
    crowd = ", ".join(f"{count} {kind}" for kind, count in CROWD.items())
    lines = [
        f"{RATE} requests per second of others, {len(alone)} turns of {seconds} s each, medians. The crowd: {crowd}.",
        "",
        "| the others | p50, ms | p99, ms | not answered | processors | memory, MB |",
        "|---|---:|---:|---:|---:|---:|",
        row("alone", alone),
        row("beside the crowd", beside),
        "",
        f"The p99 beside the crowd is {ratio:.2f} times that without it. Cut, and come again: "
        + (", ".join(f"{count} {kind}" for kind, count in sorted(cut.items())) or "none")
        + ".",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print; ``--write`` writes the table into the documentation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if missing := why_not():
        raise SystemExit(missing)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="authrim-slow-")))
        cluster = postgres_cluster.start()
        stack.callback(postgres_cluster.stop, cluster)
        sock = stack.enter_context(socket.create_server(("0.0.0.0", 0), backlog=512))
        side = stack.enter_context(AuthrimSide.started(folder, cluster, sock=sock))
        text = table(asyncio.run(measure(side, arguments.seconds, arguments.rounds)), arguments.seconds)
    print(text)
    if arguments.write:
        command = f"python -m bench.slow --seconds {arguments.seconds} --rounds {arguments.rounds}"
        PAGE.write_text(replaced(PAGE.read_text(), "slow", f"{machine(command)}\n\n{text}"))


if __name__ == "__main__":
    main()
