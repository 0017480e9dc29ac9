"""The followed projection ``audit``: an index of the log, by which an auditor finds events.

A row says where an event is, when it was recorded, and whom and what it concerns. What happened is in the log alone.
Every request that did something has a row. An event that always stands beside another of the same request, and says
nothing else that is looked for, has none (``BESIDE``): it is in its grant's stream, one look-up away. The tokens that a
request was given have rows of their own (``GIVEN``), but the request's address, trace and actor are in its first row.
"""

from typing import Any, Final

from domain.event import tag_of
from domain.grant.events import (
    AccessTokenIssued,
    CodeIssued,
    ConsentGranted,
    GrantSummarized,
    IdTokenIssued,
    RefreshTokenIssued,
)
from domain.log_entry import LogEntry
from domain.stream import ACCOUNT, CLIENT, KEY, SESSION
from projections.followed import FollowedProjection
from projections.rows import Row
from projections.tables import Table

#: The key is the log's position. The columns from ``client_id`` on are None where an event has nothing to say of them.
TABLE: Final = Table(
    "audit",
    (
        "position",
        "recorded_at",
        "tenant",
        "stream",
        "type",
        "client_id",
        "subject",
        "error_id",
        "trace",
        "session_id",
        "key_id",
        "actor",
        "address",
        "token_id",
    ),
)

#: Kinds of stream whose events all concern what the stream is named after, and the column for it.
_OF_KIND: Final = {CLIENT: "client_id", ACCOUNT: "subject", SESSION: "session_id", KEY: "key_id"}

#: Events without a row. So is a consent that was only remembered.
BESIDE: Final = frozenset(tag_of(event) for event in (CodeIssued, GrantSummarized, RefreshTokenIssued))
#: Tokens: their rows do not say where their request came from.
GIVEN: Final = frozenset(tag_of(event) for event in (AccessTokenIssued, IdTokenIssued))


def row_of(recorded: LogEntry) -> Row | None:
    """The row of an event. What the event itself says goes before what its request was known to be."""
    event = recorded.event
    if isinstance(event, ConsentGranted) and event.remembered:
        return None
    return Row(TABLE.name, "put", columns_of(recorded))


def columns_of(recorded: LogEntry) -> dict[str, Any]:
    """Where an event is, and whom and what it concerns: the columns of its row, if it has one."""
    event, metadata, stream = recorded.event, recorded.metadata, recorded.stream
    given = recorded.type in GIVEN
    values: dict[str, Any] = {
        "position": recorded.position,
        "recorded_at": recorded.recorded_at,
        "tenant": stream.tenant,
        "stream": str(stream),
        "type": recorded.type,
        "client_id": getattr(event, "client_id", None) or metadata.client_id or None,
        "subject": getattr(event, "subject", None) or metadata.subject or None,
        "error_id": metadata.error_id or getattr(event, "error_id", None) or None,
        "trace": None if given else metadata.trace or None,
        "session_id": getattr(event, "session_id", None),
        "key_id": getattr(event, "signing_kid", None),
        "actor": None if given else metadata.actor or None,
        "address": None if given else metadata.address or None,
        "token_id": getattr(event, "token_id", None),
    }
    column = _OF_KIND.get(stream.kind)
    if column is not None:
        values[column] = stream.id
    return values


AUDIT: Final = FollowedProjection("audit_v3", TABLE, row_of, passes_over=BESIDE)
