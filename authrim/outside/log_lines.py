"""Writes log lines in batches, so that a busy server makes few system calls for them.

A line waits at most ``FLUSH_SECONDS``; a warning or worse takes everything before it along at once. What a
killed process loses are access lines: the audit trail is the event log, which never waits here.
"""

import asyncio
import atexit
import threading
from typing import BinaryIO

FLUSH_SECONDS = 0.05
_MOST_WAITING = 512


class LineWriter:
    """A structlog logger that takes rendered lines. It is safe to use from any thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._waiting: list[bytes] = []
        self._flushing_in: asyncio.AbstractEventLoop | None = None
        atexit.register(self.flush)

    def debug(self, line: bytes) -> None:
        """Write the line soon: at once when no event loop runs here to do it later."""
        with self._lock:
            self._waiting.append(line)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        if len(self._waiting) >= _MOST_WAITING:
            self.flush()
        elif self._flushing_in is not loop:
            self._flushing_in = loop
            loop.call_later(FLUSH_SECONDS, self.flush)

    info = debug

    def warning(self, line: bytes) -> None:
        """Write the line and all buffered lines now."""
        with self._lock:
            self._waiting.append(line)
        self.flush()

    error = critical = warning

    def flush(self) -> None:
        """Write all buffered lines."""
        with self._lock:
            self._flushing_in = None
            if self._waiting:
                self._stream.write(b"\n".join(self._waiting) + b"\n")
                self._stream.flush()
                self._waiting.clear()
