"""What a webhook is told of an event: what happened, whom it concerns by pseudonym, and where it is in the log.

Standard Webhooks asks for ``type``, ``timestamp`` and ``data``. Nothing else of the event leaves: it has digests that
are for comparing, and texts that administrators wrote. Whoever needs more asks the log.
"""

from typing import Any

import msgspec

from authrim.audit.timeline import time_of
from domain.log_entry import LogEntry
from domain.stream import ACCOUNT, CLIENT, GRANT, SESSION

_OF_KIND = {ACCOUNT: "subject", CLIENT: "client_id", SESSION: "session_id", GRANT: "grant_id"}


def payload_of(entry: LogEntry, issuer: str) -> bytes:
    """The body of the message."""
    event, metadata, stream = entry.event, entry.metadata, entry.stream
    data: dict[str, Any] = {
        "issuer": issuer,
        "tenant": stream.tenant,
        "position": entry.position,
        "stream": str(stream),
        "version": entry.version,
        "actor": metadata.actor,
        "client_id": getattr(event, "client_id", None) or metadata.client_id,
        "subject": getattr(event, "subject", None) or metadata.subject,
        "session_id": getattr(event, "session_id", None),
    }
    if stream.kind in _OF_KIND:
        data[_OF_KIND[stream.kind]] = stream.id
    body = {
        "type": entry.type,
        "timestamp": time_of(entry.recorded_at),
        "data": {name: value for name, value in data.items() if value not in (None, "")},
    }
    return msgspec.json.encode(body)
