"""A real Prometheus scrapes a real server, and what goes wrong there makes its alerts fire.

The rules are those of operators, with every window and wait cut down to seconds: what they ask for, and beyond which
value, stays.
"""

import json
import secrets
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import requests

from tests.operations.prometheus.watching import RULES, WINDOW, Prometheus, prometheus
from tests.postgres_cluster import Cluster
from tests.support import certificates
from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import COMMAND, answers, children, started, wait_until

pytestmark = pytest.mark.operations


class Watched:
    """A server, the page of its metrics, and the Prometheus that reads it."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.port, self.metrics, mtls = free_port(), free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        expiring = certificates.Authority("alerts").issue(
            "localhost", usage=certificates.SERVER_AUTH, valid=(-certificates.DAY, certificates.DAY)
        )
        certificate, key = expiring.write(folder, "server")
        self.config = folder / "authrim.toml"
        self.config.write_text(
            f'issuer = "http://localhost:{self.port}"\nport = {self.port}\ndevelopment = true\n'
            f'database = "{database}"\nmaster_keys = ["{secrets.token_urlsafe(32)}"]\n'
            f'metrics_listen = "127.0.0.1:{self.metrics}"\nsigning_algorithms = ["ES256"]\n'
            f'tls_certificate = "{certificate}"\ntls_key = "{key}"\nmtls_port = {mtls}\n'
            'append_queue_limit = 64\nappend_wait_seconds = 30\negress_allow = ["localhost"]\n'
        )
        self.command("migrate")
        created = self.command(
            "client",
            "create",
            "--type",
            "service",
            "--client-id",
            "service",
            "--name",
            "Service",
            "--scope",
            "a",
        )
        self.secret = created["client_secret"]

    @contextmanager
    def serving(self) -> Iterator[subprocess.Popen[str]]:
        """The server. What it says goes to a file: nobody reads a pipe meanwhile, and a full one would stop it."""
        with (
            (self.folder / "lines").open("w") as lines,
            subprocess.Popen(
                [*COMMAND, "--config", str(self.config), "serve"], stderr=lines, text=True
            ) as process,
        ):
            try:
                wait_until(lambda: answers(f"{self.url}/health/ready"))
                yield process
            finally:
                process.terminate()

    def command(self, *words: str) -> dict[str, Any]:
        with started("--json", "--config", str(self.config), *words) as process:
            stdout, stderr = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, stderr
        return dict(json.loads(stdout.splitlines()[-1])) if stdout else {}

    def ask(self, secret: str = "") -> int:
        """The status of a token request."""
        answer = requests.post(
            f"{self.url}/token",
            data={"grant_type": "client_credentials"},
            auth=("service", secret or self.secret),
            timeout=2 * PATIENCE,
        )
        return answer.status_code


@contextmanager
def receiver_that_is_gone() -> Iterator[str]:
    """The address of a webhook that answers 410, so that its messages are given up at once."""

    class Gone(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(410)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Gone) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/hook"
        server.shutdown()


@pytest.fixture
def watched(tmp_path: Path, postgres_dsn: str) -> Watched:
    return Watched(tmp_path, postgres_dsn)


def test_alerts_fire(watched: Watched, postgres_dsn: str, cluster: Cluster, tmp_path: Path) -> None:
    """A quiet server fires nothing but its certificate. Then, one after the other: wrong secrets, a broken reload, a
    background process that dies, a receiver that is gone, a breach, a database that is slow, one that is away."""
    nowhere = free_port()
    with ExitStack() as stack:
        address = stack.enter_context(receiver_that_is_gone())
        server = stack.enter_context(watched.serving())
        wait_until(lambda: answers(f"http://127.0.0.1:{watched.metrics}/metrics"))
        seen = stack.enter_context(prometheus(tmp_path, watched.metrics, nowhere))
        assert watched.ask() == 200

        wait_for = seen.wait_for

        wait_for(("AuthrimDown", "page"), ("AuthrimCertificateExpires", "page"))
        wait_until(lambda: len(seen.value(f"rate(authrim_appends_total[{WINDOW}])")) > 0)
        # In a window of seconds the first event is not signed yet.
        wait_until(lambda: seen.firing() == {("AuthrimDown", "page"), ("AuthrimCertificateExpires", "page")})
        _dashboard_finds_series(seen)

        wait_for(
            ("AuthrimRefusals", "ticket"),
            ("AuthrimGuessing", "ticket"),
            while_doing=lambda: [watched.ask("wrong") for _ in range(5)],
        )
        with watched.config.open("a") as file:
            file.write('log_level = "loud"\n')
        server.send_signal(signal.SIGHUP)
        wait_for(("AuthrimErrorsLogged", "ticket"))
        watched.config.write_text(watched.config.read_text().replace('log_level = "loud"\n', ""))

        watched.command("webhook", "create", address, "--event", "grant.*")
        wait_for(("AuthrimMessagesGivenUp", "ticket"), while_doing=watched.ask)
        wait_for(("AuthrimProcessSilent", "page"), while_doing=lambda: _kill(children(server.pid)))

        with closing(psycopg2.connect(postgres_dsn)) as owner:
            with owner, owner.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO monitor_breaches (id, rule, stream, positions, about, found_at, told_at) "
                    "VALUES ('b', 'code_once', 'default:grant:0', '[1]', '', 0, 0)"
                )
            wait_for(("AuthrimRuleBroken", "page"))
            _slow(owner, watched, lambda: wait_for(
                ("AuthrimLatencyFast", "page"), ("AuthrimLatencySlow", "ticket"), ("AuthrimCommitsSlow", "ticket"),
                ("AuthrimAppendsWait", "ticket"), ("AuthrimAppendQueueLong", "page"),
            ))  # fmt: skip

        name = postgres_dsn.rpartition("/")[2]
        cluster.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            cluster.end_sessions(name)
            wait_for(
                ("AuthrimDatabaseDown", "page"), ("AuthrimDatabaseFails", "ticket"),
                ("AuthrimErrorsFast", "page"), ("AuthrimErrorsSlow", "ticket"),
                ("AuthrimAppendsRefused", "page"), while_doing=watched.ask,
            )  # fmt: skip
        finally:
            cluster.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def _kill(processes: set[int]) -> None:
    for pid in processes:
        subprocess.run(["kill", "-9", str(pid)], check=False)


def _slow(owner: Any, watched: Watched, until: Any) -> None:
    """Hold the row that all appends take, again and again, while many requests come."""
    over = threading.Event()

    def hold() -> None:
        while not over.is_set():
            with owner, owner.cursor() as cursor:
                cursor.execute("SELECT 1 FROM head FOR UPDATE")
                over.wait(2)
            over.wait(0.05)

    def ask() -> None:
        while not over.is_set():
            watched.ask()

    threads = [threading.Thread(target=hold), *(threading.Thread(target=ask) for _ in range(60))]
    for thread in threads:
        thread.start()
    try:
        until()
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _dashboard_finds_series(seen: Prometheus) -> None:
    """Prometheus takes each query of the dashboard, and the figures that every server has are found."""
    board = json.loads((RULES.parent / "grafana" / "authrim.json").read_text())
    empty = []
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            query = target["expr"].replace("$job", "authrim").replace("$instance", ".*")
            found = seen.value(query.replace("$__rate_interval", WINDOW))
            empty += [] if found else [panel["title"]]
    assert not {
        "Requests per second, by route",
        "Tokens and codes",
        "Appends by result",
        "Followers behind",
        "Memory",
    } & {*empty}, empty
