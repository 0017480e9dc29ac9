"""What an administrator is told of the back-channel notices of a session, from its beginning to the last attempt."""

from authrim.audit.follow import Follower
from authrim.core.execute import Change, append_of
from authrim.people.logout import notice_states as states
from authrim.people.logout.notice_states import notice_states
from authrim.people.sessions.known import show_session
from authrim.store.read_back import ReadBack
from domain.client.events import ClientRegistered
from domain.errors import Refusal
from domain.event import Event
from domain.grant.events import CodeIssued
from domain.person.session_events import BackChannelLogoutDelivered, SessionEnded, SessionStarted
from domain.stream import DEFAULT_TENANT, client_stream, grant_stream, session_stream
from projections.outbox import OUTBOX

LATER = 4_000_000_000
SESSION_ID = "0192f0c4a7b87c0d9e1f2a3b4c5d6e7f"


async def write(store: ReadBack, stream: str, version: int, *events: Event) -> None:
    await store.append(append_of((Change(stream, version, events),), b"{}"))


async def write_session(store: ReadBack, expires_at: int = LATER) -> None:
    """A session that three clients know of: one with an address for notices, one without, one that is gone."""
    await write(
        store,
        session_stream(DEFAULT_TENANT, SESSION_ID),
        0,
        SessionStarted("ada", "digest", 1, "acr", ("pwd",), expires_at),
    )
    uri = {"backchannel_logout_uri": "https://shop.example/logout"}
    for name, more in (("shop", uri), ("forum", {})):
        metadata = {"redirect_uris": ["https://rp.example/cb"], **more}
        await write(store, client_stream(DEFAULT_TENANT, name), 0, ClientRegistered(name, metadata, 1))
    for name in ("shop", "forum", "gone"):
        await write(
            store, grant_stream(DEFAULT_TENANT, name), 0, CodeIssued("digest", 1, 2, name, SESSION_ID)
        )


async def told(store: ReadBack) -> dict[str, str]:
    known = await show_session(store, DEFAULT_TENANT, SESSION_ID)
    assert not isinstance(known, Refusal)
    return await notice_states(store, DEFAULT_TENANT, known)


async def test_no_two_states_look_alike(store: ReadBack) -> None:
    """While the session is live, after its end, after each attempt and when it is settled: the state says whether a
    notice is still to come, and why one never will."""
    await write_session(store)
    never = {"forum": states.NOT_REGISTERED, "gone": states.CLIENT_GONE}
    assert await told(store) == {**never, "shop": states.WHEN_IT_ENDS}
    stream = session_stream(DEFAULT_TENANT, SESSION_ID)
    await write(store, stream, 1, SessionEnded("logout", 2))
    assert await told(store) == {**never, "shop": states.NOT_TAKEN}
    await Follower(store, OUTBOX).catch_up()
    assert await told(store) == {**never, "shop": states.NOT_TAKEN}
    (delivery,) = await store.take_deliveries(10, 1000)
    await store.settle_delivery(delivery.position, 1000)
    state = (await told(store))["shop"]
    assert state.startswith("waiting: attempts 1, the next in 99"), state
    await store.settle_delivery(delivery.position)
    assert await told(store) == {**never, "shop": states.NOT_THEN}
    await write(store, stream, 2, BackChannelLogoutDelivered("shop", "jti", 3, 2))
    assert await told(store) == {**never, "shop": "delivered, attempt 2"}


async def test_an_expired_session_sends_nothing(store: ReadBack) -> None:
    """A session that was never ended and has expired has no end to notify of."""
    await write_session(store, expires_at=2)
    assert (await told(store))["shop"] == states.NOT_FOR_EXPIRY
