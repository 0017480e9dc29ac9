"""Webhooks, as administrators declare, list, rotate and delete them. Addresses and secrets are sealed rows."""

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from authrim.core.execute import Change, Outcome, carry_out
from authrim.core.origin import operator
from authrim.core.sealed_rows import WEBHOOK, PrivateData, erasing_row
from authrim.core.stream_state import read_state
from authrim.crypto.ids import new_id
from authrim.outside.egress import Egress
from authrim.protocol import standard_webhooks
from authrim.store.codec import REGISTRIES
from authrim.store.outbox_contract import receiver_key
from authrim.store.read_back import ReadBack
from domain.decision import Decision
from domain.errors import Refusal, invalid_request
from domain.stream import webhook_stream
from domain.webhook import webhooks as rules
from domain.webhook.events import WebhookCreated, WebhookDeleted, WebhookSecretRotated
from domain.webhook.webhooks import Webhook

#: The kind of delivery.
KIND: Final = "webhook"
_SETTINGS: Final = "settings"
#: Every type of event.
EVENT_TYPES: Final = frozenset(tag for registry in REGISTRIES.values() for tag in registry)

REFUSED_ADDRESS: Final = invalid_request(
    "Nothing may be sent to this address.",
    hint="It takes https, a public host, and port 443 or one from 1024 on; egress_allow opens an intranet "
    "(docs/operations/egress.md).",
)


class Sealed(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is sealed of a webhook. ``previous`` is in use up to ``previous_until``, in seconds."""

    url: str
    secret: str
    previous: str | None = None
    previous_until: int = 0

    def secrets_at(self, now: int) -> tuple[str, ...]:
        """The secrets to sign with, the newest first."""
        return (self.secret, self.previous) if self.previous and now < self.previous_until else (self.secret,)


class WithSecret(NamedTuple):
    """A webhook with what its receiver verifies signatures with, which is shown once."""

    webhook: Webhook
    secret: str


async def list_webhooks(store: ReadBack, tenant: str) -> Mapping[str, Webhook]:
    """The webhooks of a tenant by id."""
    return (await read_state(store, webhook_stream(tenant), rules.fold)).state


async def open_sealed(private: PrivateData, tenant: str, webhook_id: str) -> Sealed | None:
    """What is sealed of a webhook; None when it was deleted. Raises SealBroken."""
    opened = await private.open(tenant, WEBHOOK, webhook_id, _SETTINGS)
    return None if opened is None else msgspec.json.decode(opened, type=Sealed)


async def create_webhook(
    store: ReadBack, private: PrivateData, egress: Egress, tenant: str, wanted: tuple[str, tuple[str, ...], str]
) -> WithSecret | Refusal:  # fmt: skip
    """Declare a webhook: ``wanted`` are its address, its types of events, and ``hmac`` or ``ed25519``."""
    url, event_types, signature = wanted
    if not egress.permits(url):
        return REFUSED_ADDRESS
    webhook_id = new_id()
    secret, public_key = _new_secret(signature)
    rows = private.first_rows(
        tenant, WEBHOOK, webhook_id, {_SETTINGS: msgspec.json.encode(Sealed(url, secret))}
    )
    host = urlsplit(url).hostname or ""

    async def attempt() -> Outcome[WithSecret]:
        state, version, now = await read_state(store, webhook_stream(tenant), rules.fold)
        created = WebhookCreated(webhook_id, host, event_types, signature, now, public_key, operator())
        decision = rules.decide_create(state, created, EVENT_TYPES)
        if isinstance(decision.answer, Refusal):
            return Outcome(decision.answer)
        made = WithSecret(decision.answer[webhook_id], public_key or secret)
        return Outcome(made, (Change(webhook_stream(tenant), version, decision.events),), rows)

    return await carry_out(store, tenant, attempt)


async def rotate_secret(
    store: ReadBack, private: PrivateData, tenant: str, webhook_id: str
) -> WithSecret | Refusal:
    """Sign with another secret. The one before is used beside it for a day."""
    stream = webhook_stream(tenant)

    async def attempt() -> Outcome[WithSecret]:
        state, version, now = await read_state(store, stream, rules.fold)
        sealed = await open_sealed(private, tenant, webhook_id)
        if webhook_id not in state or sealed is None:
            return Outcome(rules.UNKNOWN)
        secret, public_key = _new_secret(state[webhook_id].signature)
        until = now + rules.OVERLAP
        rotated = WebhookSecretRotated(webhook_id, now, until, public_key, operator())
        decision: Decision[Mapping[str, Webhook]] = rules.decide_rotate(state, rotated)
        assert not isinstance(decision.answer, Refusal)
        kept = msgspec.json.encode(Sealed(sealed.url, secret, sealed.secret, until))
        rows = await private.more_rows(tenant, WEBHOOK, webhook_id, {_SETTINGS: kept})
        made = WithSecret(decision.answer[webhook_id], public_key or secret)
        return Outcome(made, (Change(stream, version, decision.events),), rows)

    return await carry_out(store, tenant, attempt)


async def delete_webhook(store: ReadBack, tenant: str, webhook_id: str, reason: str) -> int | Refusal:
    """Delete a webhook with its secrets and with what waits for it; how many messages."""
    stream = webhook_stream(tenant)

    async def attempt() -> Outcome[None]:
        state, version, now = await read_state(store, stream, rules.fold)
        decision = rules.decide_delete(state, WebhookDeleted(webhook_id, now, reason, operator()))
        if isinstance(decision.answer, Refusal):
            return Outcome(decision.answer)
        rows = (erasing_row(tenant, WEBHOOK, webhook_id),)
        return Outcome(None, (Change(stream, version, decision.events),), rows)

    refusal = await carry_out(store, tenant, attempt)
    return refusal or await store.outbox.forget(receiver_key(tenant, KIND, webhook_id))


def _new_secret(signature: str) -> tuple[str, str | None]:
    """A secret, and its public key where it has one."""
    if signature == rules.HMAC:
        return standard_webhooks.new_shared_secret(), None
    private_key = standard_webhooks.new_private_key()
    return private_key, standard_webhooks.public_key_of(private_key)
