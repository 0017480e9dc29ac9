"""The outbox over real connections: nobody waits for a receiver that is dead, and nothing is lost or kept forever."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from authrim.outside.egress import Egress
from authrim.store.outbox_contract import Chosen, Retried, Settlement
from authrim.store.read_back import ReadBack
from domain.units import MICROSECONDS
from tests.core.outbox.kinds import KIND, Posts, delivering, messages, settled, until_settled
from tests.support.dead_receivers import silent_port
from tests.support.https_site import Site, serving_site
from tests.support.logout_receiver import until
from tests.support.patience import LATER, PATIENCE

one_store = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A receiver that takes everything, at any path that it serves."""
    async with serving_site(None) as serving:
        yield serving


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    """One that waits longer than any test."""
    outgoing = Egress(("localhost", "127.0.0.0/8"), plain_http=True, timeout_seconds=LATER)
    yield outgoing
    await outgoing.close()


async def test_a295_a_receiver_that_never_answers_delays_nobody(
    store: ReadBack, site: Site, egress: Egress
) -> None:
    """A295: 200 messages wait for a receiver that takes connections and says nothing. Those of five others, which came
    later, are all delivered before the first attempt for it has ended, and it has only its share of connections."""
    healthy = [f"healthy-{number}" for number in range(5)]
    for name in healthy:
        site.serve(f"/{name}", b"")
    with silent_port() as port:
        kind = Posts(
            egress, lambda name: f"http://127.0.0.1:{port}/" if name == "dead" else site.url(f"/{name}")
        )
        await store.outbox.add(messages("dead", 200))
        async with delivering(store.outbox, kind, timeout=LATER):
            await until(lambda: kind.began)
            await store.outbox.add([one for name in healthy for one in messages(name, 40)])
            await until(lambda: all(site.asked(f"/{name}") == 40 for name in healthy))
            for name in healthy:
                await until_settled(store.outbox, name)
            to_the_dead = [message for message in kind.began if message.receiver == "dead"]
            assert len(to_the_dead) <= kind.at_once
            assert {message.attempt for message in kind.began} == {1}
    assert await settled(store.outbox, "dead") == (200, 0)


@one_store
async def test_a_dead_receiver_is_tried_with_one_message_after_growing_pauses(
    store: ReadBack, site: Site
) -> None:
    """A receiver that does not answer gets one message after each pause, and its whole queue when it answers again."""
    site.serve("/late", b"", status=503)
    outgoing = Egress(("localhost",), plain_http=True)
    kind = Posts(outgoing, lambda name: site.url(f"/{name}"), pauses=(3600, 7200), at_once=2)
    await store.outbox.add(messages("late", 10))
    async with delivering(store.outbox, kind):
        await until(lambda: len(kind.began) == 2)
        (receiver,) = await _receivers(store, failures=1)
        now = (await store.head()).now
        assert 3000 * MICROSECONDS < receiver.due_at - now <= 3600 * MICROSECONDS
        assert (receiver.waiting, receiver.dead) == (10, 0)
        await store.outbox.retry([one.key for one in messages("late", 1)])
        await until(lambda: len(kind.began) >= 3)
        await _receivers(store, failures=1)
        site.serve("/late", b"")
        await store.outbox.retry([one.key for one in messages("late", 10)])
        await until_settled(store.outbox, "late")
    names = [body for _method, _path, _headers, body in site.seen]
    assert set(names) == {str(number).encode() for number in range(1, 11)}
    await outgoing.close()


async def test_what_cannot_be_delivered_is_dead_until_it_is_retried(store: ReadBack, site: Site) -> None:
    """A message that is refused again and again is given up with its reason, is not tried by itself, and is delivered
    under the same name once an operator retries it; a discarded one never is."""
    site.serve("/picky", b"", status=400)
    outgoing = Egress(("localhost",), plain_http=True)
    kind = Posts(outgoing, lambda name: site.url(f"/{name}"))
    first, second = messages("picky", 2)
    await store.outbox.add([first, second, first])
    async with delivering(store.outbox, kind):
        await until_settled(store.outbox, "picky", (0, 2))
        assert site.asked("/picky") == 6
        rows = await store.outbox.listed(Chosen(kind=KIND), "", 10)
        assert [(row.key, row.attempts, row.reason) for row in rows] == [
            (one.key, 3, "status_400") for one in (first, second)
        ]
        assert sorted((message.name, reason) for message, reason in kind.dead) == [
            ("1", "status_400"),
            ("2", "status_400"),
        ]
        site.serve("/picky", b"")
        assert await store.outbox.discard([second.key]) == [second.key]
        assert await store.outbox.retry([first.key, second.key]) == [first.key]
        await until_settled(store.outbox, "picky")
    assert [body for *_, body in site.seen][6:] == [b"1"]
    await outgoing.close()


