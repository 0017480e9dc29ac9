"""The cluster of ``deploy/ha/one-machine``: started as an operator starts it, and what can be done to its machines."""

import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp
import psycopg2

from tests.support.installing import run, system_packages
from tests.support.patience import LATER
from tests.support.person import LOGIN, PASSWORD
from tests.support.ports import free_port
from tests.support.processes import children
from tests.support.running import USUAL, KnownClient, RunningServer
from tests.support.tokens import OFFLINE

_DEPLOY: Final = Path(__file__).parents[3] / "deploy" / "ha"
_SETTINGS: Final = """
signing_algorithms = ["ES256", "RS256"]
log_level = "warning"
authorize_requests_per_minute = 100000
consent_pause = 0
background = "inside"
argon2_memory = 8192
argon2_time_cost = 1
refresh_grace_seconds = 3
# A machine that seven machines share is late without being asked for much.
overload_milliseconds = 1000
"""
_CLIENTS: Final = {
    "web": ("--type", "web", "--redirect-uri", USUAL["web"].redirect_uris[0], "--scope", OFFLINE["scope"]),
    "service": ("--type", "service", "--scope", "reports.read"),
}
#: What an append goes through on the machine of a database, beside PostgreSQL itself.
_BESIDE: Final = ("patroni", "pgbouncer")


class Head(NamedTuple):
    """What a machine has of the log, and on which timeline it is."""

    position: int
    chain_hash: bytes
    timeline: int


