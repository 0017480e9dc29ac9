"""What became of the back-channel notice to each client of a session, in words for an administrator."""

from contextlib import aclosing

from authrim.clients.records import read_client
from authrim.core.paging import rows_of
from authrim.people.logout._session_clients import knows_session
from authrim.people.logout.notices import OLD
from authrim.people.sessions.known import KnownSession
from authrim.store import codec
from authrim.store.contract import Store
from authrim.store.read_back import ReadBack
from domain.client.client import Client
from domain.person.session import EXPIRED
from domain.person.session_events import BackChannelLogoutDelivered, BackChannelLogoutFailed, SessionEnded
from domain.stream import SESSION, session_stream
from domain.units import MICROSECONDS
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
    recorded = {event.position: event for event in await store.read_whole_stream(stream)}
    states: dict[str, str] = {}
    unsent = NOT_FOR_EXPIRY if known.status == EXPIRED else WHEN_IT_ENDS
    for position, stored in recorded.items():
        match codec.decode(SESSION, stored.type, stored.payload):
            case SessionEnded():
                unsent = await _of_outbox(store, position, stored.recorded_at)
            case BackChannelLogoutDelivered() as told:
                states[told.client_id] = f"delivered, attempt {told.attempt}"
            case BackChannelLogoutFailed() as failed:
                states[failed.client_id] = f"failed: {failed.reason}, attempts {failed.attempts}"
    for client_id in await _clients(store, tenant, known.session_id):
        if client_id not in states:
            client = (await read_client(store, tenant, client_id)).client
            states[client_id] = _why_never(client, known.session_id) or unsent
    return dict(sorted(states.items()))


def _why_never(client: Client, session_id: str) -> str:
    """Why the client gets no notice of this session, however it ends; empty when it does."""
    if not client.exists:
        return CLIENT_GONE
    if not client.metadata.backchannel_logout_uri:
        return NOT_REGISTERED
    return "" if knows_session(client, session_id) else OTHER_NAMES


async def _of_outbox(store: ReadBack, position: int, recorded_at: int) -> str:
    """The state of the notices that no event tells of yet."""
    delivery = await store.read_delivery(position)
    now = (await store.head()).now
    if delivery is None:
        return NOT_TAKEN
    if delivery.done_at is not None:
        old = delivery.done_at - recorded_at > OLD * MICROSECONDS
        return TOO_OLD if old else NOT_THEN
    if delivery.attempts == 0:
        return NOT_TAKEN
    seconds = max(0, delivery.due_at - now) // MICROSECONDS
    return f"waiting: attempts {delivery.attempts}, the next in {seconds} s"


async def _clients(store: Store, tenant: str, session_id: str) -> list[str]:
    clients: list[str] = []
    async with aclosing(rows_of(store, SESSION_CLIENTS, tenant, f"{session_id}:")) as rows:
        async for row in rows:
            if row["session_id"] != session_id:
                break
            clients.append(row["client_id"])
    return clients
