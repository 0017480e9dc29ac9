"""What became of the back-channel notice to each client of a session, in words for an administrator."""

from contextlib import aclosing

from authrim.clients.records import read_client
from authrim.core.paging import rows_of
from authrim.people.logout._session_clients import knows_session
from authrim.people.logout.notices import OLD, notice_of
from authrim.people.sessions.known import KnownSession
from authrim.store import codec
from authrim.store.contract import Store, StoredEvent
from authrim.store.read_back import ReadBack
from domain.client.client import Client
from domain.person.session import EXPIRED
from domain.person.session_events import BackChannelLogoutDelivered, BackChannelLogoutFailed, SessionEnded
from domain.stream import SESSION, parse, session_stream
from domain.units import MICROSECONDS
from projections.expiry import SETTLED_KEPT
from projections.tables import SESSION_CLIENTS

WHEN_IT_ENDS = "none yet: sent when the session ends"
NOT_REGISTERED = "never: the client registered no backchannel_logout_uri"
OTHER_NAMES = "never: the client knows people by other names since"
CLIENT_GONE = "never: there is no such client any more"
NOT_FOR_EXPIRY = "never: an expired session sends none"
NOT_TAKEN = "waiting: no server has taken it up yet"
TOO_OLD = "never: the end was too long ago when a server took it up"
NOT_THEN = "never: the client could get none when the session ended"


async def notice_states(store: ReadBack, tenant: str, known: KnownSession) -> dict[str, str]:
    """By the id of each client that knows of the session, what became of its notice."""
    stream = session_stream(tenant, known.session_id)
    states: dict[str, str] = {}
    ended: StoredEvent | None = None
    for stored in await store.read_whole_stream(stream):
        match codec.decode(SESSION, stored.type, stored.payload):
            case SessionEnded():
                ended = stored
            case BackChannelLogoutDelivered() as told:
                states[told.client_id] = f"delivered, attempt {told.attempt}"
            case BackChannelLogoutFailed() as failed:
                states[failed.client_id] = f"failed: {failed.reason}, attempts {failed.attempts}"
    for client_id in await _clients(store, tenant, known.session_id):
        if client_id not in states:
            client = (await read_client(store, tenant, client_id)).client
            states[client_id] = _why_never(client, known.session_id) or (
                await _of_outbox(store, tenant, client_id, ended)
                if ended is not None
                else NOT_FOR_EXPIRY
                if known.status == EXPIRED
                else WHEN_IT_ENDS
            )
    return dict(sorted(states.items()))


def _why_never(client: Client, session_id: str) -> str:
    """Why the client gets no notice of this session, however it ends; empty when it does."""
    if not client.exists:
        return CLIENT_GONE
    if not client.metadata.backchannel_logout_uri:
        return NOT_REGISTERED
    return "" if knows_session(client, session_id) else OTHER_NAMES


async def _of_outbox(store: ReadBack, tenant: str, client_id: str, ended: StoredEvent) -> str:
    """The state of a notice that no event tells of yet."""
    row, now = await store.read_delivery(ended.position), (await store.head()).now
    # A row that is done leaves some time after (authrim/core/retention.py).
    if row is None and now - ended.recorded_at < SETTLED_KEPT * MICROSECONDS:
        return NOT_TAKEN
    if row is not None and row.done_at is None:
        return NOT_TAKEN
    if row is not None and row.done_at is not None and row.done_at - ended.recorded_at > OLD * MICROSECONDS:
        return TOO_OLD
    _tenant, _, session_id = parse(ended.stream)
    notice = await store.outbox.find(notice_of(tenant, client_id, session_id, ended.position).key)
    if notice is None:
        return NOT_THEN
    if notice.attempts == 0:
        return NOT_TAKEN
    seconds = max(0, notice.due_at - now) // MICROSECONDS
    return f"waiting: attempts {notice.attempts}, the next in {seconds} s"


async def _clients(store: Store, tenant: str, session_id: str) -> list[str]:
    clients: list[str] = []
    async with aclosing(rows_of(store, SESSION_CLIENTS, tenant, f"{session_id}:")) as rows:
        async for row in rows:
            if row["session_id"] != session_id:
                break
            clients.append(row["client_id"])
    return clients
