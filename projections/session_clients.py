"""The inline projection ``session_clients``: which clients know of a browser session, and so of its end.

It follows from the grants' own events, in their append: a client takes part in a session from the moment that its
code or ID token is given out, and nothing has to be written to the session's stream for it.
"""

from collections.abc import Iterable
from typing import Final

from domain.event import Event
from domain.grant.events import AuthorizationAnswered, CodeIssued
from domain.person.session_events import BackChannelLogoutDelivered, BackChannelLogoutFailed
from domain.stream import GRANT, SESSION, StreamId
from projections.rows import Row
from projections.tables import SESSION_CLIENTS, session_client_key

#: The client takes part; it was told of the session's end over the back channel; or it could not be told.
TAKES_PART: Final = "takes_part"
TOLD: Final = "told"
NOT_TOLD: Final = "not_told"


def session_client_rows(stream: StreamId, events: Iterable[Event]) -> tuple[Row, ...]:
    """The rows that some events of a grant or of a session make."""
    if stream.kind not in (GRANT, SESSION):
        return ()
    return tuple(row for event in events if (row := _row(stream, event)) is not None)


def _row(stream: StreamId, event: Event) -> Row | None:
    match event:
        case CodeIssued() | AuthorizationAnswered() if event.client_id and event.session_id:
            return _put(stream.tenant, event.session_id, event.client_id, TAKES_PART)
        case BackChannelLogoutDelivered():
            return _put(stream.tenant, stream.id, event.client_id, TOLD)
        case BackChannelLogoutFailed():
            return _put(stream.tenant, stream.id, event.client_id, NOT_TOLD)
        case _:
            return None


def _put(tenant: str, session_id: str, client_id: str, status: str) -> Row:
    values = {
        "key": session_client_key(tenant, session_id, client_id),
        "tenant": tenant,
        "session_id": session_id,
        "client_id": client_id,
        "status": status,
    }
    return Row(SESSION_CLIENTS.name, "put", values)
