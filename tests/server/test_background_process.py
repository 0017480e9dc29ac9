"""The process of the background work: beside a server or alone, and never one that answers."""

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import children, ended, listeners, started, terminated, wait_until


class Place:
    """A database, the settings of its servers, and their port."""

    def __init__(self, folder: Path, database: str) -> None:
        self.port, self.metrics_port = free_port(), free_port()
        self.config = folder / "authrim.toml"
        self.config.write_text(
            f'issuer = "http://localhost:{self.port}"\nport = {self.port}\ndevelopment = true\n'
            f'database = "{database}"\nmetrics_listen = "127.0.0.1:{self.metrics_port}"\n'
            f'master_keys = ["{secrets.token_urlsafe(32)}"]\n'
        )
        with started("--config", str(self.config), "migrate") as migrating:
            assert migrating.wait(PATIENCE) == 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def behind(self) -> dict[str, int] | None:
        """How far each follower is behind; None while the server does not answer."""
        try:
            answer = requests.get(self.url("/health/ready"), timeout=PATIENCE)
        except requests.ConnectionError:
            return None
        return dict(answer.json()["behind_seconds"]) if answer.status_code == 200 else None

    def other_page(self) -> dict[str, str]:
        """The variable of a process on the same machine, whose page cannot be where the server's is."""
        return {"AUTHRIM_METRICS_LISTEN": f"127.0.0.1:{self.metrics_port}"}

    def metrics(self) -> dict[tuple[str, ...], float]:
        """What the page of metrics says, by the name of the metric and the values of its labels."""
        page = requests.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=PATIENCE)
        return {
            (one.name, *one.labels.values()): one.value
            for family in text_string_to_metric_families(page.text)
            for one in family.samples
        }

    def is_followed(self) -> bool:
        """Record a refusal, and say whether all followers have come to it soon."""
        requests.post(self.url("/token"), data={"grant_type": "client_credentials"}, timeout=PATIENCE)
        wait_until(lambda: set((self.behind() or {"": 1}).values()) == {0})
        return True


@pytest.fixture
def place(tmp_path: Path, postgres_dsn: str) -> Place:
    return Place(tmp_path, postgres_dsn)


def background(process: subprocess.Popen[str]) -> set[int]:
    """The children that do the background work."""
    return {pid for pid in children(process.pid) if b"\0background\0" in _command(pid)}


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@pytest.mark.parametrize("workers", [1, 2])
def test_the_work_is_done_beside_the_server(place: Place, workers: int) -> None:
    """On PostgreSQL a child of the server does the background work without any port. When it is killed another one
    takes its place, and the server answers meanwhile (F01). It ends with the server, however that ends. One page of
    metrics shows all processes, and what the child counted is still there after it was killed."""
    with started("serve", "--workers", str(workers), "--config", str(place.config)) as process:
        wait_until(lambda: place.behind() is not None)
        wait_until(lambda: len(background(process)) == 1)
        assert place.is_followed()
        (first,) = background(process)
        assert not listeners(place.port, {first})
        followed = ("authrim_follower_events_total", "audit_v3")
        wait_until(lambda: place.metrics().get(followed, 0) > 0)
        wait_until(lambda: _processes(place) == {*_names(workers), "background"})
        before = place.metrics()
        os.kill(first, signal.SIGKILL)
        assert place.behind() is not None
        wait_until(lambda: len(background(process) - {first}) == 1)
        assert place.is_followed()
        wait_until(lambda: place.metrics()["authrim_process_starts_total", "background"] == 2)
        assert place.metrics()[followed] >= before[followed]
        assert place.metrics()["authrim_http_requests_total", "POST", "token", "401"] >= 2
        (second,) = background(process)
        if workers == 1:
            process.kill()
        else:
            status, _, _ = terminated(process)
            assert status == 0
        wait_until(lambda: not _command(second))


def _processes(place: Place) -> set[str]:
    """The processes that the page of metrics shows."""
    return {sample[1] for sample in place.metrics() if sample[0] == "authrim_process_start_timestamp_seconds"}


def _names(workers: int) -> set[str]:
    return {"server"} if workers == 1 else {f"worker-{number + 1}" for number in range(workers)}


@pytest.fixture
def beside_nobody(tmp_path: Path) -> Iterator[Place]:
    """A server on SQLite that does no background work."""
    place = Place(tmp_path, str(tmp_path / "authrim.db"))
    with started("serve", "--no-background", "--config", str(place.config)) as process:
        wait_until(lambda: place.behind() is not None)
        assert not children(process.pid)
        yield place


def test_the_work_is_done_by_a_command(beside_nobody: Place) -> None:
    """``serve --no-background`` follows nothing, and says so; ``authrim background`` does, on the same database, until
    SIGTERM. SIGHUP does not end it. It has a page of metrics of its own, and an address that is taken is refused."""
    refused = {"grant_type": "client_credentials"}
    requests.post(beside_nobody.url("/token"), data=refused, timeout=PATIENCE)
    wait_until(lambda: min((beside_nobody.behind() or {"": 0}).values()) > 0)
    with started("background", "--config", str(beside_nobody.config)) as process:
        status, _, stderr = ended(process)
    assert (status, "Traceback" in stderr) == (1, False)
    assert f"cannot listen on 127.0.0.1, port {beside_nobody.metrics_port}" in stderr
    beside_nobody.metrics_port = free_port()
    with started(
        "background", "--config", str(beside_nobody.config), environment=beside_nobody.other_page()
    ) as process:
        assert beside_nobody.is_followed()
        assert _processes(beside_nobody) == {"background"}
        process.send_signal(signal.SIGHUP)
        assert beside_nobody.is_followed()
        status, stdout, stderr = terminated(process)
    assert (status, stdout) == (0, "")
    assert "background.ready" in stderr
    assert "Traceback" not in stderr


def test_another_master_key_is_refused(beside_nobody: Place, tmp_path: Path) -> None:
    """The process signs, so it starts with the keys of the database alone, and ends with status 2 otherwise."""
    other = tmp_path / "other.toml"
    text = beside_nobody.config.read_text()
    other.write_text(text.partition("master_keys")[0] + f'master_keys = ["{secrets.token_urlsafe(32)}"]\n')
    beside_nobody.metrics_port = free_port()
    with started("background", "--config", str(other), environment=beside_nobody.other_page()) as process:
        assert process.wait(PATIENCE) == 2
