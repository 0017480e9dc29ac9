"""Processes that send, and that are killed in the middle of it: by their receiver, or at a point of their own work."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.support.patience import PATIENCE
from tests.support.tcp_proxy import Proxy


class Sender:
    """``python -m MODULE …`` in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    def kill(self) -> None:
        """``kill -9``."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def until_killed(self) -> None:
        """Wait until it was killed; that it ended in another way is an error."""
        assert await asyncio.wait_for(self._process.wait(), PATIENCE) == -signal.SIGKILL


@asynccontextmanager
async def sender(module: str, *arguments: str) -> AsyncIterator[Sender]:
    """A process that runs until it is killed, at the end of the block at the latest."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *arguments)
    running = Sender(process)
    try:
        yield running
    finally:
        running.kill()
        await process.wait()


class KillingProxy(Proxy):
    """Passes connections on. One by ``victim`` kills it instead, before it has sent a byte."""

    victim: Sender | None = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.victim is None:
            await super()._accept(reader, writer)
            return
        self.victim.kill()
        self.victim = None
        writer.close()


def dying_at(
    call: int, work: Callable[..., Any], before: Callable[..., Any] | None = None
) -> Callable[..., Any]:
    """``work``, whose call of this number kills the process instead, after ``before`` with the same arguments."""
    calls = 0

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            if before is not None:
                before(*arguments, **named)
            os.kill(os.getpid(), signal.SIGKILL)
        return work(*arguments, **named)

    return counted
