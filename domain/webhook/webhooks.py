"""The webhooks of a tenant: one stream, so that their number is decided in one place."""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from domain.decision import Decision, refuse
from domain.errors import invalid_request
from domain.event import Event, folding
from domain.units import DAY
from domain.webhook.events import WebhookCreated, WebhookDeleted, WebhookSecretRotated

#: The most webhooks of a tenant: each event is judged for each of them.
MOST: Final = 100
MOST_TYPES: Final = 64
#: Seconds in which the secret before is used, too.
OVERLAP: Final = DAY

HMAC: Final = "hmac"
ED25519: Final = "ed25519"
SIGNATURES: Final = (HMAC, ED25519)
ALL: Final = "*"
_ANY_OF_KIND: Final = ".*"

UNKNOWN: Final = invalid_request(
    "There is no such webhook.", hint="authrim webhook list shows all with their ids."
)
TOO_MANY: Final = invalid_request(f"There are {MOST} webhooks already.", hint="Delete one that nobody needs.")
TOO_MANY_TYPES: Final = invalid_request(
    f"A webhook has at most {MOST_TYPES} types of events.", hint="Use a group such as account.* or *."
)


class Webhook(msgspec.Struct, frozen=True, omit_defaults=True):
    """A webhook. Its address and its secrets are sealed."""

    webhook_id: str
    host: str
    event_types: tuple[str, ...]
    signature: str
    created_at: int
    public_key: str | None = None
    rotated_at: int | None = None


Webhooks = Mapping[str, Webhook]
NONE: Final[Webhooks] = {}


def apply(webhooks: Webhooks, event: Event) -> Webhooks:
    """The webhooks after one more event."""
    match event:
        case WebhookCreated():
            created = Webhook(
                event.webhook_id,
                event.host,
                event.event_types,
                event.signature,
                event.created_at,
                event.public_key,
            )
            return {**webhooks, event.webhook_id: created}
        case WebhookSecretRotated() if event.webhook_id in webhooks:
            rotated = msgspec.structs.replace(
                webhooks[event.webhook_id], public_key=event.public_key, rotated_at=event.rotated_at
            )
            return {**webhooks, event.webhook_id: rotated}
        case WebhookDeleted():
            return {name: one for name, one in webhooks.items() if name != event.webhook_id}
        case _:
            return webhooks


#: The webhooks after some events.
fold: Final = folding(apply, NONE)


def types_of(patterns: Collection[str], known: Collection[str]) -> frozenset[str]:
    """The known types of events that somebody with these patterns is told of."""
    types = set(patterns)
    groups = tuple(one.removesuffix("*") for one in types if one == ALL or one.endswith(_ANY_OF_KIND))
    return frozenset(tag for tag in known if tag in types or tag.startswith(groups))


def decide_create(webhooks: Webhooks, created: WebhookCreated, known: Collection[str]) -> Decision[Webhooks]:
    """Declare a webhook. ``known``: the types of events that there are."""
    if len(webhooks) >= MOST:
        return refuse(TOO_MANY)
    if not 0 < len(created.event_types) <= MOST_TYPES:
        return refuse(TOO_MANY_TYPES)
    for pattern in created.event_types:
        if not types_of((pattern,), known):
            return refuse(
                invalid_request(
                    f"No event has the type {pattern!a}.",
                    hint="docs/events.md has all types; account.* means all that begin so.",
                )
            )
    return Decision((created,), apply(webhooks, created))


def decide_rotate(webhooks: Webhooks, rotated: WebhookSecretRotated) -> Decision[Webhooks]:
    """Sign with another secret."""
    if rotated.webhook_id not in webhooks:
        return refuse(UNKNOWN)
    return Decision((rotated,), apply(webhooks, rotated))


def decide_delete(webhooks: Webhooks, deleted: WebhookDeleted) -> Decision[Webhooks]:
    """Tell the address of nothing any more."""
    if deleted.webhook_id not in webhooks:
        return refuse(UNKNOWN)
    return Decision((deleted,), apply(webhooks, deleted))
