"""What is known of sessions, for an administrator: a person's sessions, and which clients know of one."""

from contextlib import aclosing
from typing import Final

import msgspec

from authrim.core.paging import rows_of, rows_of_subject
from authrim.people.sessions.end import end_one
from authrim.store import codec
from authrim.store.contract import Store
from domain.errors import Refusal, invalid_request
from domain.liveness import ACTIVE
from domain.person.session import NO_SESSION, Session, fold
from domain.person.session_events import BackChannelLogoutDelivered, BackChannelLogoutFailed, SessionEnded
from domain.stream import SESSION, session_stream
from domain.units import MICROSECONDS
from projections.tables import SESSION_CLIENTS, SESSIONS, row_key

UNKNOWN: Final = invalid_request(
    "There is no such session.", hint="authrim session list LOGIN shows the ids."
)
EXPIRED: Final = "expired"
#: No notice of the end was recorded: the session is live, the notice is waiting, or the client registered for none.
NO_NOTICE: Final = "none"


class KnownSession(msgspec.Struct, frozen=True):
    """A session by its id. ``status`` is ``active``, ``ended`` or ``expired``. ``clients``: by the id of each client
    that knows of it, what became of the back-channel notice."""

    session_id: str
    session: Session
    status: str
    end_reason: str | None = None
    clients: dict[str, str] = {}


async def list_sessions(
    store: Store, tenant: str, subject: str, after: str = "", limit: int = 100
) -> tuple[KnownSession, ...]:
    """At most ``limit`` sessions of a person, in the order of their ids, those after ``after``."""
    now = (await store.find("account", row_key(tenant, subject))).now // MICROSECONDS
    found: list[KnownSession] = []
    async with aclosing(rows_of_subject(store, SESSIONS, tenant, subject, after)) as rows:
        async for row in rows:
            if len(found) == limit:
                break
            session = msgspec.json.decode(row["document"], type=Session)
            found.append(KnownSession(row["session_id"], session, _status(session, now)))
    return tuple(found)


async def show_session(store: Store, tenant: str, session_id: str) -> KnownSession | Refusal:
    """One session, with the clients that know of it."""
    read = await store.read_stream(session_stream(tenant, session_id))
    events = codec.decode_stream(SESSION, read)
    session = fold(events)
    if session == NO_SESSION:
        return UNKNOWN
    clients = await _clients(store, tenant, session_id)
    reason: str | None = None
    for event in events:
        match event:
            case SessionEnded():
                reason = event.reason
            case BackChannelLogoutDelivered():
                clients[event.client_id] = f"delivered, attempt {event.attempt}"
            case BackChannelLogoutFailed():
                clients[event.client_id] = f"failed, {event.reason}, attempts {event.attempts}"
    status = _status(session, read.now // MICROSECONDS)
    return KnownSession(session_id, session, status, reason, clients)


async def end_known_session(store: Store, tenant: str, session_id: str, reason: str) -> bool | Refusal:
    """End one session; whether it had not ended before."""
    read = await store.read_stream(session_stream(tenant, session_id))
    return UNKNOWN if read.version == 0 else await end_one(store, tenant, session_id, reason)


async def _clients(store: Store, tenant: str, session_id: str) -> dict[str, str]:
    clients: dict[str, str] = {}
    async with aclosing(rows_of(store, SESSION_CLIENTS, tenant, f"{session_id}:")) as rows:
        async for row in rows:
            if row["session_id"] != session_id:
                break
            clients[row["client_id"]] = NO_NOTICE
    return clients


def _status(session: Session, now: int) -> str:
    return EXPIRED if session.status == ACTIVE and not session.is_live(now) else session.status