class Stand:
    """A running cluster. The clients of a history find its servers at one address, that of HAProxy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.owner = folder / "owner.toml"
        self._decided: dict[str, str] = json.loads((folder / "cluster.json").read_text())
        self.issuer = f"http://localhost:{self._decided['port']}"
        self.clients: dict[str, KnownClient] = {}
        self.servers = [self]

    def url(self, path: str, server: int = 0) -> str:
        """A URL at the address of HAProxy; ``server`` is always that one."""
        return self.issuer + path

    def as_running(self, http: aiohttp.ClientSession) -> RunningServer:
        """The servers as a browser of the tests sees them."""
        return RunningServer(self.issuer, None, http, "", clients=self.clients)  # type: ignore[arg-type]

    def furnish(self) -> None:
        """A person and the clients, made by the command line."""
        self._authrim("account", "create", LOGIN, "--password-stdin", stdin=PASSWORD + "\n")
        for name, words in _CLIENTS.items():
            made = json.loads(self._authrim("client", "create", "--json", "--client-id", name, *words))
            self.clients[name] = KnownClient(name, made["client_secret"], USUAL[name])

    def _authrim(self, *words: str, stdin: str = "") -> str:
        command = [sys.executable, "-m", "authrim", "--config", str(self.owner), *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def on_server(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command with the settings of the first server."""
        settings = self.folder / "authrim-1" / "authrim.toml"
        command = [sys.executable, "-m", "authrim", "--config", str(settings), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def command(self, *words: str) -> None:
        """One of ``one-machine``."""
        run(sys.executable, str(_DEPLOY / "one-machine"), words[0], str(self.folder), *words[1:])

    def restart_without_notice(self, server: str) -> None:
        """A new process of a server, as ``deploy/ha/README.md`` says."""
        commands = str(self.folder / "haproxy" / "admin.sock")
        again = (sys.executable, str(_DEPLOY / "one-machine"), "restart", str(self.folder), server)
        run(sys.executable, str(_DEPLOY / "without-server"), commands, server, *again)

    def server_pid(self, server: str) -> int:
        """The process of a server."""
        return self._pid(server)

    def switch_over(self, primary: str) -> None:
        """What an operator does to change the primary."""
        patronictl = self.folder / "patroni" / "bin" / "patronictl"
        configuration = self.folder / primary / "patroni.yml"
        run(str(patronictl), "-c", str(configuration), "switchover", "--primary", primary, "--force")

    def address(self, machine: str) -> str:
        """PostgreSQL of a machine, as the role of the servers."""
        return self._address(machine, "authrim_app", self._decided["application"])

    @property
    def direct(self) -> str:
        """The primary, wherever it is, as the role of the servers."""
        return (self.folder / "authrim-1" / "database-listen").read_text().strip()

    def _address(self, machine: str, role: str, password: str) -> str:
        host = f"{self._decided['network']}.{10 + int(machine[-1])}"
        return f"postgresql://{role}:{password}@{host}:5432/authrim"

    def head(self, machine: str) -> Head:
        """What a machine has of the log."""
        address = self._address(machine, "postgres", self._decided["postgres"])
        with closing(psycopg2.connect(address, connect_timeout=5)) as connection:
            cursor = connection.cursor()
            cursor.execute(
                "SELECT position, chain_hash, (SELECT timeline_id FROM pg_control_checkpoint()) FROM authrim.head"
            )
            position, chain_hash, timeline = cursor.fetchone()
            return Head(position, bytes(chain_hash), timeline)

    async def members(self) -> dict[str, dict[str, Any]]:
        """What the Patroni of a machine says of all three; nothing where none answers."""
        timeout = aiohttp.ClientTimeout(total=2)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            for number in (11, 12, 13):
                with suppress(aiohttp.ClientError, OSError, TimeoutError):
                    async with http.get(f"http://{self._decided['network']}.{number}:8008/cluster") as answer:
                        return {member["name"]: member for member in (await answer.json())["members"]}
        return {}

    async def machine_of(self, role: str) -> str:
        """A machine with this role: ``leader``, ``quorum_standby``."""
        return next(name for name, member in (await self.members()).items() if member["role"] == role)

    async def healed(self) -> None:
        """Wait until the primary has two followers on its timeline."""
        async with asyncio.timeout(LATER):
            while True:
                if is_whole(await self.members()):
                    return
                await asyncio.sleep(0.2)

    async def heads(self) -> dict[str, Head]:
        """Wait until all three machines have the same log, when nobody appends any more; what each has."""
        async with asyncio.timeout(LATER):
            while True:
                heads = {name: await asyncio.to_thread(self.head, name) for name in ("db1", "db2", "db3")}
                if len({head[:2] for head in heads.values()}) == 1:
                    return heads
                await asyncio.sleep(0.2)

    def send(self, machine: str, number: signal.Signals, *programs: str) -> None:
        """A signal to programs of a machine, and to all that they started: Patroni and PgBouncer first, so that nobody
        starts again what ends."""
        for program in programs:
            if program == "postgres":
                postmaster = self.folder / machine / "postgresql" / "patroni" / "postmaster.pid"
                pid = int(postmaster.read_text().split()[0])
            else:
                pid = self._pid(f"{program}-{machine}")
            for one in (pid, *(children(pid) if program == "postgres" else ())):
                with suppress(ProcessLookupError):
                    os.kill(one, number)

    def send_all(self, machine: str, number: signal.Signals, *more: str) -> None:
        """A signal to Patroni, PgBouncer and PostgreSQL of a machine."""
        self.send(machine, number, *more, *_BESIDE, "postgres")

    def _pid(self, name: str) -> int:
        return int((self.folder / "run" / name).read_text())

    async def ready(self) -> None:
        """Wait until both servers say so."""
        network = self._decided["network"]
        async with aiohttp.ClientSession() as http, asyncio.timeout(LATER):
            for number in (21, 22):
                await _until_ready(
                    http, f"http://{network}.{number}:{self._decided['server_port']}/health/ready"
                )


def is_whole(members: dict[str, dict[str, Any]]) -> bool:
    """Whether there is a primary, and both others follow it on its timeline, synchronously."""
    states = sorted((member["role"], member["state"]) for member in members.values())
    return len({member.get("timeline") for member in members.values()}) == 1 and states == [
        ("leader", "running"),
        ("quorum_standby", "streaming"),
        ("quorum_standby", "streaming"),
    ]


async def _until_ready(http: aiohttp.ClientSession, url: str) -> None:
    while True:
        with suppress(aiohttp.ClientError, OSError):
            async with http.get(url) as answer:
                if answer.status == 200:
                    return
        await asyncio.sleep(0.2)


def _folder() -> Path:
    """A folder with the settings. The path of a socket must be short, and PostgreSQL's user must come through."""
    folder = Path(tempfile.mkdtemp(prefix="authrim-ha-", dir="/tmp"))
    folder.chmod(0o711)
    (folder / "settings").write_text(_SETTINGS)
    return folder


@asynccontextmanager
async def started() -> AsyncIterator[Stand]:
    """A new cluster, until the block ends."""
    await asyncio.to_thread(system_packages, "ha")
    outer = _folder()
    network = f"127.{20 + secrets.randbelow(200)}.{secrets.randbelow(250)}"
    command = (
        sys.executable, str(_DEPLOY / "one-machine"), "up", str(outer / "c"), "--network", network,
        "--port", str(free_port()), "--server-port", str(free_port()),
        "--authrim", str(Path(sys.executable).parent / "authrim"),
        "--settings", str(outer / "settings"),
    )  # fmt: skip
    try:
        await asyncio.to_thread(run, *command)
        stand = Stand(outer / "c")
        await asyncio.to_thread(stand.furnish)
        yield stand
    finally:
        if (outer / "c" / "cluster.json").exists():
            await asyncio.to_thread(
                run, sys.executable, str(_DEPLOY / "one-machine"), "down", str(outer / "c"), "--remove"
            )
        shutil.rmtree(outer)
