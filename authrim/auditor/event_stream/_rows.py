"""One event of the log as a row of the stream, and the bytes that a reader gets.

A row has what the log has: pseudonyms, keyed hashes and digests. Sealed data is in no event, so it is in no row.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from authrim.audit.recorded import read
from authrim.audit.timeline import time_of
from authrim.auditor.event_stream._asked import Asked
from authrim.store.codec import UnreadableEvent
from authrim.store.contract import StoredEvent
from authrim.store.dropped import is_dropped
from domain.event import as_dict
from projections.audit import columns_of

_encode = msgspec.json.Encoder().encode
#: The columns of the audit index that a row repeats, where the event has something to say of them.
_CONCERNS: Final = (
    "client_id", "subject", "session_id", "key_id", "token_id", "actor", "error_id", "trace", "address",
)  # fmt: skip


class Row(msgspec.Struct, frozen=True):
    """A row and its position."""

    position: int
    members: Mapping[str, Any]


def rows_of(events: Iterable[StoredEvent], asked: Asked) -> list[Row]:
    """The rows of the events that were asked for. One that cannot be read is named, and no reader misses it (F19)."""
    rows: list[Row] = []
    for stored in events:
        if not asked.has_type(stored.type):
            continue
        try:
            recorded = read(stored)
        except (UnreadableEvent, msgspec.DecodeError, ValueError):
            if not asked.conditions:
                why = "archived" if is_dropped(stored) else "unreadable"
                rows.append(Row(stored.position, {**_place(stored), why: True}))
            continue
        if recorded is None:  # another application's, whose payload is not ours to give
            continue
        columns = columns_of(recorded)
        if asked.concerns(columns):
            data = as_dict(recorded.event)
            del data["type"]
            concerns = {name: columns[name] for name in _CONCERNS if columns[name] is not None}
            rows.append(Row(stored.position, {**_place(stored), "data": data, "concerns": concerns}))
    return rows


def _place(stored: StoredEvent) -> dict[str, Any]:
    return {
        "position": stored.position,
        "time": time_of(stored.recorded_at),
        "stream": stored.stream,
        "version": stored.version,
        "type": stored.type,
    }


class EventStreamForm:
    """Server-sent events (HTML §9.2): the id is the position, so that a browser goes on where it was."""

    media_type: Final = "text/event-stream"
    begin: Final = b"retry: 2000\n\n"

    def rows(self, rows: Iterable[Row]) -> bytes:
        """The rows as events. JSON text has no line end in it."""
        return b"".join(b"id: %d\ndata: %b\n\n" % (row.position, _encode(row.members)) for row in rows)

    def heartbeat(self, position: int) -> bytes:
        """A comment. The id moves the reader on over events that it did not ask for; without data nothing is fired."""
        return b": alive\nid: %d\n\n" % position

    def end(self, reason: str) -> bytes:
        """The last event, which has no id."""
        return b"event: end\ndata: %b\n\n" % _encode({"end": reason})


class JsonLinesForm:
    """JSON lines: one object per line."""

    media_type: Final = "application/jsonl"
    begin: Final = b""

    def rows(self, rows: Iterable[Row]) -> bytes:
        """The rows as lines."""
        return b"".join(_encode(row.members) + b"\n" for row in rows)

    def heartbeat(self, position: int) -> bytes:
        """How far the log was read."""
        return _encode({"read_to": position}) + b"\n"

    def end(self, reason: str) -> bytes:
        """The last line."""
        return _encode({"end": reason}) + b"\n"


Form = EventStreamForm | JsonLinesForm
