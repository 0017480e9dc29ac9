"""The followed projection ``outbox``: notices that have to be sent to others.

A row says that there is something to send for a stream; it is written after the event is durable. The worker finds the
details in the other tables, and keeps the state of the delivery in columns that no rebuild changes. When a rebuild
writes a row again, nothing is sent that was delivered already according to the log (A236).
"""

from typing import Final

from domain.event import tag_of
from domain.log_entry import LogEntry
from domain.person.session_events import SessionEnded
from projections.followed import FollowedProjection
from projections.rows import Row
from projections.tables import Table

#: The key is the log's position. The columns of the delivery are named in ``authrim/store/_outbox_sql.py``.
TABLE: Final = Table("outbox", ("position", "recorded_at", "tenant", "kind", "stream"))

#: Notify clients of the end of a session (OpenID Connect Back-Channel Logout 1.0).
BACKCHANNEL_LOGOUT: Final = "backchannel_logout"

_KINDS: Final = {tag_of(SessionEnded): BACKCHANNEL_LOGOUT}


def row_of(recorded: LogEntry) -> Row | None:
    """The row of an event that others have to be notified of."""
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
