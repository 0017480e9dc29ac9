"""Contents that somebody has yet to be told of stay in the log, on each store: one rule for all who are told."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from authrim.clients.keys import ClientKeys
from authrim.core.execute import Change, append_of
from authrim.core.origin import Origin
from authrim.core.parts import Core
from authrim.crypto.ids import new_id
from authrim.crypto.master import MasterKeys
from authrim.people.logout.notices import LogoutNotices, notice_of
from authrim.server.wired_core import read_core
from authrim.signals.receivers import Receiver, all_receivers, owner_of
from authrim.signals.waiting import Signals
from authrim.store.monitor_contract import MONITOR
from authrim.store.outbox_contract import NewDelivery, Retried
from authrim.store.read_back import ReadBack
from authrim.webhooks import records
from authrim.webhooks.delivery import WebhookDeliveries
from authrim.webhooks.fan_out import FOLLOWER
from authrim.webhooks.records import WithSecret
from domain import stream as streams
from domain.client.events import ClientRegistered
from domain.grant.events import AccessTokenIssued
from domain.person import session
from domain.person.session_events import SessionEnded, SessionStarted
from domain.signal.events import SignalStreamCreated, SignalStreamStatusSet
from projections.inline import STATE_PROJECTIONS
from tests.audit.archives.past_months import GONE, archived_log, authrim, drop, emptied, store_at
from tests.core.outbox.kinds import delivering, until_settled
from tests.store.log_samples import REDIRECT_URI, TENANT
from tests.support.running import MASTER_KEY, development_settings

SESSION_ID = new_id()
SESSION = streams.session_stream(TENANT, SESSION_ID)
RECEIVER = "listener"
GRANT = f"default:grant:{GONE}"
STARTED = SessionStarted("person", "cookie-digest", 95, "1", ("pwd",), 700)


async def write_session(store: ReadBack) -> None:
    """A client got a token in a session and asked for security event tokens; then the session ended."""
    origin = Origin(TENANT, client_id=RECEIVER, subject="person").metadata()
    metadata = {
        "client_name": "Listener",
        "redirect_uris": [REDIRECT_URI],
        "backchannel_logout_uri": "https://rp.example/logout",
    }
    client, clients = ClientRegistered(RECEIVER, metadata, 10), STATE_PROJECTIONS[streams.CLIENT]
    issued = AccessTokenIssued("of-it", "jwt", RECEIVER, ("openid",), (), 100, 700, "person", SESSION_ID)
    created = SignalStreamCreated(RECEIVER, "its-stream", "poll", 0, 100)
    ended = session.fold((STARTED,))
    for change in (
        Change(streams.client_stream(TENANT, RECEIVER), 0, (client,), clients.empty),
        Change(SESSION, 0, (STARTED,), session.NO_SESSION),
        Change(streams.grant_stream(TENANT, "of-listener"), 0, (issued,)),
        Change(streams.signal_stream(TENANT, owner_of(RECEIVER)), 0, (created,)),
        Change(SESSION, 1, (SessionEnded("logout", 210),), ended),
    ):
        await store.append(append_of((change,), origin))


@pytest.fixture
async def archives(
    log: None, store_place: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """With a session that ended, and left the tables."""
    return await archived_log(store_place, tmp_path, monkeypatch, write_session)


@asynccontextmanager
async def core_at(place: Path | str) -> AsyncIterator[Core]:
    """The core of a process."""
    store = store_at(place)
    await store.open()
    core = await read_core(development_settings(8080), store, MasterKeys.from_settings((MASTER_KEY,)))
    yield core
    await core.egress.close()
    await store.close()


async def the_receiver(core: Core) -> Receiver:
    (one,) = [receiver async for receiver in all_receivers(core, TENANT)]
    return one


async def set_status(store: ReadBack, status: str, version: int) -> None:
    change = Change(
        streams.signal_stream(TENANT, owner_of(RECEIVER)), version, (SignalStreamStatusSet(status, 300),)
    )
    await store.append(append_of((change,), Origin(TENANT).metadata()))


async def test_nothing_leaves_that_a_paused_stream_has_to_tell(
    archives: Path, store_place: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F18: a session that ended months ago stays while a receiver that pauses has its token to get. It gets the token
    then, and the session leaves; what left is no fault for whoever looks from the beginning again."""
    monkeypatch.setenv("AUTHRIM_SHARED_SIGNALS", "true")
    async with core_at(store_place) as core:
        await set_status(core.store, "paused", 1)
    refused = await drop(archives, status=1)
    assert f"The client {RECEIVER} has not got all security event tokens" in refused.output
    assert emptied(store_place) == set()
    async with core_at(store_place) as core:
        await set_status(core.store, "enabled", 2)
        signals, receiver = Signals(), await the_receiver(core)
        (token,) = (await signals.waiting(core, receiver)).tokens
        assert token.event.event_type.endswith("/session-revoked")
        got = await signals.record(core, Origin(TENANT), receiver, [token.event.token_id], {})
        assert got == 1
    await drop(archives)
    assert {SESSION, GRANT} <= emptied(store_place)
    async with core_at(store_place) as core:
        with capture_logs() as lines:
            again = await Signals().first_waiting(core, await the_receiver(core), streams.SESSION, 10**6)
        assert (again, lines) == (None, [])


