"""A service manager hears how the server is, on a datagram socket as systemd's (sd_notify(3))."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from authrim.server.service_manager import ServiceManager
from authrim.wire.passed_sockets import PassedSockets, passed_sockets
from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import COMMAND, children, started, terminated, wait_until

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"


class Manager:
    """The socket that a service manager listens on."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(PATIENCE)

    def next(self, wanted: str) -> str:
        """The next message that begins so. Signs of life come in between, and nothing else."""
        while not (message := self._socket.recv(4096).decode()).startswith(wanted):
            assert message == "WATCHDOG=1"
        return message

    def forget(self) -> None:
        """Leave out what was sent until now."""
        self._socket.setblocking(False)
        with suppress(BlockingIOError):
            while self._socket.recv(4096):
                pass

    def is_silent_for(self, seconds: float) -> bool:
        """Whether nothing was sent, nor is for so long."""
        self._socket.settimeout(seconds)
        try:
            self._socket.recv(4096)
        except TimeoutError:
            return True
        return False

    def close(self) -> None:
        self._socket.close()


class Lines:
    """What a process has written to standard error until now."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        self._place = process.stderr.fileno()
        os.set_blocking(self._place, False)
        self._text = b""

    def count(self, part: bytes) -> int:
        with suppress(BlockingIOError):
            while more := os.read(self._place, 65536):
                self._text += more
        return self._text.count(part)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.close()


@contextmanager
def server(folder: Path, database: str, *options: str, port: int) -> Iterator[subprocess.Popen[str]]:
    """``authrim serve`` as a watched service."""
    file = folder / "authrim.toml"
    file.write_text(
        f'issuer = "http://localhost:{port}"\nport = {port}\ndevelopment = true\n'
        f'database = "{database}"\nmaster_keys = ["{secrets.token_urlsafe(32)}"]\n'
    )
    environment = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "1000000"}
    with started("--config", str(file), "migrate") as migrating:
        assert migrating.wait(PATIENCE) == 0
    with started("--config", str(file), "serve", *options, environment=environment) as process:
        yield process


@pytest.mark.parametrize("workers", [1, 2])
def test_the_life_of_a_service(manager: Manager, tmp_path: Path, postgres_dsn: str, workers: int) -> None:
    """It is ready when it answers, with all its workers; it lives, reloads, and says that it stops. The process of the
    background work lives beside it through all that. On reload each process takes another log level, and keeps the one
    it has when the settings cannot be used."""
    port = free_port()
    with server(tmp_path, postgres_dsn, "--workers", str(workers), port=port) as process:
        manager.next("READY=1")
        assert requests.get(f"http://127.0.0.1:{port}/health/ready", timeout=PATIENCE).status_code == 200
        before = children(process.pid)
        assert len(before) == (1 if workers == 1 else workers + 1)
        manager.next("WATCHDOG=1")
        manager.next("WATCHDOG=1")
        lines = Lines(process)
        for level, told in (
            ("debug", b'"event":"logs.reloaded"'),
            ("loud", b'"event":"settings.not_reloaded"'),
        ):
            with (tmp_path / "authrim.toml").open("a") as file:
                file.write(f'log_level = "{level}"\n')
            process.send_signal(signal.SIGHUP)
            assert manager.next("RELOADING=1").split("\n")[1].startswith("MONOTONIC_USEC=")
            manager.next("READY=1")
            wait_until(lambda told=told: lines.count(told) == 1 + len(before))
        assert children(process.pid) == before
        status, _, _ = terminated(process)
        manager.next("STOPPING=1")
    assert status == 0


def test_a_stopped_process_gives_no_sign_of_life(manager: Manager, tmp_path: Path) -> None:
    """A process that stands still is silent, so that the watchdog restarts it."""
    with server(tmp_path, str(tmp_path / "authrim.db"), port=free_port()) as process:
        manager.next("READY=1")
        manager.next("WATCHDOG=1")
        process.send_signal(signal.SIGSTOP)
        manager.forget()
        assert manager.is_silent_for(3)


def test_without_a_manager() -> None:
    """No variables, no messages; a socket that is gone, or a watchdog of another process, disturbs nothing."""
    environment = {"NOTIFY_SOCKET": "/nonexistent/socket", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
    gone = ServiceManager.of_environment(environment)
    assert (environment, gone.watchdog_seconds) == ({}, None)
    gone.ready()
    ServiceManager.of_environment({}).ready()
    assert ServiceManager.of_environment({"WATCHDOG_USEC": "x"}).watchdog_seconds is None


#: A shell gives the server its own process id, as a service manager does.
_PASSED = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&"$FROM"'


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_that_is_passed(tmp_path: Path, postgres_dsn: str, workers: int) -> None:
    """The server answers at the socket that it is given, with all its workers, and opens no port. Who connects while it
    is restarted (with one process) waits for the next one."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as listening, socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        options = ("--workers", str(workers), "--no-background")
        for _ in range(3 - workers):
            waiting = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
            waiting.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            with _server_at(tmp_path, postgres_dsn, unused.getsockname()[1], listening, options) as process:
                assert waiting.recv(4096).startswith(b"HTTP/1.1 200")
                url = f"http://127.0.0.1:{port}/health/ready"
                assert requests.get(url, timeout=PATIENCE).status_code == 200
                assert terminated(process)[0] == 0
            waiting.close()


