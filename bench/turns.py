"""Servers measured in turn: A B A B …, so that what the machine does meanwhile meets all of them."""

import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Final, NamedTuple

from bench.answers import WrongAnswerError
from bench.cells import Cell
from bench.load import Load
from bench.measure import Measurement, cpu_seconds_of, database_cpu_seconds, machine_cpu_seconds, run
from bench.results import CellOfServer, Spread, spread_of
from bench.side import Side
from tests.postgres_cluster import Cluster

WARM_UP: Final = 0
#: After a run: how long is waited at most, how often it is looked, and below which share of a core it is quiet.
_LONGEST_SETTLING, _LOOK, _QUIET = 4.0, 0.25, 0.15


class Task(NamedTuple):
    """A server's part of a cell. ``prepare`` makes the load of a turn, of which turn 0 warms up; ``check`` refuses a
    run with wrong answers (:class:`WrongAnswerError`); a run takes at most ``seconds``, and ``rounds`` turns count."""

    side: Side
    prepare: Callable[[int], Load]
    check: Callable[[Measurement], None]
    rounds: int
    seconds: int
    warm_up_seconds: int = 1


class Run(NamedTuple):
    """A run, and the processor time per unit of work in ms of the server, of its processes that answer nobody, and of
    PostgreSQL. ``others`` is how many cores everything else took meanwhile."""

    measured: Measurement
    server: float
    beside: float
    database: float
    others: float


class CellInTurn(NamedTuple):
    """What each server did in a cell, the ratios to the reference by server, and the cores that others took."""

    by_server: dict[str, CellOfServer]
    ratios: dict[str, Spread]
    others: list[float]


def measure(cell: Cell, tasks: Sequence[Task], cluster: Cluster, reference: str) -> CellInTurn:
    """Measure a cell. A server that answers wrongly is refused, and has no figure."""
    runs: dict[str, dict[int, Run]] = {task.side.name: {} for task in tasks}
    refused: dict[str, str] = {}
    for turn in range(max(task.rounds for task in tasks) + 1):
        for task in tasks:
            name = task.side.name
            if name in refused or turn > task.rounds:
                continue
            try:
                done = _run(cell, task, cluster, turn)
            except WrongAnswerError as error:
                refused[name] = str(error)
                _tell(f"{cell.name:15} {name:16} refused: {error}")
                continue
            _tell_run(cell, name, turn, done)
            if turn != WARM_UP:
                runs[name][turn] = done
    return CellInTurn(
        {name: _summary(list(done.values()), refused.get(name, "")) for name, done in runs.items()},
        {
            name: _ratio(done, runs[reference])
            for name, done in runs.items()
            if name not in refused and reference in runs and reference not in refused and done
        },
        [one.others for done in runs.values() for one in done.values()],
    )


def _run(cell: Cell, task: Task, cluster: Cluster, turn: int) -> Run:
    load = task.prepare(turn)
    answering = task.side.answering()
    beside = [pid for pid in task.side.processes() if pid not in answering]
    before, started = _spent(answering, beside, cluster), time.monotonic()
    seconds = task.warm_up_seconds if turn == WARM_UP else task.seconds
    measured = run(load.url, load.script, load.environment, seconds, task.side.pid, cell.requests_each)
    after, passed = _spent(answering, beside, cluster), time.monotonic() - started
    task.check(measured)
    server = after.server - before.server
    ours = server + after.beside - before.beside + after.database - before.database + after.wrk - before.wrk
    others = after.machine - before.machine - ours
    _settle(beside, cluster)
    settled, each = _spent(answering, beside, cluster), 1000 / measured.work
    return Run(
        measured,
        server * each,
        (settled.beside - before.beside) * each,
        (settled.database - before.database) * each,
        max(others / passed, 0.0),
    )


def _settle(beside: Sequence[int], cluster: Cluster) -> None:
    """Wait until the work that a run leaves behind is done: it is part of what the run cost, and it must not take
    processor time from the next server."""
    deadline = time.monotonic() + _LONGEST_SETTLING
    spent = cpu_seconds_of(beside) + database_cpu_seconds(cluster)
    while time.monotonic() < deadline:
        time.sleep(_LOOK)
        now = cpu_seconds_of(beside) + database_cpu_seconds(cluster)
        if now - spent < _QUIET * _LOOK:
            return
        spent = now


class _Spent(NamedTuple):
    """Processor seconds so far: of processes that answer and of others of the server, of PostgreSQL, of the machine, of
    wrk."""

    server: float
    beside: float
    database: float
    machine: float
    wrk: float


def _spent(answering: Sequence[int], beside: Sequence[int], cluster: Cluster) -> _Spent:
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return _Spent(
        cpu_seconds_of(answering),
        cpu_seconds_of(beside),
        database_cpu_seconds(cluster),
        machine_cpu_seconds(),
        own.ru_utime + own.ru_stime,
    )


def _summary(runs: Sequence[Run], refused: str) -> CellOfServer:
    if refused or not runs:
        return CellOfServer(refused=refused or "not measured")
    return CellOfServer(
        runs=len(runs),
        rate=spread_of(one.measured.rate for one in runs),
        p50=median(one.measured.p50 for one in runs),
        p99=median(one.measured.p99 for one in runs),
        server_ms=median(one.server for one in runs),
        beside_ms=median(one.beside for one in runs),
        database_ms=median(one.database for one in runs),
    )


def _ratio(ours: Mapping[int, Run], theirs: Mapping[int, Run]) -> Spread:
    """The median of the turns' ratios."""
    return spread_of(ours[turn].measured.rate / theirs[turn].measured.rate for turn in ours if turn in theirs)


def _tell_run(cell: Cell, name: str, turn: int, done: Run) -> None:
    measured = done.measured
    _tell(
        f"{cell.name:15} {name:16} {'warm-up' if turn == WARM_UP else f'turn {turn}':8} {measured.rate:8.0f}/s"
        f"  p50 {measured.p50:7.2f}  p99 {measured.p99:7.2f}  server {done.server:.3f} ms"
        f"  database {done.database:.3f} ms  others {done.others:.2f} cores"
    )


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
