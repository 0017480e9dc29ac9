"""The cells of ``bench.http``, on servers that differ in their log or in the number of their processes, in turn."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import psycopg2

from bench.authrim_side import AuthrimSide
from bench.cells import CELLS, Cell
from bench.measure import children, cpu_seconds, database_cpu_seconds, is_background, memory_megabytes, run
from tests.postgres_cluster import Cluster

#: The cells that are measured with several processes: those that a busy server answers.
BUSY: Final = tuple(cell for cell in CELLS if cell.name in ("cc_jwt", "introspect", "refresh", "code_flow"))
#: How long is waited at most for what follows the log after a run, in seconds.
_SETTLING: Final = 5.0


class Run(NamedTuple):
    """One run: work per second, latencies in ms, errors, and processor time per unit of work in µs: of the processes
    that answer, of that of the background work, of PostgreSQL."""

    rate: float
    p50: float
    p99: float
    errors: int
    server: float
    background: float
    database: float


class Measured(NamedTuple):
    """The runs of a server in a cell, and their medians."""

    runs: tuple[Run, ...]

    @property
    def median(self) -> Run:
        """The median of each figure."""
        return Run(*(median(values) for values in zip(*self.runs, strict=True)))  # type: ignore[arg-type]


class Start(NamedTuple):
    """Seconds to the first answer of each start, and the memory in MB after the load: of each process that answers, and
    of the background work."""

    seconds: tuple[float, ...]
    answering: tuple[float, ...] = ()
    background: float = 0


#: By cell and server.
Results = Mapping[str, Mapping[str, Measured]]


class Server(NamedTuple):
    """A server of the comparison, and where its log is."""

    side: AuthrimSide
    dsn: str

    def processes(self) -> tuple[list[int], list[int]]:
        """The processes that answer, and those of the background work."""
        below = children(self.side.pid)
        background = [pid for pid in below if is_background(pid)]
        return [pid for pid in (self.side.pid, *below) if pid not in background], background


@contextmanager
def servers(wanted: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Server]]:
    """Running servers with these settings, one of which is always the database."""
    with ExitStack() as stack:
        found = {}
        for name, settings in wanted.items():
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="authrim-scale-")))
            side = stack.enter_context(AuthrimSide.started(folder, None, **settings))
            found[name] = Server(side, settings["database"])
        yield found


def measure(
    cluster: Cluster, sides: Mapping[str, Server], cells: Sequence[Cell], rounds: int, seconds: int
) -> Results:
    """Measure the cells on the servers in turn, after one short run of each to warm up."""
    return {cell.name: _cell(cluster, sides, cell, rounds, seconds) for cell in cells}


def _cell(
    cluster: Cluster, sides: Mapping[str, Server], cell: Cell, rounds: int, seconds: int
) -> Mapping[str, Measured]:
    runs: dict[str, list[Run]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        order = list(sides) if turn % 2 else list(reversed(sides))
        for name in order:
            one = _run(cluster, sides[name], cell, seconds if turn else 1)
            if turn:
                runs[name].append(one)
    measured = {name: Measured(tuple(of_side)) for name, of_side in runs.items()}
    for name, found in measured.items():
        middle = found.median
        print(
            f"{cell.name:15} {name:12} {middle.rate:9.0f}/s  p50 {middle.p50:6.2f}  p99 {middle.p99:7.2f}"
            f"  µs: server {middle.server:5.0f}, background {middle.background:4.0f}, database {middle.database:4.0f}"
            f"  errors {sum(run.errors for run in found.runs)}",
            flush=True,
        )
    return measured


def _run(cluster: Cluster, server: Server, cell: Cell, seconds: int) -> Run:
    load = server.side.load(cell.name)
    answering, background = server.processes()
    before = [_seconds(answering), _seconds(background), database_cpu_seconds(cluster)]
    told = run(load.url, load.script, load.environment, seconds, server.side.pid, cell.requests_each)
    _settle(server.dsn)
    after = [_seconds(answering), _seconds(background), database_cpu_seconds(cluster)]
    work = max(1.0, told.rate * seconds)
    costs = [(end - begin) * 1e6 / work for begin, end in zip(before, after, strict=True)]
    return Run(told.rate, told.p50, told.p99, told.errors, *costs)


def _seconds(pids: Sequence[int]) -> float:
    return sum(map(cpu_seconds, pids))


def _settle(dsn: str) -> None:
    """Wait until everything has followed the log, so that it does not do so during somebody else's run."""
    until = time.monotonic() + _SETTLING
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        while time.monotonic() < until:
            cursor.execute(
                "SELECT (SELECT position FROM authrim.head) - (SELECT min(position) FROM authrim.followers)"
            )
            if (cursor.fetchone() or (0,))[0] <= 0:
                return
            time.sleep(0.1)


def starts(databases: Mapping[str, str], times: int) -> dict[str, tuple[float, ...]]:
    """How long a start takes until the first answer, in seconds, on each database in turn."""
    found: dict[str, list[float]] = {name: [] for name in databases}
    for _ in range(times):
        for name, dsn in databases.items():
            with servers({name: {"database": dsn}}) as started:
                found[name].append(started[name].side.startup_seconds)
    return {name: tuple(seconds) for name, seconds in found.items()}


def memory(server: Server) -> tuple[tuple[float, ...], float]:
    """The resident memory in MB of each process that answers, and of the background work."""
    answering, background = server.processes()
    return tuple(map(memory_megabytes, answering)), sum(map(memory_megabytes, background))
