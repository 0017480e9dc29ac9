"""The page that Prometheus reads: what all processes of the server have counted, and what the database says."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import time
from typing import Final

from aiohttp import hdrs, web

from authrim.core.parts import Core
from authrim.metrics.snapshot import Snapshot, together, with_own_readings
from authrim.server.background import kept_running
from authrim.server.database_readings import DatabaseReadings
from authrim.server.measuring import Measure, Measuring
from authrim.server.metrics import ProcessMetrics
from authrim.wire.limits import Limits
from authrim.wire.listener import start_site

PATH: Final = "/metrics"
#: A process that has written nothing for so long, in seconds, is not there or hangs.
SILENT_SECONDS: Final = 15.0
#: Prometheus and a few people: who holds more connections open than that waits.
_LIMITS: Final = Limits(connections=32, connections_per_address=0)


@asynccontextmanager
async def measured(
    own: ProcessMetrics | None, core: Core, measures: Sequence[Measure]
) -> AsyncIterator[None]:
    """Count for the page as long as the block, and show it where this process has its listener."""
    if own is None:
        yield
        return
    measuring = Measuring(own.memory.part(own.process), [core.store.measure, core.egress.measure, *measures])
    measuring.write()
    async with kept_running([measuring.write_until_cancelled]):
        if own.sock is None:
            yield
            return
        page = _Page(own, measuring, DatabaseReadings(core))
        app = web.Application()
        app.router.add_get(PATH, page.show)
        site = await start_site(app, (), None, limits=_LIMITS, sock=own.sock)
        try:
            yield
        finally:
            await site.stop(0)


class _Page:
    """What is shown."""

    def __init__(self, own: ProcessMetrics, measuring: Measuring, readings: DatabaseReadings) -> None:
        self._memory = own.memory
        self._measuring = measuring
        self._readings = readings

    async def show(self, request: web.Request) -> web.Response:
        """GET ``/metrics``, in the format that ``Accept`` prefers."""
        await self._readings.read()
        self._measuring.write()
        now = time()
        whole = with_own_readings(together(self._memory.read(), now - SILENT_SECONDS))
        # Beside the event loop: thousands of lines of text take some milliseconds.
        accept = request.headers.get(hdrs.ACCEPT, "")
        text, media_type = await asyncio.to_thread(_text, whole, accept)
        return web.Response(
            body=text, headers={hdrs.CONTENT_TYPE: media_type, hdrs.CACHE_CONTROL: "no-store"}
        )


def _text(whole: Snapshot, accept: str) -> tuple[bytes, str]:
    from authrim.metrics.exposition import exposition  # 60 ms, which only a server with a page spends

    return exposition(whole, accept)
