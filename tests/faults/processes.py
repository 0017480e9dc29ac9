"""Server processes as they are run in production: ``authrim serve``, on a store that survives them."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from authrim.clients.records import create_client
from authrim.core.sealed_rows import PrivateData
from authrim.crypto.master import MasterKeys
from authrim.crypto.passwords import Passwords
from authrim.people.accounts import create_account
from authrim.people.new_account import AccountRequest, AccountStore
from authrim.store.opening import open_store
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support import ready_authrim
from tests.support.memory_group import memory_group
from tests.support.patience import PATIENCE
from tests.support.person import LOGIN, PASSWORD, PERSON
from tests.support.ports import free_port
from tests.support.processes import children
from tests.support.ready_made import CHEAP
from tests.support.running import MASTER_KEY, USUAL, KnownClient, RunningServer, development_settings

#: KiB that a process gets before it is killed for its memory.
_STARVING = 256


class ServerProcess:
    """One ``authrim serve`` that a test may kill. ``folder``: that of its packages, when they are not these ones.
    ``environment``: variables beside those of the test. ``forked``: it begins by a fork (``ready_authrim``), and nobody
    needs its number or kills it."""

    def __init__(
        self,
        config: Path,
        port: int,
        program: Sequence[str] = ("authrim",),
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        forked: bool = False,
    ) -> None:
        self._config = config
        self._folder = folder
        self._program = program
        self._forked = forked
        self._environment = os.environ | (environment or {})
        self.port = port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it answers."""
        module, *arguments = self._program
        python = ready_authrim.command(module) if self._forked else (sys.executable, "-m", module)
        command = [*python, *arguments, "--config", str(self._config), "serve"]
        self._process = await asyncio.create_subprocess_exec(
            *command, cwd=self._folder, env=self._environment, stderr=asyncio.subprocess.DEVNULL
        )
        await self.until_ready()

    async def until_ready(self) -> None:
        """Wait until it answers that it is ready."""
        async with aiohttp.ClientSession() as http:
            for _ in range(1800):
                assert self._process is None or self._process.returncode is None, (
                    "the server ended before it was ready"
                )
                try:
                    async with http.get(f"http://localhost:{self.port}/health/ready") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)
        raise AssertionError("the server is not ready after 90 s")

    @property
    def pid(self) -> int:
        """The number of the process that was started."""
        assert self._process is not None
        assert not self._forked
        return self._process.pid

    async def kill(self) -> None:
        """``kill -9`` of all its processes: no chance to finish anything."""
        assert self._process is not None
        beside = children(self.pid)
        self._process.send_signal(signal.SIGKILL)
        for pid in beside:
            os.kill(pid, signal.SIGKILL)
        await self._process.wait()

    async def starve(self) -> None:
        """Give its process no more memory, and wait until the kernel has killed it; it must have something to do."""
        assert self._process is not None
        with memory_group(_STARVING) as group:
            group.add(self.pid)
            assert await asyncio.wait_for(self._process.wait(), PATIENCE) == -signal.SIGKILL

    def pause(self) -> None:
        """SIGSTOP: it does nothing any more, and its connections stay."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def stop(self) -> None:
        """SIGTERM, and wait for the end."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await asyncio.wait_for(self._process.wait(), PATIENCE)


class Site:
    """Server processes over one store, with clients and a person."""

    def __init__(
        self,
        place: Path | str,
        folder: Path,
        settings: Mapping[str, Any],
        program: Sequence[str] = ("authrim",),
        environment: Mapping[str, str] | None = None,
        *,
        forked: bool = False,
    ) -> None:
        self._forked = forked
        self._place = place
        self._folder = folder
        self._more = settings
        self._program = program
        self._environment = environment
        self.settings = development_settings(free_port(), database=str(place))
        self.clients: dict[str, KnownClient] = {}
        self.servers: list[ServerProcess] = []
        self.subject = ""

    async def furnish(self, **changes: Any) -> None:
        """Make the account and the usual clients; ``changes`` are for the client ``web``."""
        store = open_store(self.settings)
        await store.open()
        master, passwords = MasterKeys.from_settings([MASTER_KEY]), Passwords(cost=CHEAP)
        account = await create_account(
            AccountStore(store, PrivateData(store, master), master, passwords, DEFAULT_TENANT),
            AccountRequest(LOGIN, PASSWORD, PERSON),
        )
        assert not isinstance(account, Refusal)
        self.subject = account.subject
        for name in ("web", "service", "api"):
            metadata = msgspec.structs.replace(USUAL[name], **(changes if name == "web" else {}))
            created = await create_client(store, DEFAULT_TENANT, metadata)
            assert not isinstance(created, Refusal), created.error_description
            self.clients[name] = KnownClient(created.client.client_id, created.secret, metadata)
        passwords.close()
        await store.close()

    async def start(self, processes: int = 1) -> None:
        """Start that many processes, one port each, one issuer for all."""
        for number in range(processes):
            port = self.settings.port if number == 0 else free_port()
            config = self.write_config(number, port)
            server = ServerProcess(
                config, port, self._program, environment=self._environment_of(number), forked=self._forked
            )
            await server.start()
            self.servers.append(server)

    def _environment_of(self, number: int) -> dict[str, str]:
        """Its variables, in which ``{number}`` stands for that of the process."""
        return {name: value.format(number=number) for name, value in (self._environment or {}).items()}

    def write_config(self, number: int, port: int) -> Path:
        """The configuration of a process with this port."""
        values = {
            "issuer": self.settings.issuer, "development": True, "host": "localhost", "port": port,
            "database": str(self._place), "master_keys": [MASTER_KEY], "signing_algorithms": ["ES256", "RS256"],
            "log_level": "error", "authorize_requests_per_minute": 100_000, "consent_pause": 0,
            # A machine that tests share is late without being asked for much.
            "background": "inside", "overload_milliseconds": 1000, **self._more,
        }  # fmt: skip
        path = self._folder / f"authrim-{number}.toml"
        path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
        path.chmod(0o600)
        return path

    def url(self, path: str, server: int = 0) -> str:
        """A URL at one of the processes."""
        return f"http://localhost:{self.servers[server % len(self.servers)].port}{path}"

    def as_running(self, http: aiohttp.ClientSession) -> RunningServer:
        """The site as a browser of the tests sees it."""
        return RunningServer(self.settings.issuer, None, http, self.subject)  # type: ignore[arg-type]


@asynccontextmanager
async def site(
    place: Path | str, folder: Path, processes: int, settings: Mapping[str, Any] | None = None,
    program: Sequence[str] = ("authrim",), environment: Mapping[str, str] | None = None, forked: bool = False,
    **changes: Any,
) -> AsyncIterator[Site]:  # fmt: skip
    """A furnished site with running processes, which are stopped at the end. ``settings`` are beside the usual ones;
    ``program`` is the module that is run, with arguments of its own; ``environment`` its variables, in which
    ``{number}`` stands for that of the process; ``forked``: as ``ServerProcess`` says."""
    made = Site(place, folder, settings or {}, program, environment, forked=forked)
    await made.furnish(**changes)
    try:
        await made.start(processes)
        yield made
    finally:
        for server in made.servers:
            await server.stop()
