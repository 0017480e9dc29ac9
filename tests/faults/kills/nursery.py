"""Servers that the process of ``forked`` makes, as a test has them."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from tests.faults.kills.points import Failpoint
from tests.faults.processes import ServerProcess, Site
from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import state_of


class Nursery:
    """The process, and the futures of what it will tell."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = count()
        self._begins: dict[int, asyncio.Future[int]] = {}
        self._ends: dict[int, asyncio.Future[int]] = {}

    async def listen(self) -> None:
        """Hear what it tells, until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            if "begun" in told:
                self._ends[told["begun"]] = asyncio.get_running_loop().create_future()
                self._begins.pop(told["number"]).set_result(told["begun"])
            else:
                self._ends.pop(told["ended"]).set_result(told["status"])

    async def begin(self, **order: Any) -> tuple[int, asyncio.Future[int]]:
        """A new server: its process, and the status that it will end with."""
        number = next(self._numbers)
        begun = self._begins[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"number": number, **order}).encode() + b"\n")
        async with asyncio.timeout(PATIENCE):
            pid = await begun
        return pid, self._ends[pid]


class ForkedServer(ServerProcess):
    """One server, which can have a failpoint."""

    def __init__(self, nursery: Nursery, config: Path, port: int) -> None:
        super().__init__(config, port)
        self._nursery = nursery
        self._pid = 0
        self._end: asyncio.Future[int] | None = None
        #: Variables beside those of the process that makes it.
        self.environment: Mapping[str, str] = {}
        #: The file that its points are written to.
        self.record: Path | None = None

    async def start(self, failpoint: Failpoint | None = None, **order: Any) -> None:
        """Start it and wait until it answers. It comes to its failpoint once ``arm`` was called. ``session``: settings
        of its connections to PostgreSQL."""
        order |= {"config": str(self._config), "environment": dict(self.environment)}
        if failpoint is not None:
            order["failpoint"] = failpoint
        if self.record is not None:
            order["record"] = str(self.record)
        self._pid, self._end = await self._nursery.begin(**order)
        await self.until_ready()

    def arm(self) -> None:
        """From now on it may die, and its points are written down."""
        os.kill(self._pid, signal.SIGUSR1)

    async def died(self, seconds: float) -> bool:
        """Whether it has killed itself within so many seconds."""
        assert self._end is not None
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                assert await asyncio.shield(self._end) == -signal.SIGKILL
        return self._end.done()

    async def stopped(self) -> None:
        """Wait until it stands still."""
        async with asyncio.timeout(PATIENCE):
            while state_of(self._pid) != "T":  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.02)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._pid

    async def kill(self) -> None:
        """``kill -9``, if it lives."""
        await self._ended_by(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP."""
        os.kill(self._pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        os.kill(self._pid, signal.SIGCONT)

    async def stop(self) -> None:
        """SIGTERM, and wait for the end, which must be a good one."""
        assert await self._ended_by(signal.SIGTERM) in (None, 0)

    async def _ended_by(self, number: signal.Signals) -> int | None:
        if self._end is None or self._end.done():
            return None
        os.kill(self._pid, number)
        return await asyncio.wait_for(asyncio.shield(self._end), PATIENCE)


@asynccontextmanager
async def forked_site(
    place: Path | str,
    folder: Path,
    processes: int,
    settings: Mapping[str, Any],
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[tuple[Site, list[ForkedServer]]]:
    """A furnished site with servers that are not started yet, and are killed in the end. ``environment``: variables
    of the servers beside those of the test."""
    made = Site(place, folder, settings)
    await made.furnish()
    async with nursery("sqlite" if isinstance(place, Path) else "postgresql", environment) as servers:
        ports = [made.settings.port, *(free_port() for _ in range(processes - 1))]
        forked = [
            ForkedServer(servers, made.write_config(number, port), port) for number, port in enumerate(ports)
        ]
        made.servers += forked
        yield made, forked


@asynccontextmanager
async def nursery(store: str, environment: Mapping[str, str] | None = None) -> AsyncIterator[Nursery]:
    """The process for one of the stores, ``sqlite`` or ``postgresql``. It kills its servers when it ends."""
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "tests.faults.kills.forked", store]
    variables = os.environ | (environment or {})
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, env=variables)
    made = Nursery(process)
    listening = asyncio.create_task(made.listen())
    try:
        yield made
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(process.wait(), PATIENCE)
        await listening
