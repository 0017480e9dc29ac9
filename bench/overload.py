"""What a server does with three times what it can: ``python -m bench.overload [--workers N] [--seconds N] [--write]``.

First a closed loop finds how many requests per second the server answers of a mixture. Then the same mixture comes
three times as often, whether the answers come or not (``bench.open_loop``). Revocation and introspection are held to a
deadline; the rest may be refused, with 503 and ``Retry-After``. Afterwards a trickle shows when all is answered again,
and every token is looked up: what was acknowledged as revoked must be dead, what was issued must live. PostgreSQL is a
throw-away cluster with ``fsync=on``; the sender has a process of its own, so two processors are shared by all three.
"""

import argparse
import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.authrim_side import AuthrimSide
from bench.generated import machine, replaced
from bench.http_client import authorize_path
from bench.measure import children, cpu_seconds, memory_megabytes
from bench.open_loop import Kind, Outcome, Plan, form, quantile, send
from tests import postgres_cluster

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "operations" / "benchmarks-overload.md"
ADDRESSES = tuple(f"127.0.0.{number}" for number in range(2, 18))
FACTOR = 3
#: Seconds within which 99 of 100 revocations and introspections must be answered.
DEADLINE = 1.0
#: Tokens that are looked up afterwards, of each sort.
LOOKED_UP = 2000
_ORDER = ("register", "authorize", "token", "discovery", "introspect", "revoke")


def kinds_of(side: AuthrimSide) -> tuple[Kind, ...]:
    """The mixture: mostly tokens, and one of each urgency."""
    own = form({"Authorization": f"Basic {side.basic('opaque')}"})
    cookies = side.session_cookies()
    asked = authorize_path("/authorize", side.client_id["opaque"], "openid")
    return (
        Kind("token", 55, "POST /token", (200,), own, "grant_type=client_credentials&scope=api", gives=True),
        Kind("introspect", 15, "POST /introspect", (200,), own, "token=%s"),
        Kind("revoke", 5, "POST /revoke", (200,), own, "token=%s", takes=True),
        Kind("authorize", 10, f"GET {asked}", (303,), f"Cookie: {cookies}\r\n"),
        Kind("discovery", 10, "GET /.well-known/openid-configuration", (200,)),
        Kind("register", 5, "POST /register", (401, 429), "Content-Type: application/json\r\n", "{}"),
    )


class Watch:
    """Memory and open files of the server's processes, once per second."""

    def __init__(self, pid: int) -> None:
        self._pids = [pid, *children(pid)]
        self.memory: list[float] = []
        self.used = self._used()

    def _used(self) -> float:
        return sum(cpu_seconds(pid) for pid in self._pids)

    async def look(self) -> None:
        """Until cancelled."""
        while True:
            self.memory.append(sum(memory_megabytes(pid) for pid in self._pids))
            await asyncio.sleep(1)

    def cores(self, seconds: float) -> float:
        """Processors used since the watch began."""
        return (self._used() - self.used) / seconds


async def measure(side: AuthrimSide, seconds: int) -> dict[str, Any]:
    """One run: capacity, overload, and what became of the tokens."""
    kinds = kinds_of(side)
    await send(Plan(side.port, kinds, 3, closed=128, addresses=ADDRESSES))  # warm
    closed = await send(Plan(side.port, kinds, 8, closed=128, addresses=ADDRESSES))
    capacity = sum(told.answered for told in closed.kinds.values()) / 8
    watch = Watch(side.pid)
    looking = asyncio.create_task(watch.look())
    begun = time.monotonic()
    outcome = await send(
        Plan(
            side.port,
            kinds,
            seconds,
            rate=capacity * FACTOR,
            after=10,
            addresses=ADDRESSES,
            tokens=tuple(closed.issued),
        )
    )
    passed = time.monotonic() - begun
    looking.cancel()
    dead, alive = outcome.revoked[-LOOKED_UP:], outcome.issued[-LOOKED_UP:]
    return {
        "capacity": capacity,
        "outcome": outcome,
        "closed": closed,
        "memory": watch.memory,
        "cores": watch.cores(passed),
        "revived": sum([side.is_active(token) for token in dead]),
        "missing": sum([not side.is_active(token) for token in alive]),
        "looked_up": (len(dead), len(alive)),
    }


