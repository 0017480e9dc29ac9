"""Security event tokens by push (RFC 8935): each one once, whatever the receiver answers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from authrim.people.accounts import disable_account, enable_account, end_sessions_of
from authrim.signals.push import Round, failures_after, pause_after, take_lease
from authrim.signals.receivers import read_receiver
from authrim.signals.waiting import Signals
from authrim.store.contract import Store
from domain.client.client import NO_CLIENT
from domain.signal.events import SignalsDelivered
from domain.stream import DEFAULT_TENANT
from tests.signals.receiver import PUSH, Receiver, kind_of, receiving_client
from tests.support.browser import Browser
from tests.support.https_site import Authority, Site
from tests.support.log import events_of_type
from tests.support.logout_receiver import until
from tests.support.patience import PATIENCE
from tests.support.running import RunningServer, running_server

one_store = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
HEADER = "Bearer receiver-secret"


@pytest.fixture
async def server(store: Store, authority: Authority) -> AsyncIterator[RunningServer]:
    async with running_server(
        store, shared_signals=True, egress_allow=("localhost",), egress_ca_file=authority.ca_file,
        egress_timeout_seconds=2,
    ) as running:  # fmt: skip
        yield running


Answers = Callable[[int], int]


class PushedTo:
    """The receiver's side: what it was sent, and how it answers the n-th request."""

    def __init__(self, receiver: Receiver, answers: Answers) -> None:
        self.receiver = receiver
        self.answers = answers
        self.sent: list[dict[str, Any]] = []
        self.taken: list[dict[str, Any]] = []
        self.delivery: dict[str, Any] = {}

    async def __call__(self, request: web.Request) -> web.Response:
        assert request.headers["Content-Type"] == "application/secevent+jwt"
        assert request.headers["Authorization"] == HEADER
        claims = self.receiver.verified(await request.text())
        self.sent.append(claims)
        status = self.answers(len(self.sent))
        if status == 202:
            self.taken.append(claims)
        return web.Response(status=status)


async def pushed(server: RunningServer, site: Site, browser: Browser, answers: Answers) -> PushedTo:
    """A receiver that is pushed to, and knows the person, whose session is over."""
    client = await receiving_client(server)
    receiver = Receiver(server, client)
    place = PushedTo(receiver, answers)
    site.answers["/events"] = place
    await browser.code_flow(client)
    await end_sessions_of(server.core.store, DEFAULT_TENANT, server.subject)
    delivery = {"method": PUSH, "endpoint_url": site.url("/events"), "authorization_header": HEADER}
    place.delivery = delivery
    await receiver.begin(delivery=delivery)
    return place


async def toggle(server: RunningServer, times: int = 1) -> None:
    for _ in range(times):
        await disable_account(server.core.store, DEFAULT_TENANT, server.subject, "test")
        await enable_account(server.core.store, DEFAULT_TENANT, server.subject)


async def delivered(server: RunningServer) -> int:
    """How many tokens the log says were delivered."""
    return sum(event.count for event in await events_of_type(server, SignalsDelivered))  # type: ignore[attr-defined]


async def test_each_token_once(server: RunningServer, site: Site, browser: Browser) -> None:
    """A receiver that fails at first gets every token in the end, each one once, with the same ``jti`` at each attempt;
    the log says how many it has got."""
    place = await pushed(server, site, browser, lambda number: 503 if number < 3 else 202)
    await toggle(server, 5)
    await until(lambda: len(place.taken) == 10)
    assert len({one["jti"] for one in place.taken}) == 10
    assert {one["jti"] for one in place.sent} == {one["jti"] for one in place.taken}
    await toggle(server)
    await until(lambda: len(place.taken) == 12)

    async with asyncio.timeout(PATIENCE):
        while await delivered(server) < 12:  # noqa: ASYNC110 - recorded after the answer
            await asyncio.sleep(0.05)
    assert await delivered(server) == 12


def test_a_receiver_is_left_alone_for_its_own_failures() -> None:
    """The pauses begin with a second and grow with each round in which it took nothing; that this server had no place
    for another request is no failure of it."""
    assert [pause_after(number) for number in (1, 2, 3, 9, 10, 10_000)] == [1, 2, 4, 256, 300, 300]
    failed, crowded = Round(failed=True), Round(crowded=True)
    assert failures_after(failures_after(0, failed), failed) == 2
    assert failures_after(2, crowded) == 2
    assert failures_after(2, Round(settled=3, failed=True)) == 1
    assert failures_after(2, Round(settled=3)) == failures_after(2, Round()) == 0


@one_store
async def test_one_that_is_never_taken(server: RunningServer, site: Site, browser: Browser) -> None:
    """RFC 8935 §2.4: a token that the receiver refuses with 400 is not sent again, the others are delivered, and the
    refusal is recorded."""
    place = await pushed(server, site, browser, lambda number: 400 if number == 1 else 202)
    await toggle(server, 2)
    await until(lambda: len(place.taken) == 3)
    await toggle(server)
    await until(lambda: len(place.taken) == 5)
    assert len(place.sent) == 6
    assert {kind_of(one) for one in place.taken} == {"account-disabled", "account-enabled"}
    events = await events_of_type(server, SignalsDelivered)
    assert [list(event.refused.values()) for event in events if event.refused] == [["status_400"]]  # type: ignore[attr-defined]


@one_store
async def test_a_new_stream_is_pushed_at_once(server: RunningServer, site: Site, browser: Browser) -> None:
    """A receiver that deletes its stream and creates another, again and again, gets the verification of each in time:
    nothing of the one before holds it up."""
    place = await pushed(server, site, browser, lambda _number: 202)
    receiver = place.receiver
    for number in range(6):
        body = {"stream_id": receiver.stream_id, "state": f"state {number}"}
        assert (await receiver.ask("POST", "verification_endpoint", body))[0] == 204
        await until(lambda sent=number: len(place.taken) > sent)  # type: ignore[misc]
        await receiver.ask("DELETE", "configuration_endpoint", stream_id=receiver.stream_id)
        await receiver.begin(delivery=place.delivery)


@one_store
async def test_a_cancelled_task_leaves_its_lease(server: RunningServer) -> None:
    """A stream that changes ends its task and begins another: a lease that the first one was just taking is the second
    one's, and no other process's."""
    receiver = await read_receiver(server.core, DEFAULT_TENANT, NO_CLIENT)
    signals = Signals()
    taking = asyncio.create_task(take_lease(server.core, signals, receiver, 10**9))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    taking.cancel()
    await until(lambda: signals.leases == {receiver.owner: 10**9})
    assert taking.cancelled()
    assert not await take_lease(server.core, Signals(), receiver, 10**9)
