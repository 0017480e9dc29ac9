"""Servers as their operators start them: ``authrim dev`` and ``authrim serve`` in processes of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.support import ready_authrim
from tests.support.patience import PATIENCE

#: The state of a listening socket in /proc/net/tcp.
_LISTEN = "0A"

COMMAND = (sys.executable, "-m", "authrim")


@contextmanager
def started(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """``authrim`` with these arguments, until the block ends; it is killed when it has not ended by then."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | (environment or {}),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def development_server(
    data: Path, port: int, *options: str
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """``authrim dev --json``: the process, and the object that its first line is."""
    with ready_authrim.started(
        "dev", "--port", str(port), "--data", str(data), "--json", *options
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise AssertionError(process.communicate()[1])
        yield process, json.loads(line)


def ended(process: subprocess.Popen[str], seconds: float = PATIENCE) -> tuple[int, str, str]:
    """Wait for the process to end: its exit status, standard output and standard error."""
    stdout, stderr = process.communicate(timeout=seconds)
    return process.returncode, stdout, stderr


def terminated(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Ask the process to end, and wait until it has."""
    process.send_signal(signal.SIGTERM)
    return ended(process)


def state_of(pid: int) -> str:
    """The state of a process as the kernel names it: ``T`` for one that is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def children(pid: int) -> set[int]:
    """The processes that a process started and that still run."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(pid) for pid in listed.split()}


def descriptors(pid: int) -> int:
    """How many files, sockets and pipes a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def listening(port: int) -> dict[str, str]:
    """The sockets that listen on a TCP port of this machine: their inode and their address in the kernel's hex."""
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()
    ]
    local = {row[9]: row[1].split(":") for row in rows if row[3] == _LISTEN}
    return {inode: address for inode, (address, number) in local.items() if int(number, 16) == port}


def listeners(port: int, processes: set[int]) -> set[int]:
    """Those of the processes that listen on the port."""
    sockets = {f"socket:[{inode}]" for inode in listening(port)}
    return {pid for pid in processes if sockets & _open_files(pid)}


def _open_files(pid: int) -> set[str]:
    try:
        return {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()}
    except FileNotFoundError:
        return set()


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for ``condition``; fails when it does not become true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def answers(url: str) -> bool:
    """Whether a server answers there with 200."""
    try:
        return requests.get(url, timeout=PATIENCE).status_code == 200
    except requests.ConnectionError:
        return False
