"""The followed projection ``audit``: an index of the log by error id, client and subject.

It is not a second log. What happens to a grant after it begins is in the grant's own stream, which one look-up finds.
So events that only continue a grant have no row here. A refusal always has one.
"""

from typing import Final

from domain.event import tag_of
from domain.grant import events as of_grants
from projections.followed import FollowedProjection, LogEntry
from projections.rows import Row
from projections.tables import Table

#: The key is the log's position. An event has at most one row.
TABLE: Final = Table(
    "audit",
    ("position", "recorded_at", "tenant", "stream", "type", "client_id", "subject", "error_id", "trace"),
)

#: Events that add nothing to the index: the grant's first events name its client and its person.
GOES_ON: Final = frozenset(
    tag_of(event_class)
    for event_class in (
        of_grants.AccessTokenIssued,
        of_grants.AuthorizationAnswered,
        of_grants.CodeIssued,
        of_grants.CodeRedeemed,
        of_grants.ConsentGranted,
        of_grants.GrantSummarized,
        of_grants.IdTokenIssued,
        of_grants.RefreshTokenIssued,
        of_grants.RefreshTokenRepeated,
        of_grants.RefreshTokenRotated,
    )
)


def row_of(recorded: LogEntry) -> Row:
    """The row of an event."""
    event, metadata = recorded.event, recorded.metadata
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


AUDIT: Final = FollowedProjection("audit", TABLE, row_of, passes_over=GOES_ON)
