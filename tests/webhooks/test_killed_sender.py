"""A process that sends to webhooks gets ``kill -9`` at every point of its work, and another one goes on."""

import json
from collections import Counter
from pathlib import Path

import pytest
from aiohttp import web
from standardwebhooks import Webhook as Receiver

from authrim.core.execute import Change, append_of
from authrim.store.read_back import ReadBack
from authrim.webhooks import records
from authrim.webhooks.fan_out import FOLLOWER
from authrim.webhooks.records import WithSecret
from domain.person.account_events import AccountDisabled, AccountEnabled
from domain.stream import DEFAULT_TENANT, account_stream
from tests.core.outbox.kinds import settled, until_settled
from tests.support.https_site import Authority, serving_site
from tests.support.killed import KillingProxy, Sender, sender
from tests.webhooks.sending import core_at

MODULE = "tests.webhooks.sending"
PATH = "/hook"
#: More than one process takes at once of one webhook.
EVENTS = 40


async def toggle(store: ReadBack, count: int) -> set[int]:
    """An account is disabled and enabled so often; the positions."""
    events = tuple(AccountEnabled(1) if number % 2 else AccountDisabled("test", 1) for number in range(count))
    change = Change(account_stream(DEFAULT_TENANT, "somebody"), 0, events)
    last = (await store.append(append_of((change,), b"{}"))).last_position
    return set(range(last - count + 1, last + 1))


@pytest.mark.parametrize("store_place", ["postgres"], indirect=True)
async def test_f22_a_webhook_is_told_of_each_event_after_any_kill(
    store: ReadBack, store_place: Path | str, authority: Authority
) -> None:
    """F18, F22: killed while it makes messages of a page, when it has read an event and not sent it, and when the
    receiver has a message and that is not recorded: the next process tells of every event. A message that comes again
    has the ``webhook-id`` and the body of the first, and no other message has that id."""
    core = await core_at(store, authority.ca_file)
    victim: list[Sender] = []
    killed_with: list[str] = []

    async def take(request: web.Request) -> web.StreamResponse:
        if victim and len(site.seen) > EVENTS // 4:
            killed_with.append(request.headers["webhook-id"])
            victim.pop().kill()
        return web.Response()

    async with serving_site(authority) as site, KillingProxy(site.port) as proxy:
        site.answers[PATH] = take
        url = f"https://localhost:{proxy.port}{PATH}"
        made = await records.create_webhook(
            store, core.private, core.egress, DEFAULT_TENANT, (url, ("account.*",), "hmac")
        )
        assert isinstance(made, WithSecret), made
        wanted = await toggle(store, EVENTS)
        before = await store.outbox.position(FOLLOWER)

        async def killed(point: str = "") -> None:
            async with sender(MODULE, str(store_place), str(authority.ca_file), point) as process:
                proxy.victim = process if point == "sending" else None
                victim[:] = [process] if point == "recording" else []
                await process.until_killed()

        await killed("fanning out")
        assert await store.outbox.position(FOLLOWER) == before
        assert await settled(store.outbox, made.webhook.webhook_id) == (0, 0)
        await killed("sending")
        assert site.seen == []
        assert await settled(store.outbox, made.webhook.webhook_id) == (EVENTS, 0)
        await killed("recording")
        # On a busy machine half a lease can be over after some messages, which are recorded then.
        waiting, dead = await settled(store.outbox, made.webhook.webhook_id)
        assert 0 < waiting <= EVENTS
        assert dead == 0
        async with sender(MODULE, str(store_place), str(authority.ca_file), ""):
            await until_settled(store.outbox, made.webhook.webhook_id)
    await core.egress.close()
    messages = [(headers["webhook-id"], body) for _, _, headers, body in site.seen]
    for _, _, headers, body in site.seen:
        Receiver(made.secret).verify(body, headers)
    of_position = {json.loads(body)["data"]["position"]: one for one, body in set(messages)}
    assert of_position.keys() == wanted
    assert len({one for one, _ in messages}) == len(set(messages)) == EVENTS
    assert Counter(one for one, _ in messages)[killed_with[0]] > 1
