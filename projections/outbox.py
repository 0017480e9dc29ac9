"""The followed projection ``outbox``: what has to be told to somebody outside.

A row says that there is something to do about a stream, once an event is durable; the worker finds in the tables
beside the log what exactly, and keeps the state of the delivery in columns that no replay touches. A row that is made
again by a rebuild leads to nothing that the log says was delivered (A236).
"""

from typing import Final

from domain.event import tag_of
from domain.person.session_events import SessionEnded
from projections.followed import FollowedProjection, LogEntry
from projections.rows import Row
from projections.tables import Table

#: Key is the log's position. The delivery's own columns are named in ``authrim/store/_outbox_sql.py``.
TABLE: Final = Table("outbox", ("position", "recorded_at", "tenant", "kind", "stream"))

#: Clients are to be told of the end of a session (OpenID Connect Back-Channel Logout 1.0).
BACKCHANNEL_LOGOUT: Final = "backchannel_logout"

_KINDS: Final = {tag_of(SessionEnded): BACKCHANNEL_LOGOUT}


def row_of(recorded: LogEntry) -> Row | None:
    """The row of an event that somebody outside has to hear of."""
    kind = _KINDS.get(recorded.type)
    if kind is None:
        return None
    values = {
        "position": recorded.position,
        "recorded_at": recorded.recorded_at,
        "tenant": recorded.stream.tenant,
        "kind": kind,
        "stream": str(recorded.stream),
    }
    return Row(TABLE.name, "put", values)


OUTBOX: Final = FollowedProjection("outbox", TABLE, row_of, only=frozenset(_KINDS))
