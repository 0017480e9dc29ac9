"""A log in a file: one event per line, as JSON, its payload and metadata byte for byte as they are stored.

A saved log has them as JSON values, the events of a bundle have them as text. A saved log proves nothing about itself,
a bundle is proved by its verifier.
"""

from collections.abc import Iterator
from typing import IO, Final

import msgspec

from authrim.store.contract import StoredEvent

_NULL: Final = msgspec.Raw(b"null")
_NOTHING: Final = msgspec.Raw(b"{}")
#: The longest line that is read, in bytes: no event is near it, and a file may be anybody's.
LONGEST: Final = 16 * 1024 * 1024


class Line(msgspec.Struct, frozen=True):
    """One event. Of an event that a bundle withholds there is no ``stream``. ``payload`` is null, or missing, for an
    event of another application, which is no decision of ours."""

    position: int
    recorded_at: int
    stream: str = ""
    version: int = 0
    type: str = ""
    payload: msgspec.Raw = _NULL
    metadata: msgspec.Raw = _NOTHING


class NotALog(ValueError):
    """The file is none. The text names the line."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode
_text = msgspec.json.Decoder(str).decode


def line_of(event: StoredEvent, *, foreign: bool = False) -> bytes:
    """The line of an event."""
    payload, metadata = (
        (_NULL, _NOTHING) if foreign else (msgspec.Raw(event.payload), msgspec.Raw(event.metadata))
    )
    line = Line(event.position, event.recorded_at, event.stream, event.version, event.type, payload, metadata)
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


def _events(lines: IO[bytes]) -> Iterator[StoredEvent]:
    """Every event from the first one on: a decision depends on all that came before it."""
    position = 0
    while text := lines.readline(LONGEST):
        position += 1
        try:
            line = _decode(text)
            payload, metadata = _bytes(line.payload), _bytes(line.metadata)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise NotALog(f"line {position} is not an event of a log") from None
        if line.position != position or not line.stream:
            raise NotALog(f"position {position} is missing: only a whole log can be decided again")
        yield StoredEvent(
            position, line.stream, line.version, line.type, payload, metadata, line.recorded_at, b""
        )


def _bytes(value: msgspec.Raw) -> bytes:
    """The stored bytes, of a JSON value or of the text of one."""
    raw = bytes(value)
    return _text(raw).encode() if raw.startswith(b'"') else raw
