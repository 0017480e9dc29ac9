"""``authrim serve --workers 2`` on PostgreSQL, from a TOML file: several processes, one server."""

import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import (
    answers,
    children,
    ended,
    listeners,
    listening,
    started,
    terminated,
    wait_until,
)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def config(tmp_path: Path, postgres_dsn: str, port: int) -> Path:
    """A settings file as docs/settings.md has it."""
    file = tmp_path / "authrim.toml"
    file.write_text(
        f'issuer = "https://login.example.com"\n'
        f'database = "{postgres_dsn}"\n'
        f'master_keys = ["{secrets.token_urlsafe(32)}"]\n'
        f"port = {port}\n"
        f'background = "inside"\n'
    )
    return file


@contextmanager
def two_workers(config: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """The server, when both workers answer."""
    with started("serve", "--workers", "2", "--config", str(config)) as process:
        try:
            wait_until(lambda: len(listeners(port, children(process.pid))) == 2)
            wait_until(lambda: answers(f"http://127.0.0.1:{port}/health/ready"))
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def test_workers_end_with_their_supervisor(config: Path, port: int) -> None:
    """F01: a supervisor that is killed leaves no worker behind that nobody could stop or start again."""
    with two_workers(config, port) as process:
        workers = children(process.pid)
        process.kill()
        wait_until(lambda: not any(_runs(pid) for pid in workers))


def _runs(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_both_workers_answer(config: Path, port: int) -> None:
    """Each worker listens on the one port, and together they answer many connections with one key set."""
    with two_workers(config, port) as process:
        assert len(children(process.pid)) == 2
        answered = {requests.get(f"http://127.0.0.1:{port}/jwks", timeout=PATIENCE).text for _ in range(20)}
        status, _, stderr = terminated(process)
    assert len(answered) == 1
    assert status == 0
    assert "Traceback" not in stderr


def test_sigterm_ends_all_of_them(config: Path, port: int) -> None:
    """F33: no worker is left behind, and the port is free again."""
    with two_workers(config, port) as process:
        workers = children(process.pid)
        status, _, _ = terminated(process)
    assert status == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_killed_worker_is_started_again(config: Path, port: int) -> None:
    """One worker dies: the other goes on answering, and soon there are two again."""
    with two_workers(config, port) as process:
        before = children(process.pid)
        killed = min(before)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: len(listening(port)) == 1)
        assert answers(f"http://127.0.0.1:{port}/health/ready")
        wait_until(lambda: len(listeners(port, children(process.pid))) == 2)
        after = children(process.pid)
    assert killed not in after
    assert len(after & before) == 1


def test_a_port_in_use_is_one_clear_line(config: Path, port: int) -> None:
    """Status 1, one line that says what to do, and no worker was started."""
    with (
        socket.create_server(("127.0.0.1", port)),
        started("serve", "--workers", "2", "--config", str(config)) as process,
    ):
        status, stdout, stderr = ended(process)
    assert (status, stdout) == (1, "")
    said = f"cannot listen on 127.0.0.1, port {port}: Address already in use: stop what listens there"
    assert stderr == f"Error: {said}, or choose another port\n"
