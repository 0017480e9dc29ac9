"""What an administrator is told of the back-channel notices of a session, from its beginning to the last attempt."""

import re

import pytest

from authrim.audit.follow import Follower
from authrim.core.execute import Change, append_of
from authrim.people.logout import notice_states as states
from authrim.people.logout.notice_states import notice_states
from authrim.people.logout.notices import notice_of
from authrim.people.sessions.known import show_session
from authrim.store.outbox_contract import Retried, Settlement
from authrim.store.read_back import ReadBack
from domain.client.events import ClientRegistered, ClientUpdated
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
    (ended,) = await store.take_deliveries(10, 1000)
    notice = notice_of(DEFAULT_TENANT, "shop", SESSION_ID, ended.position)
    await store.outbox.add((notice,), (ended.position,))
    assert await told(store) == {**never, "shop": states.NOT_TAKEN}
    (taken,) = await store.outbox.take("a", (notice.kind,), 1, 1, 10**9)
    await store.outbox.settle(taken.key, "a", Settlement([], [Retried(notice.key, 1, 10**9, "away")], 1, 0))
    state = (await told(store))["shop"]
    assert re.fullmatch(r"waiting: attempts 1, the next in [0-9]+ s", state), state
    await store.outbox.discard([notice.key])
    assert await told(store) == {**never, "shop": states.NOT_THEN}
    await write(store, stream, 2, BackChannelLogoutDelivered("shop", "jti", 3, 2))
    assert await told(store) == {**never, "shop": "delivered, attempt 2"}


async def test_a_notice_that_is_too_late_or_for_another_name(
    store: ReadBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An end that was taken up long after it sends nothing; nor does one to a client that knows people by other names
    since."""
    await write_session(store)
    await write(store, session_stream(DEFAULT_TENANT, SESSION_ID), 1, SessionEnded("logout", 2))
    await Follower(store, OUTBOX).catch_up()
    (delivery,) = await store.take_deliveries(10, 1000)
    await store.outbox.add((), (delivery.position,))
    monkeypatch.setattr(states, "OLD", -1)
    assert (await told(store))["shop"] == states.TOO_OLD
    renamed = ClientUpdated(
        {"backchannel_logout_uri": "https://shop.example/logout"}, LATER, subjects_changed=True
    )
    await write(store, client_stream(DEFAULT_TENANT, "shop"), 1, renamed)
    assert (await told(store))["shop"] == states.OTHER_NAMES


async def test_an_expired_session_sends_nothing(store: ReadBack) -> None:
    """A session that was never ended and has expired has no end to notify of."""
    await write_session(store, expires_at=2)
    assert (await told(store))["shop"] == states.NOT_FOR_EXPIRY
