"""A syslog receiver over TLS that reads as RFC 5425 and RFC 5424 say, and may be killed."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.support.https_site import Authority

#: RFC 5424 §6: PRI, VERSION, TIMESTAMP, HOSTNAME, APP-NAME, PROCID, MSGID, no structured data, MSG.
MESSAGE = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([!-~]{1,255}) ([!-~]{1,48}) - ([!-~]{1,32}) - (.+)"
)


@dataclass
class SyslogReceiver:
    """What it has read, one message after the other."""

    port: int = 0
    messages: list[tuple[Any, ...]] = field(default_factory=list)
    connections: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    #: What happens when the event at a position has come, before anything else is read.
    meets: dict[int, Callable[[], None]] = field(default_factory=dict)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records in the messages."""
        return [json.loads(message[-1]) for message in self.messages]

    @property
    def positions(self) -> list[int]:
        """The positions of the events."""
        return [record["metadata"]["sequence"] for record in self.records]

    def kill(self) -> None:
        """Cut all connections."""
        for writer in self.writers:  # only those that are open: Python 3.11.2 has no abort of others
            writer.transport.abort()

    async def read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read frames to the end of the connection."""
        self.connections += 1
        self.writers.append(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                length = int((await reader.readuntil(b" "))[:-1])
                parsed = MESSAGE.fullmatch(await reader.readexactly(length))
                assert parsed is not None
                self.messages.append(parsed.groups())
                if self.meets:
                    self.meets.pop(self.positions[-1], lambda: None)()
        writer.close()
        self.writers.remove(writer)


@asynccontextmanager
async def syslog_receiver(authority: Authority, port: int = 0) -> AsyncIterator[SyslogReceiver]:
    """A receiver until the block ends."""
    receiver = SyslogReceiver()
    server = await asyncio.start_server(
        receiver.read, "127.0.0.1", port, ssl=authority.server_context(), reuse_address=True
    )
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        receiver.kill()
        server.close()
        await server.wait_closed()
