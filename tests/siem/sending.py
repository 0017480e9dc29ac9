"""A process that sends to one sink, as the background work of a server does, with short times:
``python -m tests.siem.sending PLACE POINT SETTLING FILE`` or ``… PLACE POINT SETTLING ADDRESS CA_FILE``.

``POINT`` is where in its second page it is killed: ``unwritten``, ``in a line``, ``unrecorded``; else nowhere.
"""

import asyncio
import os
import ssl
import sys
from pathlib import Path

from authrim.siem import follower, sinks
from authrim.siem.follower import SinkFollower
from authrim.siem.sinks import FileSink, Sink, SyslogSink
from authrim.store.postgres.store import PostgresStore
from authrim.store.read_back import ReadBack
from authrim.store.sqlite.store import SQLiteStore
from tests.support.killed import dying_at

ISSUER = "https://login.example.com"
PAGE = 20


def sink_at(where: str, ca_file: str = "") -> Sink:
    """A file, or a syslog receiver."""
    if not ca_file:
        return FileSink(Path(where))
    return SyslogSink(where, ISSUER, ssl.create_default_context(cafile=ca_file))


def hasten() -> None:
    """Small pages, and short times between the work of one process and that of the next."""
    follower.PAGE, follower.PERIOD, follower.PAUSE = PAGE, 0.2, 0.05  # type: ignore[misc]
    follower.PAUSES = (0.05,)  # type: ignore[misc]


async def send(place: str, point: str, settling: str, *where: str) -> None:
    """Send until killed."""
    hasten()
    store: ReadBack = SQLiteStore(Path(place)) if place.startswith("/") else PostgresStore(place)
    await store.open()
    sink = sink_at(*where)
    sink.settling = float(settling)  # type: ignore[misc]
    if point == "unwritten":
        sinks._append = dying_at(2, sinks._append)
    if point == "in a line":
        write = os.write
        os.write = dying_at(2, write, lambda to, lines: write(to, lines[: len(lines) // 2]))
    if point == "unrecorded":
        store.outbox.advance = dying_at(2, store.outbox.advance)  # type: ignore[method-assign]
    await SinkFollower(store, sink, ISSUER).follow()


if __name__ == "__main__":
    asyncio.run(send(*sys.argv[1:]))
