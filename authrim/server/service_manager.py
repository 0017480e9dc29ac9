"""Tells a service manager how the server is: ready, reloading, stopping, alive (sd_notify(3)).

systemd names a datagram socket in ``NOTIFY_SOCKET`` and, where it watches the service, how often it wants to hear of it
in ``WATCHDOG_USEC``. Without them nothing is sent.
"""

import asyncio
import math
import os
import socket
import time
from collections.abc import MutableMapping
from typing import Final

_SOCKET: Final = "NOTIFY_SOCKET"
_WATCHDOG: Final = "WATCHDOG_USEC"
_WATCHED: Final = "WATCHDOG_PID"


class ServiceManager:
    """The service manager of this process. ``watchdog_seconds``: how long it waits for a sign of life, if it does."""

    def __init__(self, address: str | None = None, watchdog_seconds: float | None = None) -> None:
        self._address = address
        self.watchdog_seconds = watchdog_seconds
        self._alive_at = -math.inf

    @classmethod
    def of_environment(cls, environment: MutableMapping[str, str] = os.environ) -> "ServiceManager":
        """The one that the variables name. They are taken away: the processes that this one starts are not the
        service."""
        address = environment.pop(_SOCKET, None)
        microseconds, watched = environment.pop(_WATCHDOG, ""), environment.pop(_WATCHED, str(os.getpid()))
        is_watched = microseconds.isdecimal() and int(microseconds) > 0 and watched == str(os.getpid())
        return cls(address, int(microseconds) / 1_000_000 if is_watched else None)

    def ready(self) -> None:
        """The server answers."""
        self._send("READY=1")

    def reloading(self) -> None:
        """SIGHUP was received. ``ready`` says that it is over."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The server takes no more connections."""
        self._send("STOPPING=1")

    def alive_in_time(self) -> None:
        """Give the watchdog a sign of life if it is time for one: three in the time that it waits."""
        now = time.monotonic()
        if self.watchdog_seconds is not None and now - self._alive_at >= self.watchdog_seconds / 3:
            self._alive_at = now
            self._send("WATCHDOG=1")

    async def stay_alive(self) -> None:
        """Give signs of life from the event loop, until cancelled: a loop that hangs gives none."""
        while self.watchdog_seconds is not None:
            self.alive_in_time()
            await asyncio.sleep(self.watchdog_seconds / 4)

    def _send(self, state: str) -> None:
        """A manager that cannot be reached is none of the server's trouble: it finds out by itself."""
        if not self._address:
            return
        # An abstract address begins with @ in the variable, and with a null byte for the kernel.
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
                sender.sendto(state.encode(), address)
        except OSError:
            return
