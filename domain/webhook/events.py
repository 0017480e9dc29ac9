"""What can happen to webhooks. Their addresses and secrets are sealed rows beside the log."""

from domain.event import Event, registry


class WebhookCreated(Event, frozen=True, tag="webhook.created.v1"):
    """An administrator declared an address that is told of events from now on. ``host`` is the host of the address,
    whose rest may be a secret of the receiver. ``event_types`` are tags of events, beginnings of tags that end in
    ``.*``, or ``*``. ``signature`` is ``hmac`` or ``ed25519``; ``public_key`` is the key that verifies the latter."""

    webhook_id: str
    host: str
    event_types: tuple[str, ...]
    signature: str
    created_at: int
    public_key: str | None = None
    operator: str = ""


class WebhookSecretRotated(Event, frozen=True, tag="webhook.secret_rotated.v1"):
    """The webhook signs with another secret or key. Up to ``previous_until`` it signs with the one before, too."""

    webhook_id: str
    rotated_at: int
    previous_until: int
    public_key: str | None = None
    operator: str = ""


class WebhookDeleted(Event, frozen=True, tag="webhook.deleted.v1"):
    """The address is told of nothing any more, not of what waits for it either."""

    webhook_id: str
    deleted_at: int
    reason: str = ""
    operator: str = ""


WEBHOOK_EVENTS = registry(WebhookCreated, WebhookSecretRotated, WebhookDeleted)
