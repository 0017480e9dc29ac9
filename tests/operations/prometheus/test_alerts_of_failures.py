"""The alerts of what fails again and again or has no room left, fired by their causes at a real server."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from tests.operations.prometheus.test_alerts_of_causes import Watched, execute, held, watched
from tests.support.processes import children

pytestmark = pytest.mark.operations

#: Between two starts of a process the server waits longer each time: three need more than the usual seconds.
LONGER: Final = "60s"


async def test_a_process_that_is_killed_again_and_again(postgres_dsn: str, tmp_path: Path) -> None:
    """AuthrimProcessDies: the process of the background work is killed whenever it has begun to count."""
    async with watched(postgres_dsn, tmp_path, window=LONGER, background="process") as site:
        killed: set[int] = set()

        async def kill_the_next() -> None:
            running = children(site.pid) - killed
            counted = site.seen.value('authrim_process_starts_total{process="background"}')
            if running and counted and float(counted[0]["value"][1]) > len(killed):
                for pid in running:
                    os.kill(pid, signal.SIGKILL)
                killed.update(running)

        await site.fires("AuthrimProcessDies", while_doing=kill_the_next)
        assert len(killed) >= 3


async def test_background_work_that_fails(postgres_dsn: str, tmp_path: Path) -> None:
    """AuthrimBackgroundFails: a table of the background work is not as it must be, as after half an upgrade."""
    async with watched(postgres_dsn, tmp_path) as site:
        execute(postgres_dsn, "ALTER TABLE receivers RENAME TO elsewhere")
        try:
            await site.fires("AuthrimBackgroundFails", while_doing=site.ask)
        finally:
            execute(postgres_dsn, "ALTER TABLE elsewhere RENAME TO receivers")


async def test_reads_that_use_every_connection(postgres_dsn: str, tmp_path: Path) -> None:
    """AuthrimPoolBusy: a long transaction locks what people and background work read."""
    async with watched(postgres_dsn, tmp_path) as site:
        assert await site.ask() == 200
        with locked(postgres_dsn, "events", "head", "followers", "deliveries"):
            await site.fires("AuthrimPoolBusy", while_doing=lambda: ask_much(site))


@contextmanager
def locked(dsn: str, *tables: str) -> Iterator[None]:
    """Nobody else reads these tables."""
    with ExitStack() as stack:
        stack.enter_context(held(dsn, f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE"))
        yield


async def ask_much(site: Watched) -> None:
    """Begin many requests, and leave them."""
    with suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            await asyncio.gather(*(site.ask() for _ in range(20)))
