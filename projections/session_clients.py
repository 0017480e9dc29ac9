"""The inline projection ``session_clients``: which clients know a browser session and have to hear of its end.

It is computed from the events of grants, in the same append: a client takes part in a session as soon as a code or an
ID token is issued to it. So nothing has to be written to the session's stream.
"""

from collections.abc import Iterable
from typing import Final

from domain.event import Event
from domain.grant.events import AuthorizationAnswered, CodeIssued
from domain.person.session_events import BackChannelLogoutDelivered, BackChannelLogoutFailed
from domain.stream import GRANT, SESSION, StreamId
from projections.rows import Row
from projections.tables import SESSION_CLIENTS, session_client_key

#: The client takes part in the session; it was notified of the session's end over the back channel; or the notice could
#: not be delivered.
TAKES_PART: Final = "takes_part"
TOLD: Final = "told"
NOT_TOLD: Final = "not_told"


def session_client_rows(stream: StreamId, events: Iterable[Event]) -> tuple[Row, ...]:
    """The rows for some events of a grant or of a session."""
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
