"""One event of the log as it is read back: decoded, with its place, and with who did it by which request."""

from typing import NamedTuple

import msgspec

from domain.event import Event
from domain.stream import StreamId


class Metadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """The metadata of an event: its actor and request. Unknown fields are empty.

    ``authority`` says what allowed a change, ``credential`` which initial access token, by
    its id, or which registration access token, by its SHA-256. ``operator`` is the numeric user id of the process, for
    commands and for what the server does by itself.
    """

    tenant: str = ""
    actor: str = ""
    client_id: str = ""
    subject: str = ""
    trace: str = ""
    address: str = ""
    error_id: str = ""
    server: str = ""
    authority: str = ""
    credential: str = ""
    operator: str = ""


class LogEntry(NamedTuple):
    """One event of the log, decoded. ``recorded_at`` is the database's clock, µs UTC."""

    position: int
    stream: StreamId
    version: int
    type: str
    event: Event
    metadata: Metadata
    recorded_at: int