@one_store
async def test_messages_that_are_too_late_are_given_up_untried(store: ReadBack, site: Site) -> None:
    """A queue for a receiver that is gone for good ends: what has waited longer than the kind is patient is dead after
    the next failed attempt, however much it is, with its true number of attempts."""
    site.serve("/gone", b"", status=503)
    outgoing = Egress(("localhost",), plain_http=True)
    kind = Posts(outgoing, lambda name: site.url(f"/{name}"), pauses=(3600,), patience=-1, at_once=1)
    await store.outbox.add(messages("gone", 500))
    async with delivering(store.outbox, kind):
        await until_settled(store.outbox, "gone", (0, 500))
    assert site.asked("/gone") == 1
    assert sorted(message.attempt for message, _reason in kind.dead) == [0] * 499 + [1]
    assert await store.outbox.sweep(0, 1000) == 500
    await outgoing.close()


@one_store
async def test_all_that_was_given_up_long_ago_leaves(
    store: ReadBack, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More dead messages than are deleted at once leave one part after the other, not one part in ten minutes, and
    so does their receiver."""
    gone = messages("gone", 50)
    await store.outbox.add(gone)
    await store.outbox.give_up(gone[0].receiver_key, [Retried(one.key, 1, 0, "", dead=True) for one in gone])
    monkeypatch.setattr("authrim.core.outbox.DEAD_KEPT", -1)
    monkeypatch.setattr("authrim.core.outbox.SWEPT", 20)
    outgoing = Egress(("localhost",), plain_http=True)
    async with delivering(store.outbox, Posts(outgoing, site.url)):
        await until_settled(store.outbox, "gone")
        async with asyncio.timeout(PATIENCE):
            while any(row.due_at for row in await store.outbox.receivers("", 10)):  # noqa: ASYNC110 - another task
                await asyncio.sleep(0.05)
    assert await store.outbox.sweep(0, 1000) == 0
    assert await store.outbox.receivers("", 10) == []
    await outgoing.close()


async def test_two_processes_share_the_receivers(store: ReadBack, site: Site) -> None:
    """Two processes deliver each message once between them, and together never give a receiver more at a time than one
    of them may."""
    flying: dict[str, int] = {}
    most: dict[str, int] = {}

    async def answer(request: web.Request) -> web.StreamResponse:
        flying[request.path] = flying.get(request.path, 0) + 1
        most[request.path] = max(most.get(request.path, 0), flying[request.path])
        await asyncio.sleep(0.01)
        flying[request.path] -= 1
        return web.Response()

    names = [f"shared-{number}" for number in range(4)]
    for name in names:
        site.answers[f"/{name}"] = answer
    outgoing = Egress(("localhost",), plain_http=True)
    kind = Posts(outgoing, lambda name: site.url(f"/{name}"), at_once=2)
    async with delivering(store.outbox, kind), delivering(store.outbox, kind):
        await store.outbox.add([one for name in names for one in messages(name, 50)])
        await until(lambda: len(site.seen) >= 200)
        for name in names:
            await until_settled(store.outbox, name)
    for name in names:
        bodies = [body for _method, path, _headers, body in site.seen if path == f"/{name}"]
        assert sorted(bodies) == sorted(str(number).encode() for number in range(1, 51))
        assert most[f"/{name}"] <= 2
    await outgoing.close()


async def test_f22_what_a_dead_process_had_in_hand_is_delivered_by_another(
    store: ReadBack, site: Site
) -> None:
    """F22: a process that took messages and died settles nothing; when its lease is over another one delivers them
    under the same names, and whoever comes back late does not give the receiver away."""
    site.serve("/heir", b"")
    await store.outbox.add(messages("heir", 3))
    (taken,) = await store.outbox.take("the dead", (KIND,), 10, 10, MICROSECONDS)
    assert [one.name for one in taken.deliveries] == ["1", "2", "3"]
    assert await store.outbox.take("another", (KIND,), 10, 10, MICROSECONDS) == []
    outgoing = Egress(("localhost",), plain_http=True)
    kind = Posts(outgoing, lambda name: site.url(f"/{name}"))
    async with delivering(store.outbox, kind):
        await until_settled(store.outbox, "heir")
    assert sorted(body for *_, body in site.seen) == [b"1", b"2", b"3"]
    await store.outbox.add(messages("heir", 4)[3:])
    assert not await store.outbox.settle(taken.key, "the dead", Settlement([], [], 9, 10**12))
    assert [row.failures for row in await store.outbox.receivers("", 10)] == [0]
    await outgoing.close()


async def _receivers(store: ReadBack, *, failures: int) -> list[Any]:
    """The receivers, once one has failed so often."""
    while True:
        rows = list(await store.outbox.receivers("", 10))
        if any(row.failures >= failures and row.due_at is not None for row in rows):
            return rows
        await asyncio.sleep(0.05)
