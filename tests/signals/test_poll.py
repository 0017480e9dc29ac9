"""Security event tokens by poll (RFC 8936): what happens to a person, for the receivers that know them."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from authrim.people.accounts import (
    disable_account,
    enable_account,
    end_sessions_of,
    withdraw_consent,
)
from authrim.people.erasure import erase_account
from authrim.people.person_claims import set_claims
from authrim.store.contract import Store
from domain.signal.events import SignalsDelivered
from domain.stream import DEFAULT_TENANT
from tests.signals.receiver import CAEP, RISC, VERIFICATION, Receiver, event_of, kind_of, receiving_client
from tests.support.accounts import change_password
from tests.support.browser import Browser
from tests.support.log import events_of_type
from tests.support.nodes import another_node
from tests.support.patience import PATIENCE
from tests.support.running import RunningServer, running_server
from tests.support.tokens import claims_of

one_store = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


@pytest.fixture
async def server(store: Store) -> AsyncIterator[RunningServer]:
    async with running_server(store, shared_signals=True, signals_verification_seconds=0) as running:
        yield running


async def toggle(server: RunningServer, times: int = 1) -> None:
    """Two events of the person each time; their session was ended before."""
    await end_sessions_of(server.core.store, DEFAULT_TENANT, server.subject)
    for _ in range(times):
        await disable_account(server.core.store, DEFAULT_TENANT, server.subject, "canary-reason")
        await enable_account(server.core.store, DEFAULT_TENANT, server.subject)


async def test_what_happens_to_a_person(server: RunningServer, browser: Browser) -> None:
    """New data, a new password, a disabled and enabled account, ended sessions: the receiver that knows the person gets
    one token of each, in the order in which it happened, by the name that its ID tokens have, from every node alike.
    Nothing of an administrator's reason is told."""
    client = await receiving_client(server)
    receiver = await Receiver(server, client).begin()
    tokens = await browser.code_flow(client, scope="openid profile email")
    store, private = server.core.store, server.core.private
    await set_claims(
        store, private, DEFAULT_TENANT, server.subject, {"name": "Newer", "email": "n@example.com"}
    )
    await end_sessions_of(store, DEFAULT_TENANT, server.subject)
    await toggle(server)
    await change_password(server, "another horse battery staple")
    waiting = await receiver.poll()
    assert [kind_of(one) for one in waiting] == [
        "token-claims-change", "session-revoked", "account-disabled", "account-enabled", "credential-change",
    ]  # fmt: skip
    claims, session, disabled, _, password = waiting
    user = {"format": "iss_sub", "iss": server.issuer, "sub": claims_of(tokens["id_token"])["sub"]}
    assert all(one["sub_id"] == user for one in (claims, disabled, password))
    assert session["sub_id"]["user"] == user
    assert session["sub_id"]["session"]["id"] == claims_of(tokens["id_token"])["sid"]
    assert event_of(claims)["claims"] == {"name": "Newer", "email": "n@example.com"}
    assert event_of(claims)["initiating_entity"] == "admin"
    assert {**event_of(password), "event_timestamp": 0} == {
        "event_timestamp": 0, "initiating_entity": "admin", "credential_type": "password", "change_type": "update",
    }  # fmt: skip
    assert "canary" not in str(waiting)
    async with another_node(server, shared_signals=True) as node:
        elsewhere = receiver.stream["delivery"]["endpoint_url"].replace(server.issuer, node.url(""))
        status, answer = await receiver.ask("POST", elsewhere, {"returnImmediately": True})
    assert status == 200
    assert [receiver.verified(one) for one in answer["sets"].values()] == waiting


@one_store
async def test_what_is_acknowledged_never_comes_again(server: RunningServer, browser: Browser) -> None:
    """RFC 8936 §2.4: in any order, one by one, with errors too; what is not acknowledged comes again as it was. Each
    acknowledgement is recorded with how many it was, so an auditor sees who was told."""
    client = await receiving_client(server)
    receiver = await Receiver(server, client).begin()
    await browser.code_flow(client)
    await end_sessions_of(server.core.store, DEFAULT_TENANT, server.subject)
    assert len(await receiver.drain()) == 1
    await toggle(server, 3)
    first = await receiver.poll(maxEvents=4)
    assert len(first) == 4
    jtis = [one["jti"] for one in first]
    again = await receiver.poll(ack=[jtis[2], jtis[1]], maxEvents=4)
    assert [one["jti"] for one in again][:2] == [jtis[0], jtis[3]]
    assert again[0] == first[0]
    assert await receiver.poll(ack=jtis, maxEvents=0) == []
    last = await receiver.poll()
    assert not set(jtis) & {one["jti"] for one in last}
    errors = {one["jti"]: {"err": "invalid_audience", "description": "canary"} for one in last}
    assert await receiver.poll(setErrs=errors) == []
    events = await events_of_type(server, SignalsDelivered)
    assert [event.count for event in events] == [1, 2, 2, 2]  # type: ignore[attr-defined]
    assert list(events[-1].refused.values()) == ["invalid_audience"] * 2  # type: ignore[attr-defined]
    await toggle(server)
    assert len(await receiver.drain()) == 2


