"""Two versions of the server on one database, behind a proxy and under load: what an upgrade is tried with."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp

from tests.faults.processes import ServerProcess
from tests.postgres_cluster import Cluster
from tests.support.browser import Browser
from tests.support.patience import PATIENCE
from tests.support.person import LOGIN, PASSWORD
from tests.support.ports import free_port
from tests.support.processes import wait_until
from tests.support.running import MASTER_KEY, USUAL, KnownClient, RunningServer
from tests.support.tokens import OFFLINE, is_active, refresh
from tests.support.versions import Code, next_version, previous_version

#: What the next version does to the schema: one file of each kind, on tables that every request writes to.
MIGRATIONS = {
    "9001_more.sql": (
        "-- expand: columns and a table\n"
        "ALTER TABLE tokens ADD COLUMN noted TEXT;\nALTER TABLE sessions ADD COLUMN noted BIGINT NOT NULL DEFAULT 0;\n"
        "CREATE TABLE notes (key TEXT PRIMARY KEY);\n"
    ),
    "9002_faster.postgres.sql": (
        "-- expand concurrently: an index\n"
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS tokens_noted ON tokens (tenant, noted);\n"
    ),
    "9003_filled.sql": (
        "-- rewrite of tokens: what the version before left out\n"
        "UPDATE tokens SET noted = client_id WHERE key > $1 AND key <= $2 AND noted IS NULL\n"
    ),
    "9004_less.postgres.sql": (
        "-- contract: an index that only the version before uses\nDROP INDEX events_configuration;\n"
    ),
}

_HAPROXY = """
global
    stats socket {folder}/haproxy.sock mode 600 level admin
defaults
    mode http
    retries 0
    timeout client 300s
    timeout connect 30s
    timeout server 300s
listen front
    bind 127.0.0.1:{front}
    balance roundrobin
    server one 127.0.0.1:{one} disabled
    server two 127.0.0.1:{two} disabled