@contextmanager
def _server_at(
    folder: Path, database: str, port: int, listening: socket.socket, options: Sequence[str]
) -> Iterator[subprocess.Popen[str]]:
    """``authrim serve``, which gets a socket as descriptor 3."""
    file = folder / "authrim.toml"
    if not file.exists():
        file.write_text(
            f'issuer = "http://localhost:{port}"\nport = {port}\ndevelopment = true\n'
            f'database = "{database}"\nmaster_keys = ["{secrets.token_urlsafe(32)}"]\n'
        )
    command = ("bash", "-c", _PASSED, "bash", *COMMAND, "--config", str(file), "serve", *options)
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, pass_fds=[listening.fileno()],
        env=os.environ | {"FROM": str(listening.fileno())},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_no_restart_without_a_first_certificate(tmp_path: Path) -> None:
    """A315: a server that has no certificate and obtains none is not started again and again: authorities count."""
    file = tmp_path / "authrim.toml"
    file.write_text(
        f'issuer = "https://login.example.com"\nacme_directory = "https://localhost:1/directory"\n'
        f'database = "{tmp_path / "authrim.db"}"\nmaster_keys = ["{secrets.token_urlsafe(32)}"]\n'
        f'tls_certificate = "{tmp_path / "server.pem"}"\ntls_key = "{tmp_path / "server.key"}"\n'
    )
    with started("--config", str(file), "serve") as process:
        _, said = process.communicate(timeout=PATIENCE)
    assert "acme_directory" in said
    assert f"\nRestartPreventExitStatus={process.returncode}\n" in (UNITS / "authrim.service").read_text()


def test_sockets_for_somebody_else() -> None:
    """Sockets that are announced to another process are none of ours, and no child is told of them."""
    environment = {"LISTEN_FDS": "1", "LISTEN_PID": "1", "LISTEN_FDNAMES": "x"}
    assert passed_sockets(environment) == PassedSockets()
    assert environment == {}


_SUPERVISOR = """
import sys
from authrim.server import child, supervisor
child.HUNG_SECONDS = 2.0
sys.exit(supervisor.supervise([sys.executable, "-c", sys.argv[1]], 1))
"""
_WORKER = """
import asyncio, os, sys
from authrim.server.heartbeat import beat

async def main():
    beating = asyncio.create_task(beat(int(sys.argv[sys.argv.index("--worker-heartbeat") + 1])))
    await asyncio.sleep(0.5)
    print("beats", os.getpid(), flush=True)
    await beating

asyncio.run(main())
"""


def test_a_worker_that_hangs_is_replaced() -> None:
    """A worker that answered once and gives no sign of life any more is killed, and another one takes its place."""
    command = (sys.executable, "-c", _SUPERVISOR, _WORKER)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        try:
            first = _next_that_beats(supervisor)
            os.kill(first, signal.SIGSTOP)
            assert _next_that_beats(supervisor) != first
            wait_until(lambda: not Path(f"/proc/{first}").exists())
        finally:
            supervisor.terminate()


_SILENT = """
import signal, time
signal.signal(signal.SIGHUP, signal.SIG_IGN)
print("runs", flush=True)
time.sleep(600)
"""
_MANAGED = """
import sys
from authrim.server.service_manager import ServiceManager
from authrim.server.supervisor import supervise
sys.exit(supervise([sys.executable, "-c", sys.argv[1]], 1, manager=ServiceManager(sys.argv[2])))
"""


def test_a_reload_makes_nothing_ready(manager: Manager, tmp_path: Path) -> None:
    """SIGHUP to a server whose worker does not answer yet says neither that it reloads nor that it is ready."""
    command = (sys.executable, "-c", _MANAGED, _SILENT, str(tmp_path / "notify"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        try:
            assert supervisor.stdout is not None
            assert supervisor.stdout.readline() == "runs\n"
            supervisor.send_signal(signal.SIGHUP)
            assert manager.is_silent_for(2)
        finally:
            supervisor.terminate()


def _next_that_beats(supervisor: subprocess.Popen[str]) -> int:
    """The next worker that says that it has given a sign of life."""
    assert supervisor.stdout is not None
    for line in supervisor.stdout:
        if line.startswith("beats "):
            return int(line.split()[1])
    raise AssertionError("the supervisor has ended")


@pytest.mark.parametrize("unit", ["authrim.service", "authrim-backup.service"])
def test_the_unit_is_hardened(unit: str) -> None:
    """systemd itself rates what the service could still do: 2.0 at most, of 10."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed here")
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(UNITS / unit)],
        check=False, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert rated.returncode == 0, rated.stdout[-500:]
