"""Load from wrk and its cost: requests per second, latencies, processor time and memory of the server."""

import json
import os
import re
import statistics
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.postgres_cluster import Cluster

WRK_DIR = Path(__file__).parent / "wrk"
CONNECTIONS = 32
_TICKS = os.sysconf("SC_CLK_TCK")


class Measurement(NamedTuple):
    """One run: the work per second (requests, or flows of several requests), latencies in ms, errors, used cores, the
    server's processor time per unit of work in ms, answers that were not right, and how much work was done."""

    rate: float
    p50: float
    p99: float
    errors: int
    cores: float
    cpu: float
    wrong: int
    work: float


class Summary(NamedTuple):
    """Several runs of one cell: medians, and the spread of the rate."""

    rate: float
    lowest: float
    highest: float
    p50: float
    p99: float
    errors: int
    cores: float
    cpu: float


def run(
    url: str,
    script: str,
    environment: Mapping[str, str],
    seconds: int,
    pid: int,
    requests_each: int = 1,
) -> Measurement:
    """One run of wrk with one thread and 32 connections, and the processor time of one process meanwhile."""
    command = [
        "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "15s", "-s", str(WRK_DIR / script), url,
    ]  # fmt: skip
    before, started = cpu_seconds(pid), time.monotonic()
    done = subprocess.run(
        command,
        env={**os.environ, **environment, "WRK_DIR": str(WRK_DIR)},
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 60,
    )
    used, passed = cpu_seconds(pid) - before, time.monotonic() - started
    found = re.search(r"JSON(\{.*\})", done.stdout)
    if found is None:
        raise RuntimeError(f"wrk reported nothing: {done.stdout}{done.stderr}")
    told: dict[str, Any] = json.loads(found[1])
    work = told["requests"] / requests_each
    rate = work / (told["microseconds"] / 1e6)
    cost = used * 1000 / work if work else 0.0
    return Measurement(
        rate, told["p50"], told["p99"], told["errors"], used / passed, cost, told["wrong"], work
    )


def summarize(runs: list[Measurement]) -> Summary:
    """The medians of the runs, and the sum of their errors."""
    rates = [one.rate for one in runs]
    return Summary(
        statistics.median(rates),
        min(rates),
        max(rates),
        statistics.median(one.p50 for one in runs),
        statistics.median(one.p99 for one in runs),
        sum(one.errors for one in runs),
        statistics.median(one.cores for one in runs),
        statistics.median(one.cpu for one in runs),
    )


def cpu_seconds(pid: int, *, and_ended_children: bool = False) -> float:
    """The processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11 : 15 if and_ended_children else 13]) / _TICKS


def cpu_seconds_of(pids: Iterable[int]) -> float:
    """The processor time of several processes so far, in seconds."""
    return sum(map(cpu_seconds, pids))


def database_cpu_seconds(cluster: Cluster) -> float:
    """The processor time of PostgreSQL so far, in seconds, including processes that have ended."""
    postmaster = int((Path(cluster.folder) / "data" / "postmaster.pid").read_text().split()[0])
    while True:
        try:
            return cpu_seconds(postmaster, and_ended_children=True) + cpu_seconds_of(children(postmaster))
        except (FileNotFoundError, ProcessLookupError):
            continue  # one ended just now, and its time has become its parent's


def children(pid: int) -> list[int]:
    """The processes that a process started and that still run."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def machine_cpu_seconds() -> float:
    """The processor time of everything on this machine so far, in seconds: also what a hypervisor took away."""
    user, nice, system, _, _, hard, soft, stolen = (
        int(field) for field in Path("/proc/stat").read_text().split()[1:9]
    )
    return (user + nice + system + hard + soft + stolen) / _TICKS


def is_background(pid: int) -> bool:
    """Whether a process of Authrim does the background work, by its command."""
    return b"background" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def memory_megabytes(pid: int) -> float:
    """The resident memory of a process."""
    return _kilobytes("VmRSS", Path(f"/proc/{pid}/status")) / 1024


def proportional_megabytes(pid: int) -> float:
    """The memory of a process, in which what several share counts in parts (PSS)."""
    return _kilobytes("Pss", Path(f"/proc/{pid}/smaps_rollup")) / 1024


def _kilobytes(name: str, file: Path) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", file.read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])
