"""A log in a file: one event per line, as JSON, its payload and metadata byte for byte as they are stored.

The file proves nothing about itself; ``authrim audit verify`` proves the log that it was copied from.
"""

from collections.abc import Iterable, Iterator
from typing import IO

import msgspec

from authrim.store.contract import StoredEvent

_NULL = msgspec.Raw(b"null")


class Line(msgspec.Struct, frozen=True):
    """One event. ``payload`` is null for an event of another application, which is no decision of ours."""

    position: int
    stream: str
    version: int
    type: str
    payload: msgspec.Raw
    metadata: msgspec.Raw
    recorded_at: int


class NotALog(ValueError):
    """The file is none. The text names the line."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


def line_of(event: StoredEvent, *, foreign: bool = False) -> bytes:
    """The line of an event."""
    payload, metadata = (
        (_NULL, msgspec.Raw(b"{}")) if foreign else (msgspec.Raw(event.payload), msgspec.Raw(event.metadata))
    )
    line = Line(event.position, event.stream, event.version, event.type, payload, metadata, event.recorded_at)
    return _encode(line) + b"\n"


def pages_of(lines: IO[bytes], page: int) -> Iterator[list[StoredEvent]]:
    """The events of a file, so many at a time. Raises NotALog."""
    events: list[StoredEvent] = []
    for event in _events(lines):
        events.append(event)
        if len(events) == page:
            yield events
            events = []
    if events:
        yield events


def _events(lines: Iterable[bytes]) -> Iterator[StoredEvent]:
    before = 0
    for number, text in enumerate(lines, 1):
        try:
            line = _decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise NotALog(f"line {number} is not an event of a log") from None
        if line.position <= before:
            raise NotALog(f"line {number}: position {line.position} does not come after position {before}")
        before = line.position
        yield StoredEvent(
            line.position, line.stream, line.version, line.type, bytes(line.payload), bytes(line.metadata),
            line.recorded_at, b"",
        )  # fmt: skip
