"""Waking up when the log grows: NOTIFY is a hint, and behind it is a poll (F37).

One LISTEN connection serves all followers of a process. When it is lost it is made again, and everybody looks
once, because what was notified in between is gone.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from authrim.store.contract import Unavailable
from authrim.store.postgres.connections import LOST, REFUSED, Connections, NamedConnection
from authrim.tasks.cancellation import end_tasks

#: Seconds after which a follower looks at the head although nobody called, and before LISTEN is tried again.
POLL = 1.0
RECONNECT = 0.2

_CHANNEL = "authrim"


class Changes:
    """The positions that the log has reached, for any number of followers."""

    def __init__(
        self, connections: Connections, listen_dsn: str | None, position: Callable[[], Awaitable[int]]
    ) -> None:
        self._connections = connections
        self._listen_dsn = listen_dsn
        self._position = position
        self._wake: set[asyncio.Event] = set()
        self._listening: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Stop listening."""
        if self._listening is not None:
            await end_tasks(self._listening)
            self._listening = None

    async def follow(self) -> AsyncIterator[int]:
        """The newest position, each time it is another one."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen(), name="listen")
        wake = asyncio.Event()
        self._wake.add(wake)
        known = -1
        try:
            while True:
                wake.clear()
                with suppress(Unavailable):
                    position = await self._position()
                    if position != known:
                        known = position
                        yield position
                # Not wait_for, which in Python 3.11 loses a cancellation that comes together with the event.
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL):
                        await wake.wait()
        finally:
            self._wake.discard(wake)

    async def _listen(self) -> None:
        while True:
            with suppress(*LOST, *REFUSED, Unavailable):
                line = await self._connections.connect(self._listen_dsn)
                try:
                    await self._listen_on(line)
                finally:
                    line.connection.terminate()
            await asyncio.sleep(RECONNECT)

    async def _listen_on(self, line: NamedConnection) -> None:
        lost = asyncio.Event()
        line.connection.add_termination_listener(lambda _connection: lost.set())
        await line.connection.add_listener(_CHANNEL, self._notified)
        self._wake_all()
        await lost.wait()

    def _notified(self, *_what: Any) -> None:
        self._wake_all()

    def _wake_all(self) -> None:
        for wake in self._wake:
            wake.set()