def faults(measured: dict[str, Any]) -> list[str]:
    """What is not as it must be."""
    outcome: Outcome = measured["outcome"]
    found = [
        f"{name}: {count} × {status}"
        for name, told in outcome.kinds.items()
        for status, count in told.wrong.items()
    ]
    for name in ("introspect", "revoke"):
        told = outcome.kinds[name]
        p99 = quantile(told.latencies, 0.99)
        if p99 > DEADLINE * 1000:
            found.append(f"{name}: p99 is {p99:.0f} ms")
        if told.shed or told.lost:
            found.append(f"{name}: {told.shed} shed, {told.lost} lost")
    if measured["revived"] or measured["missing"]:
        found.append(
            f"{measured['revived']} revoked tokens live, {measured['missing']} issued ones are missing"
        )
    if outcome.recovered is None or outcome.recovered > 5:
        found.append(f"recovered after {outcome.recovered} s")
    return found


def table(measured: dict[str, Any], workers: int, seconds: int) -> str:
    """The result as text."""
    outcome: Outcome = measured["outcome"]
    sent = sum(told.sent for told in outcome.kinds.values())
    good = sum(told.answered for told in outcome.kinds.values())
    lines = [
        f"{workers} server process{'es' if workers > 1 else ''}: {measured['capacity']:.0f} requests per second by a "
        f"closed loop of 128; then {sent} requests in {seconds} s ({sent / seconds:.0f} per second), of which {good} "
        f"were answered ({good / seconds:.0f} per second).",
        "",
        "| request | sent | answered | refused (503) | no answer | p50, ms | p99, ms | p99 of refusals, ms |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name in _ORDER:
        told = outcome.kinds[name]
        lines.append(
            f"| {name} | {told.sent} | {told.answered} | {told.shed} | {told.lost} "
            f"| {quantile(told.latencies, 0.5):.0f} | {quantile(told.latencies, 0.99):.0f} "
            f"| {quantile(told.shed_latencies, 0.99):.0f} |"
        )
    memory = measured["memory"]
    dead, alive = measured["looked_up"]
    lines += [
        "",
        f"All was answered within a second again {outcome.recovered:.1f} s after the load. Memory {memory[0]:.0f} MB "
        f"before, {max(memory):.0f} MB at most, {memory[-1]:.0f} MB at the end; {measured['cores']:.2f} processors; "
        f"{outcome.busiest} connections at most. The sender itself was late by {outcome.late * 1000:.0f} ms with one "
        f"of a hundred requests, which is in the latencies. Of {dead} revoked tokens {measured['revived']} were active "
        f"afterwards, of {alive} issued ones {measured['missing']} were not. "
        f"Faults: {'; '.join(faults(measured)) or 'none'}.",
    ]
    return "\n".join(lines) + "\n"


def run(workers: int, seconds: int, settings: dict[str, Any]) -> str:
    """One server, measured."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="authrim-overload-")))
        cluster = postgres_cluster.start()
        stack.callback(postgres_cluster.stop, cluster)
        side = stack.enter_context(AuthrimSide.started(folder, cluster, workers=workers, **settings))
        return table(asyncio.run(measure(side, seconds)), workers, seconds)


def main() -> None:
    """Measure and print; ``--write`` writes the table into the documentation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=0, help="server processes; 0: one, then two")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    counts = [arguments.workers] if arguments.workers else [1, 2]
    text = "\n".join(run(count, arguments.seconds, {}) for count in counts)
    print(text)
    if arguments.write:
        command = f"python -m bench.overload --seconds {arguments.seconds}"
        PAGE.write_text(replaced(PAGE.read_text(), "overload", f"{machine(command)}\n\n{text}"))


if __name__ == "__main__":
    main()