@one_store
async def test_a298_only_of_people_that_it_knows(server: RunningServer, browser: Browser) -> None:
    """A298: a receiver hears nothing of a person before its client got a token for them, nothing of a session that its
    client had no part in, nothing of people that only others know, and nothing once the person has ended it."""
    client, other = await receiving_client(server), await receiving_client(server, "other")
    receiver, stranger = await Receiver(server, client).begin(), await Receiver(server, other).begin()
    await toggle(server)
    await browser.code_flow(client)
    elsewhere = Browser(server)
    await elsewhere.code_flow(await server.client("web"))
    await end_sessions_of(server.core.store, DEFAULT_TENANT, server.subject)
    tokens = await receiver.drain()
    assert [kind_of(one) for one in tokens] == ["session-revoked"]
    assert await stranger.drain() == []
    await withdraw_consent(server.core.store, DEFAULT_TENANT, server.subject, client.client_id)
    await toggle(server)
    assert await receiver.drain() == []


@one_store
async def test_an_erased_person(server: RunningServer, browser: Browser) -> None:
    """RISC §2.2: the receiver is told that the person was erased, by a name that is nobody's any more, and no claim."""
    client = await receiving_client(server)
    receiver = await Receiver(server, client).begin()
    await browser.code_flow(client, scope="openid profile")
    store, private = server.core.store, server.core.private
    await set_claims(store, private, DEFAULT_TENANT, server.subject, {"name": "canary-name"})
    core = server.core
    await erase_account(core.store, core.private, core.master, DEFAULT_TENANT, server.subject)
    waiting = await receiver.drain()
    assert "account-purged" in [kind_of(one) for one in waiting]
    assert "canary" not in str(waiting)


@one_store
async def test_a_pairwise_name(server: RunningServer, browser: Browser) -> None:
    """OIDC Core §8: a client that has a pairwise name for a person gets it, in the token's subject and nowhere else."""
    client = await receiving_client(server, subject_type="pairwise")
    receiver = await Receiver(server, client).begin()
    tokens = await browser.code_flow(client)
    await toggle(server)
    waiting = await receiver.poll()
    sub = claims_of(tokens["id_token"])["sub"]
    assert sub != server.subject
    assert {one["sub_id"].get("sub") or one["sub_id"]["user"]["sub"] for one in waiting} == {sub}
    assert server.subject not in str(waiting)


@one_store
@pytest.mark.parametrize("by", ["iss_sub", "email"])
async def test_a_subject_that_is_removed(server: RunningServer, browser: Browser, by: str) -> None:
    """SSF §8.1.3: of a person that the receiver removed it hears nothing, until it adds them again. The log has no
    address. A subject that nobody has is answered alike."""
    client = await receiving_client(server)
    receiver = await Receiver(server, client).begin()
    tokens = await browser.code_flow(client, scope="openid email")
    email = claims_of(tokens["id_token"]).get("email") or "jane@example.com"
    async with server.http.get(
        server.url("/userinfo"), headers={"Authorization": f"Bearer {tokens['access_token']}"}
    ) as answer:
        email = (await answer.json())["email"]
    subject = {"format": "email", "email": email.upper()}
    if by == "iss_sub":
        subject = {"format": "iss_sub", "iss": server.issuer, "sub": server.subject}
    body = {"stream_id": receiver.stream_id, "subject": subject}
    await end_sessions_of(server.core.store, DEFAULT_TENANT, server.subject)
    assert len(await receiver.drain()) == 1
    assert (await receiver.ask("POST", "remove_subject_endpoint", body))[0] == 204
    await toggle(server)
    assert await receiver.drain() == []
    assert (await receiver.ask("POST", "add_subject_endpoint", body))[0] == 200
    assert len(await receiver.drain()) == 2  # nothing was acknowledged meanwhile
    nobody = body | {"subject": {"format": "email", "email": "nobody@example.com"}}
    assert (await receiver.ask("POST", "remove_subject_endpoint", nobody))[0] == 204


