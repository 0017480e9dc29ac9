"""Where records go: a file, or a syslog receiver over TLS. A sink keeps the order, and raises OSError when it fails."""

import asyncio
import fcntl
import os
import ssl
import struct
import termios
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from authrim.audit.ocsf.records import Record, json_line
from authrim.settings import Settings
from authrim.siem.syslog import frame
from authrim.store.contract import StoredEvent

#: Seconds for a connection, and for a receiver to take what it was sent.
TIMEOUT: Final = 10.0
#: Seconds that a connection must have lasted after a message was sent before it counts as received: syslog has no
#: answer (RFC 5425 §4.4), and what the kernel of the receiver has taken its process may not have read.
SETTLING: Final = 10.0


class Sent(NamedTuple):
    """An event and its record."""

    stored: StoredEvent
    record: Record


class Sink(Protocol):
    """Where records go."""

    @property
    def name(self) -> str:
        """The name of the saved position."""

    @property
    def settling(self) -> float:
        """Seconds after which what was sent counts as received, if the sink is still there."""

    async def send(self, records: Sequence[Sent]) -> None:
        """Send records in order. Raises OSError or TimeoutError; then none counts as received."""

    async def check(self) -> bool:
        """Whether everything that was sent has left this machine. Raises OSError when the sink is gone."""

    async def close(self) -> None:
        """End the connection."""


class FileSink:
    """Lines of JSON at the end of a file, which somebody may rename at any time."""

    name = "siem_file"
    settling = 0.0

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, records: Sequence[Sent]) -> None:
        """Append the lines; they are on the disk when it returns."""
        lines = b"".join(json_line(one.record) + b"\n" for one in records)
        await asyncio.to_thread(_append, self._path, lines)

    async def check(self) -> bool:
        """Everything is on the disk."""
        return True

    async def close(self) -> None:
        """There is nothing to end."""


class SyslogSink:
    """A receiver of syslog over TLS."""

    name = "siem_syslog"
    settling = SETTLING

    def __init__(self, address: str, issuer: str, context: ssl.SSLContext) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._origin = urlsplit(issuer).hostname or ""
        self._context = context
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, records: Sequence[Sent]) -> None:
        """Write the frames."""
        frames = b"".join(frame(one.stored, one.record, self._origin) for one in records)
        async with asyncio.timeout(TIMEOUT):
            if self._connection is None:
                host = self._host.strip("[]")
                self._connection = await asyncio.open_connection(host, self._port, ssl=self._context)
            reader, writer = self._connection
            _refuse_ended(reader, writer)
            writer.write(frames)
            await writer.drain()

    async def check(self) -> bool:
        """Whether the receiver's kernel has acknowledged every byte."""
        if self._connection is None:
            return True
        _refuse_ended(*self._connection)
        _reader, writer = self._connection
        transport = writer.transport
        socket = writer.get_extra_info("socket")
        return transport.get_write_buffer_size() == 0 and _unacknowledged(socket.fileno()) == 0

    async def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            _reader, writer = self._connection
            self._connection = None
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await writer.wait_closed()


def sink_names(settings: Settings) -> tuple[str, ...]:
    """The names of the sinks that are configured."""
    configured = (FileSink.name, settings.siem_file), (SyslogSink.name, settings.siem_syslog)
    return tuple(name for name, place in configured if place is not None)


def sinks_of(settings: Settings) -> tuple[Sink, ...]:
    """The sinks that are configured. Raises OSError when a file of certificates cannot be read."""
    sinks: list[Sink] = []
    if settings.siem_file is not None:
        sinks.append(FileSink(settings.siem_file))
    if settings.siem_syslog is not None:
        sinks.append(SyslogSink(settings.siem_syslog, settings.issuer, syslog_context(settings)))
    return tuple(sinks)


def syslog_context(settings: Settings) -> ssl.SSLContext:
    """TLS to the syslog receiver: 1.2 or later, with a certificate for the receiver's host, and one of our own if it
    wants one (RFC 5425 §4.2). Raises OSError."""
    ca_file = settings.siem_ca_file
    context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.siem_client_certificate is not None:
        context.load_cert_chain(settings.siem_client_certificate)
    return context


def _refuse_ended(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if reader.at_eof() or reader.exception() is not None or writer.is_closing():
        raise ConnectionResetError("the receiver ended the connection")


def _unacknowledged(descriptor: int) -> int:
    """Bytes in the socket's send queue (SIOCOUTQ, which has the number of TIOCOUTQ)."""
    (count,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, b"\0" * 4))
    return int(count)


def _append(path: Path, lines: bytes) -> None:
    """Append whole lines. The rest of a line that a killed process left is taken away: its event is written again."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        _end_with_a_line(descriptor)
        written = 0
        while written < len(lines):
            written += os.write(descriptor, lines[written:])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _end_with_a_line(descriptor: int, block: int = 65_536) -> None:
    size = os.fstat(descriptor).st_size
    if size == 0 or os.pread(descriptor, 1, size - 1) == b"\n":
        return
    start = max(0, size - block)
    tail = os.pread(descriptor, block, start)
    os.ftruncate(descriptor, start + tail.rfind(b"\n") + 1)
