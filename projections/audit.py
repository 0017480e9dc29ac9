"""The followed projection ``audit``: one row an event, found by its error id, its client or its subject."""

from typing import Final

from domain.grant_events import GrantSummarized
from projections.followed import Followed, Recorded
from projections.rows import Row
from projections.tables import Table

#: Key is the log's position: an event has one row or none.
TABLE: Final = Table(
    "audit",
    ("position", "recorded_at", "tenant", "stream", "type", "client_id", "subject", "error_id", "trace"),
)


def row_of(recorded: Recorded) -> Row | None:
    """The row of an event. A summary tells an auditor nothing that the events before it did not."""
    event, metadata = recorded.event, recorded.metadata
    if isinstance(event, GrantSummarized):
        return None
    return Row(
        TABLE.name,
        "put",
        {
            "position": recorded.position,
            "recorded_at": recorded.recorded_at,
            "tenant": recorded.stream.tenant,
            "stream": str(recorded.stream),
            "type": recorded.type,
            "client_id": getattr(event, "client_id", None) or metadata.client_id or None,
            "subject": getattr(event, "subject", None) or metadata.subject or None,
            "error_id": metadata.error_id or getattr(event, "error_id", None) or None,
            "trace": metadata.trace or None,
        },
    )


AUDIT: Final = Followed("audit", TABLE, row_of)
