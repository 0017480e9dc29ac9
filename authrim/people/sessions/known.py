"""What is known of sessions, for an administrator."""

from contextlib import aclosing
from typing import Final

import msgspec

from authrim.core.paging import rows_of_subject
from authrim.people.sessions.end import end_one
from authrim.store import codec
from authrim.store.contract import Store
from domain.errors import Refusal, invalid_request
from domain.person.session import NO_SESSION, Session, fold, status_at
from domain.person.session_events import SessionEnded
from domain.stream import SESSION, session_stream
from domain.units import MICROSECONDS
from projections.tables import SESSIONS, row_key

UNKNOWN: Final = invalid_request(
    "There is no such session.", hint="authrim session list LOGIN shows the ids."
)


class KnownSession(msgspec.Struct, frozen=True):
    """A session by its id. ``status`` is ``active``, ``ended`` or ``expired``."""

    session_id: str
    session: Session
    status: str
    end_reason: str | None = None


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
            found.append(KnownSession(row["session_id"], session, status_at(session, now)))
    return tuple(found)


async def show_session(store: Store, tenant: str, session_id: str) -> KnownSession | Refusal:
    """One session."""
    read = await store.read_stream(session_stream(tenant, session_id))
    events = codec.decode_stream(SESSION, read)
    session = fold(events)
    if session == NO_SESSION:
        return UNKNOWN
    reason = next((event.reason for event in events if isinstance(event, SessionEnded)), None)
    return KnownSession(session_id, session, status_at(session, read.now // MICROSECONDS), reason)


async def end_known_session(store: Store, tenant: str, session_id: str, reason: str) -> bool | Refusal:
    """End one session; whether it had not ended before."""
    read = await store.read_stream(session_stream(tenant, session_id))
    return UNKNOWN if read.version == 0 else await end_one(store, tenant, session_id, reason)
