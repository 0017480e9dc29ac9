"""Webhooks over real connections, verified by a receiver that is not ours: the library of Standard Webhooks."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook as Receiver
from standardwebhooks.webhooks import WebhookVerificationError

from authrim.core.execute import Change, append_of
from authrim.core.fan_out import catch_up
from authrim.people import accounts
from authrim.store.contract import Store
from authrim.store.outbox_contract import Chosen, DeliveryRow
from authrim.store.read_back import ReadBack
from authrim.webhooks import records
from authrim.webhooks.fan_out import FOLLOWER, WebhookSource
from authrim.webhooks.records import WithSecret
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT, WEBHOOK, webhook_stream
from domain.webhook.events import WebhookCreated
from tests.core.outbox.kinds import settled, until_settled
from tests.support.accounts import add_account
from tests.support.browser import Browser
from tests.support.https_site import Authority, Site, serving_site
from tests.support.logout_receiver import reaching, until
from tests.support.patience import PATIENCE
from tests.support.running import RunningServer, running_server

one_store = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
PATH = "/hook"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def site(authority: Authority) -> AsyncIterator[Site]:
    """A receiver that takes every message."""
    async with serving_site(authority) as serving:
        serving.serve(PATH, b"", status=204)
        yield serving


@pytest.fixture
async def server(store: Store, authority: Authority) -> AsyncIterator[RunningServer]:
    async with running_server(store, **reaching(authority)) as running:
        yield running


async def create(server: RunningServer, url: str, *events: str, signature: str = "hmac") -> WithSecret:
    core = server.core
    made = await records.create_webhook(
        core.store, core.private, core.egress, DEFAULT_TENANT, (url, events, signature)
    )
    assert isinstance(made, WithSecret), made
    return made


async def disable(server: RunningServer) -> None:
    await accounts.disable_account(server.core.store, DEFAULT_TENANT, server.subject, "test")


def received(site: Site, path: str = PATH) -> list[tuple[dict[str, str], bytes]]:
    return [(headers, body) for _method, seen, headers, body in site.seen if seen == path]


async def tried(server: RunningServer) -> list[DeliveryRow]:
    """The messages that wait, once one was tried."""
    while True:
        rows = await server.core.store.outbox.listed(Chosen(dead=False), "", 10)
        if any(row.attempts for row in rows):
            return list(rows)
        await asyncio.sleep(0.05)


async def test_a_receiver_verifies_each_message(server: RunningServer, browser: Browser, site: Site) -> None:
    """The messages of a sign-in and of what an administrator does, in types that were asked for and no others, verify
    with the secret, and with no other. They say what happened and to whom by pseudonym, and nothing personal."""
    made = await create(
        server, site.url(PATH), "grant.code_redeemed.v1", "account.disabled.v1", "session.ended.v1"
    )
    await browser.code_flow(await server.client("web"))
    await disable(server)
    await until(lambda: len(received(site)) == 3)
    bodies = {}
    for headers, body in received(site):
        assert headers["Content-Type"] == "application/json"
        document = Receiver(made.secret).verify(body, headers)
        bodies[document["type"]] = document["data"]
        with pytest.raises(WebhookVerificationError):
            Receiver("whsec_" + "A" * 43 + "=").verify(body, headers)
        assert b"ada" not in body.lower()
        assert b"example.org" not in body
    assert bodies.keys() == {"grant.code_redeemed.v1", "account.disabled.v1", "session.ended.v1"}
    disabled = bodies["account.disabled.v1"]
    assert (disabled["issuer"], disabled["subject"]) == (server.issuer, server.subject)
    assert disabled["stream"] == f"{DEFAULT_TENANT}:account:{server.subject}"
    await until_settled(server.core.store.outbox, made.webhook.webhook_id)


@one_store
async def test_a_message_is_the_same_at_each_attempt(server: RunningServer, site: Site) -> None:
    """A message that the receiver could not take comes again under the same ``webhook-id``, with the same body and a
    timestamp of its own; once the receiver has it, it never comes again."""
    seen: list[int] = []

    async def answer(_request: web.Request) -> web.StreamResponse:
        seen.append(len(seen))
        return web.Response(status=400 if len(seen) < 2 else 200)

    site.answers[PATH] = answer
    made = await create(server, site.url(PATH), "account.disabled.v1")
    await disable(server)
    store = server.core.store.outbox
    await until(lambda: seen)
    (row,) = await tried(server)
    assert (row.receiver, row.reason) == (made.webhook.webhook_id, "status_400")
    await store.retry([row.key])
    await until_settled(store, made.webhook.webhook_id)
    (first, body), (second, again) = received(site)
    assert first["webhook-id"] == second["webhook-id"]
    assert body == again
    Receiver(made.secret).verify(again, second)


@one_store
async def test_a_rotated_secret_overlaps(server: RunningServer, site: Site) -> None:
    """After a rotation, a message verifies with the new secret, and for a day with the one before; a webhook that was
    deleted gets nothing, and what waits for it is gone."""
    first = await create(server, site.url(PATH), "account.*")
    core = server.core
    second = await records.rotate_secret(core.store, core.private, DEFAULT_TENANT, first.webhook.webhook_id)
    assert isinstance(second, WithSecret)
    await disable(server)
    await until(lambda: received(site))
    headers, body = received(site)[0]
    for secret in (first.secret, second.secret):
        Receiver(secret).verify(body, headers)
    await until_settled(core.store.outbox, first.webhook.webhook_id)
    gone = await records.delete_webhook(core.store, DEFAULT_TENANT, first.webhook.webhook_id, "test")
    assert gone == 0
    assert await records.open_sealed(core.private, DEFAULT_TENANT, first.webhook.webhook_id) is None
    third = await create(server, site.url(PATH), "account.created.v1")
    await add_account(server, "bob")
    await until(lambda: len(received(site)) == 2)
    Receiver(third.secret).verify(*reversed(received(site)[1]))
    assert await settled(core.store.outbox, first.webhook.webhook_id) == (0, 0)


@one_store
async def test_a_public_key_verifies(server: RunningServer, site: Site) -> None:
    """``v1a``: the signature verifies with the public key, which is all that the receiver is given."""
    made = await create(server, site.url(PATH), "*", signature="ed25519")
    await disable(server)
    await until(lambda: received(site))
    headers, body = received(site)[0]
    signed = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    version, signature = headers["webhook-signature"].split(",")
    assert version == "v1a"
    public = Ed25519PublicKey.from_public_bytes(b64decode(made.secret.removeprefix("whpk_")))
    public.verify(b64decode(signature), signed)


@one_store
async def test_a296_a_webhook_is_no_way_inside(server: RunningServer, site: Site) -> None:
    """A296: an address inside the network, without TLS or with a password in it is refused when it is declared, and one
    whose host turns out to be inside is not connected to. Neither the address nor the secret is in the log."""
    core = server.core
    for url in ("http://localhost/", "https://10.0.0.1/", "https://user:word@rp.example/", "https://[::1]/"):
        refused = await records.create_webhook(
            core.store, core.private, core.egress, DEFAULT_TENANT, (url, ("*",), "hmac")
        )
        assert refused == records.REFUSED_ADDRESS
    unknown = await records.create_webhook(
        core.store, core.private, core.egress, DEFAULT_TENANT, (site.url(PATH), ("grant.nothing.v1",), "hmac")
    )
    assert isinstance(unknown, Refusal)
    made = await create(server, site.url("/canary-path"), "*")
    secret = json.dumps(made.secret)
    for event in await core.store.read_log(0, 10_000):
        assert b"canary-path" not in event.payload
        assert secret.encode() not in event.payload
        assert event.stream != f"{DEFAULT_TENANT}:{WEBHOOK}:endpoints" or b"whsec" not in event.payload


@one_store
async def test_only_what_comes_after_it(server: RunningServer, site: Site) -> None:
    """A webhook hears of nothing that was there before it, however far the fan-out is, and another one of the same
    events hears of each once."""
    site.serve("/other", b"")
    await disable(server)
    made = await create(server, site.url(PATH), "account.*")
    await accounts.enable_account(server.core.store, DEFAULT_TENANT, server.subject)
    await until(lambda: received(site))
    other = await create(server, site.url("/other"), "account.*")
    await disable(server)
    await until(lambda: len(received(site)) == 2 and received(site, "/other"))
    for one in (made, other):
        await until_settled(server.core.store.outbox, one.webhook.webhook_id)
    types: list[Any] = [json.loads(body)["type"] for _headers, body in received(site)]
    assert types == ["account.enabled.v1", "account.disabled.v1"]
    assert [json.loads(body)["type"] for _headers, body in received(site, "/other")] == types[1:]


@one_store
async def test_another_tenants_webhooks_are_no_change(store: ReadBack) -> None:
    """A webhook of another tenant is none of this one's: the fan-out goes on past it to the end of the log, instead of
    reading its own webhooks again and again."""
    position = 0
    for tenant in (DEFAULT_TENANT, "other"):
        created = WebhookCreated("hook", "rp.example", ("*",), "hmac", 1)
        change = Change(webhook_stream(tenant), 0, (created,))
        position = (await store.append(append_of((change,), b"{}"))).last_position
    async with asyncio.timeout(PATIENCE):
        await catch_up(store, WebhookSource(store, DEFAULT_TENANT))
    assert await store.outbox.position(FOLLOWER) == position
    assert await store.outbox.receivers("", 10) == []