@pytest.mark.parametrize("told", ["disabled", "off", "deleted client"])
async def test_a_receiver_that_is_told_nothing_holds_nothing(
    archives: Path, store_place: Path | str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that is disabled, one of a client that may do nothing, and any while the feature is off: nothing of them
    waits, and contents leave."""
    monkeypatch.setenv("AUTHRIM_SHARED_SIGNALS", "false" if told == "off" else "true")
    if told == "disabled":
        async with core_at(store_place) as core:
            await set_status(core.store, "disabled", 1)
    elif told == "deleted client":
        await authrim("client", "delete", RECEIVER, "--yes")
    await drop(archives)
    assert {SESSION, GRANT} <= emptied(store_place)


async def test_nothing_leaves_that_a_siem_did_not_get(
    archives: Path, store_place: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F18: while a configured SIEM is behind, its events stay, so that none is skipped when it comes back."""
    monkeypatch.setenv("AUTHRIM_SIEM_FILE", str(tmp_path / "siem.jsonl"))
    refused = await drop(archives, status=1)
    assert "not all been sent to siem_file" in refused.output
    assert emptied(store_place) == set()
    async with core_at(store_place) as core:
        await core.store.outbox.advance("siem_file", 0, (await core.store.head()).position)
    await drop(archives)
    assert GRANT in emptied(store_place)


async def test_nothing_leaves_that_the_monitor_has_not_proved(
    archives: Path, store_place: Path | str
) -> None:
    """F18: what the monitor has yet to look at stays, as for every projection."""
    async with core_at(store_place) as core:
        head = (await core.store.head()).position
        assert await core.store.outbox.advance(MONITOR, await core.store.outbox.position(MONITOR), 3)
    refused = await drop(archives, status=1)
    assert "A projection has not come to these events yet" in refused.output
    assert emptied(store_place) == set()
    async with core_at(store_place) as core:
        await core.store.outbox.advance(MONITOR, 3, head)
    await drop(archives)
    assert GRANT in emptied(store_place)


async def webhook_of(core: Core, event_type: str) -> str:
    """A webhook that is told of a type of events."""
    made = await records.create_webhook(
        core.store, core.private, core.egress, TENANT, ("https://hooks.example/", (event_type,), "hmac")
    )
    assert isinstance(made, WithSecret), made
    return made.webhook.webhook_id


async def position_of(core: Core, stream: str) -> int:
    return (await core.store.read_stream_end(stream, 1))[0].position


async def test_nothing_leaves_that_a_message_waits_for(archives: Path, store_place: Path | str) -> None:
    """F18: a message that waits is made of its event at each attempt, so the event stays until the message is delivered
    or discarded."""
    async with core_at(store_place) as core:
        position = await position_of(core, GRANT)
        message = NewDelivery(TENANT, "webhook", "a-webhook", str(position), position)
        await core.store.outbox.add((message,))
    refused = await drop(archives, status=1)
    assert f"A message to a-webhook (webhook) waits that is made of the event at position {position}" in (
        refused.output
    )
    assert emptied(store_place) == set()
    await authrim("outbox", "discard", message.key, "--reason", "ticket 4711")
    await drop(archives)
    assert GRANT in emptied(store_place)


async def test_nothing_leaves_that_webhooks_have_not_looked_at(
    log: None, store_place: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F18: while messages have not been made of all events since the webhooks were created, these stay."""

    async def write_webhook(store: ReadBack) -> None:
        async with core_at(store_place) as core:
            await webhook_of(core, "session.*")
        await write_session(store)

    archives = await archived_log(store_place, tmp_path, monkeypatch, write_webhook)
    refused = await drop(archives, status=1)
    assert "Webhooks have not been told" in refused.output
    assert emptied(store_place) == set()
    async with core_at(store_place) as core:
        await core.store.outbox.advance(FOLLOWER, 0, (await core.store.head()).position)
    await drop(archives)
    assert GRANT in emptied(store_place)


async def test_a_message_whose_event_left_says_so(
    archives: Path, store_place: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A119: a dead message, of a webhook or of a logout, that an operator retries after its event left the log is dead
    again at once. Its reason says why, and the list names the archive's command. Nothing is sent that was guessed."""
    async with core_at(store_place) as core:
        webhook_id = await webhook_of(core, "grant.*")
        position = await position_of(core, SESSION)
        notice = notice_of(TENANT, RECEIVER, SESSION_ID, position)
        posted = NewDelivery(TENANT, "webhook", webhook_id, str(position), position)
        await core.store.outbox.add((notice, posted))
        for one in (notice, posted):
            await core.store.outbox.give_up(
                one.receiver_key, [Retried(one.key, 10, 0, "status_500", dead=True)]
            )
    await drop(archives)
    assert SESSION in emptied(store_place)
    await authrim("outbox", "retry", "--all", "--reason", "the receivers are back")
    async with core_at(store_place) as core:
        keys = ClientKeys(core.egress, core.settings)
        async with delivering(core.store.outbox, WebhookDeliveries(core), LogoutNotices(core, keys)):
            await until_settled(core.store.outbox, webhook_id, (0, 1))
            await until_settled(core.store.outbox, RECEIVER, (0, 1))
    told = json.loads((await authrim("--json", "outbox", "list")).stdout)["messages"]
    assert [(one["reason"], one["attempts"]) for one in told] == [("left_the_log", 1)] * 2
    listed = (await authrim("outbox", "list")).output
    assert "authrim log search" in listed
    assert SESSION in emptied(store_place), "nothing was added to a stream that left"
