"""A server that may open no more files (F27)."""

import asyncio
import resource
from contextlib import suppress
from pathlib import Path

import aiohttp

from authrim.store.sqlite.schema import migrate_sqlite
from tests.faults.processes import site
from tests.support.patience import PATIENCE
from tests.support.processes import descriptors

SERVICE = {"grant_type": "client_credentials"}


async def test_no_descriptors_are_left(tmp_path: Path) -> None:
    """F27: with no descriptor left, who is connected is served, appends among it; new connections wait or are closed;
    and when there are some again, everybody is served by the same process."""
    file = tmp_path / "authrim.db"
    migrate_sqlite(file)
    async with site(file, tmp_path, 1, {"overload_milliseconds": 0}) as place:
        service, url = place.clients["service"], place.url("/token")

        async def token(http: aiohttp.ClientSession) -> int:
            async with http.post(url, data=SERVICE, headers=service.basic) as answer:
                await answer.read()
                return answer.status

        pid = place.servers[0].pid
        async with aiohttp.ClientSession() as known, aiohttp.ClientSession() as unknown:
            assert await token(known) == 200
            usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors(pid) + 3, usual[1]))
            crowd = []
            for _ in range(40):
                with suppress(OSError):
                    crowd.append(await asyncio.open_connection("localhost", place.servers[0].port))
            for _ in range(5):
                assert await token(known) == 200
            for _, writer in crowd:
                writer.close()
            resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)
            async with asyncio.timeout(PATIENCE):
                assert await token(unknown) == 200