"""


class Slot:
    """A place behind the proxy, in which a server of either version runs. Whoever stops it takes it away first."""

    def __init__(self, name: str, port: int, config: Path, commands: Path) -> None:
        self.config = config
        self._name = name
        self._port = port
        self._commands = commands
        self._server: ServerProcess | None = None

    async def serve(self, code: Code) -> None:
        """Stop the server that is there, when it has nothing to answer any more, and start this version."""
        if self._server is not None:
            await self.stop()
        self._server = ServerProcess(self.config, self._port, folder=code.folder)
        await self._server.start()
        await self._tell(f"set server front/{self._name} state ready")

    async def stop(self) -> None:
        """Take it from the proxy, wait for its last answer, and end it."""
        if self._server is None:
            return
        await self._tell(f"set server front/{self._name} state maint")
        async with asyncio.timeout(PATIENCE):
            while True:
                if not await self._in_flight():
                    break
                await asyncio.sleep(0.02)
        await self._server.stop()
        self._server = None

    async def _in_flight(self) -> int:
        shown = (await self._tell("show stat")).splitlines()
        columns = shown[0].removeprefix("# ").split(",")
        (row,) = (line.split(",") for line in shown if line.startswith(f"front,{self._name},"))
        return int(row[columns.index("scur")])

    async def _tell(self, command: str) -> str:
        reader, writer = await asyncio.open_unix_connection(str(self._commands))
        writer.write(command.encode() + b"\n")
        said = (await reader.read()).decode()
        writer.close()
        return said


class Crowd(NamedTuple):
    """How many clients and people there are at the same time, and how long each rests after a round, in seconds."""

    services: int
    people: int
    rest: float


class Load:
    """Clients and a person who never stop, and who take no answer but the right one."""

    def __init__(self, server: RunningServer, crowd: Crowd) -> None:
        self._server = server
        self._rest = crowd.rest
        self._rounds = {"service": 0, "person": 0}
        self._work = [
            asyncio.create_task(work)
            for work in (
                *(self._service() for _ in range(crowd.services)),
                *(self._person() for _ in range(crowd.people)),
            )
        ]

    async def rounds(self, number: int) -> None:
        """Wait until each kind of client has gone that many rounds more. Fails as soon as one got a wrong answer."""
        wanted = {kind: done + number for kind, done in self._rounds.items()}
        async with asyncio.timeout(2 * PATIENCE):
            while any(self._rounds[kind] < least for kind, least in wanted.items()):
                self._look_at_failures()
                await asyncio.sleep(0.05)
        self._look_at_failures()

    async def end(self) -> None:
        """The last requests. Fails when one got a wrong answer."""
        self._look_at_failures()
        await self.stop()

    async def stop(self) -> None:
        """End it, whatever it got."""
        for work in self._work:
            work.cancel()
        await asyncio.wait(self._work)

    def _look_at_failures(self) -> None:
        for work in self._work:
            if work.done():
                work.result()

    async def _service(self) -> None:
        """A token is active wherever it is asked about, and inactive as soon as it is revoked."""
        server, client = self._server, self._server.clients["service"]
        while True:
            status, answer = await server.post("/token", {"grant_type": "client_credentials"}, client.basic)
            assert status == 200, answer
            token = answer["access_token"]
            assert await is_active(server, client, token)
            status, answer = await server.post("/revoke", {"token": token}, client.basic)
            assert status == 200, answer
            assert not await is_active(server, client, token)
            self._rounds["service"] += 1
            await asyncio.sleep(self._rest)

    async def _person(self) -> None:
        """A person signs in once and goes through code, redemption, userinfo and refreshes again and again."""
        server, client = self._server, self._server.clients["web"]
        browser = Browser(server)
        while True:
            tokens = await browser.code_flow(client, **OFFLINE)
            for _ in range(2):
                status, tokens = await refresh(server, client, tokens["refresh_token"])
                assert status == 200, tokens
            headers = {"Authorization": f"Bearer {tokens['access_token']}"}
            async with server.http.get(server.url("/userinfo"), headers=headers) as answer:
                assert answer.status == 200, await answer.text()
            self._rounds["person"] += 1
            await asyncio.sleep(self._rest)


class Upgrade:
    """Two places behind a proxy, both versions, and the load."""

    def __init__(self, old: Code, new: Code, slots: tuple[Slot, Slot], load: Load) -> None:
        self.old = old
        self.new = new
        self.one, self.two = slots
        self.load = load

    async def migrate(self, code: Code, *options: str) -> list[str]:
        """Run ``migrate`` of a version while requests come in; what it applied."""
        config = ("--config", str(self.one.config))
        answer = await asyncio.to_thread(code.json, *config, "migrate", *options)
        return list(answer["applied"])


@asynccontextmanager
async def upgrading(cluster: Cluster, tmp_path: Path, crowd: Crowd) -> AsyncIterator[Upgrade]:
    """A database that the version before has made, and one server of it, under load."""
    name = cluster.new_database("template0")
    try:
        async with _upgrading(cluster.dsn(name), tmp_path, crowd) as upgrade:
            yield upgrade
    finally:
        cluster.drop_database(name)


@asynccontextmanager
async def _upgrading(dsn: str, tmp_path: Path, crowd: Crowd) -> AsyncIterator[Upgrade]:
    old = previous_version(tmp_path / "old")
    new = next_version(tmp_path / "new", MIGRATIONS)
    front, ports = free_port(), (free_port(), free_port())
    configs = [_config(tmp_path / f"{port}.toml", dsn, front, port) for port in ports]
    config = ("--config", str(configs[0]))
    old.run(*config, "migrate")
    old.run(*config, "account", "create", LOGIN, "--password-stdin", stdin=PASSWORD + "\n")
    clients = {
        name: KnownClient(
            name,
            old.json(*config, "client", "create", "--client-id", name, *words)["client_secret"],
            USUAL[name],
        )
        for name, words in _CLIENTS.items()
    }
    with _haproxy(tmp_path, front, ports):
        slots = [
            Slot(name, port, config, tmp_path / "haproxy.sock")
            for name, port, config in zip(("one", "two"), ports, configs, strict=True)
        ]
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            await slots[0].serve(old)
            server = RunningServer(f"http://localhost:{front}", None, http, "", clients=clients)  # type: ignore[arg-type]
            async with _loaded(server, crowd) as load:
                try:
                    yield Upgrade(old, new, (slots[0], slots[1]), load)
                finally:
                    await load.stop()
                    for slot in slots:
                        await slot.stop()


_CLIENTS = {
    "web": ("--type", "web", "--redirect-uri", USUAL["web"].redirect_uris[0], "--scope", OFFLINE["scope"]),
    "service": ("--type", "service", "--scope", "reports.read"),
}


def _client(old: Code, config: tuple[str, ...], name: str) -> KnownClient:
    created = old.json(*config, "client", "create", "--client-id", name, *_CLIENTS[name])
    return KnownClient(name, created["client_secret"], USUAL[name])


@asynccontextmanager
async def _loaded(server: RunningServer, crowd: Crowd) -> AsyncIterator[Load]:
    load = Load(server, crowd)
    await load.rounds(1)
    yield load


def _config(path: Path, dsn: str, front: int, port: int) -> Path:
    values = {
        "issuer": f"http://localhost:{front}", "development": True, "host": "localhost", "port": port,
        "database": dsn, "master_keys": [MASTER_KEY], "signing_algorithms": ["ES256", "RS256"], "log_level": "error",
        "authorize_requests_per_minute": 100_000, "consent_pause": 0, "background": "inside", "argon2_memory": 8192,
        "argon2_time_cost": 1,
    }  # fmt: skip
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
    path.chmod(0o600)
    return path


@contextmanager
def _haproxy(folder: Path, front: int, ports: tuple[int, int]) -> Iterator[None]:
    config = folder / "haproxy.conf"
    config.write_text(_HAPROXY.format(folder=folder, front=front, one=ports[0], two=ports[1]))
    process = subprocess.Popen(["haproxy", "-db", "-f", str(config)], stderr=subprocess.DEVNULL)
    try:
        wait_until((folder / "haproxy.sock").exists)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)