@one_store
async def test_a_verification(server: RunningServer) -> None:
    """SSF §8.1.4: the state comes back in a token about the stream itself, and is gone from the database when it was
    acknowledged; the log has none of it."""
    receiver = await Receiver(server, await receiving_client(server)).begin(events_requested=[])
    body = {"stream_id": receiver.stream_id, "state": "canary-state"}
    assert (await receiver.ask("POST", "verification_endpoint", body))[0] == 204
    [token] = await receiver.poll()
    assert token["events"] == {VERIFICATION: {"state": "canary-state"}}
    assert token["sub_id"] == {"format": "opaque", "id": receiver.stream_id}
    sealed = await server.core.store.read_rows("sealed", "default:signal:", 10)
    assert [row["key"].rpartition(":")[2].split(".")[0] for row in sealed if ":signal:" in row["key"]] == [
        "key",
        "state",
    ]
    assert await receiver.poll(ack=[token["jti"]]) == []
    sealed = await server.core.store.read_rows("sealed", "default:signal:", 10)
    assert not [row for row in sealed if "state." in row["key"]]


@one_store
async def test_events_that_were_asked_for(server: RunningServer, browser: Browser) -> None:
    """SSF §8.1.1: what was not requested is not sent, and what is unknown is not promised."""
    client = await receiving_client(server)
    wanted = [f"{RISC}account-disabled", f"{CAEP}device-compliance-change"]
    receiver = await Receiver(server, client).begin(events_requested=wanted)
    assert receiver.stream["events_delivered"] == wanted[:1]
    await browser.code_flow(client)
    await toggle(server)
    assert [kind_of(one) for one in await receiver.drain()] == ["account-disabled"]


@one_store
async def test_paused_waits_and_disabled_drops(server: RunningServer, browser: Browser) -> None:
    """SSF §8.1.2: a paused stream keeps what happens for later; what happens while it is disabled is never sent."""
    client = await receiving_client(server)
    receiver = await Receiver(server, client).begin()
    await browser.code_flow(client)

    async def set_status(status: str) -> None:
        body = {"stream_id": receiver.stream_id, "status": status, "reason": "test"}
        answered, shown = await receiver.ask("POST", "status_endpoint", body)
        assert (answered, shown["status"]) == (200, status)

    await end_sessions_of(server.core.store, DEFAULT_TENANT, server.subject)
    assert len(await receiver.drain()) == 1
    await set_status("paused")
    await toggle(server)
    assert await receiver.poll() == []
    await set_status("enabled")
    assert len(await receiver.drain()) == 2
    await set_status("disabled")
    await toggle(server)
    assert await receiver.poll() == []
    await set_status("enabled")
    assert await receiver.poll() == []


@one_store
async def test_a_poll_that_waits(server: RunningServer, browser: Browser) -> None:
    """RFC 8936 §2.4: a poll that may wait is answered as soon as something happens."""
    client = await receiving_client(server)
    receiver = await Receiver(server, client).begin()
    await browser.code_flow(client)
    async with asyncio.timeout(PATIENCE):
        waiting = asyncio.create_task(receiver.poll(returnImmediately=False))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await disable_account(server.core.store, DEFAULT_TENANT, server.subject, "test")
        assert len(await waiting) == 1


@one_store
async def test_a_poll_that_asks_for_none(server: RunningServer) -> None:
    """RFC 8936 §2.2, §2.3: maxEvents 0 only acknowledges, so it is answered at once; moreAvailable says what waits,
    and without it a receiver would have to believe that nothing does."""
    receiver = await Receiver(server, await receiving_client(server)).begin(events_requested=[])
    poll = receiver.stream["delivery"]["endpoint_url"]
    assert (await receiver.ask("POST", poll, {"maxEvents": 0}))[1] == {"sets": {}}
    await receiver.ask("POST", "verification_endpoint", {"stream_id": receiver.stream_id})
    async with asyncio.timeout(PATIENCE):
        assert (await receiver.ask("POST", poll, {"maxEvents": 0}))[1] == {"sets": {}, "moreAvailable": True}
        [token] = await receiver.poll()
        last = await receiver.ask("POST", poll, {"maxEvents": 0, "ack": [token["jti"]]})
    assert last[1] == {"sets": {}}


@one_store
@pytest.mark.parametrize(
    "members",
    [{"maxEvents": -1}, {"maxEvents": "3"}, {"ack": "x"}, {"setErrs": {"x": 1}}, {"ack": ["x"] * 1001}],
)
async def test_a_malformed_poll(server: RunningServer, members: dict[str, object]) -> None:
    """RFC 8936 §2.2: what has another type, or is too much, is refused."""
    receiver = await Receiver(server, await receiving_client(server)).begin()
    assert (await receiver.ask("POST", receiver.stream["delivery"]["endpoint_url"], members))[0] == 400
