"""Webhooks as readers of the log: an event of which no message was made yet is needed."""

from typing import Final

from authrim.core.log_readers import LogReader
from authrim.store.read_back import ReadBack
from authrim.webhooks.fan_out import FOLLOWER, WebhookSource
from domain.errors import Refusal, invalid_request

NOT_TOLD: Final = invalid_request(
    "Webhooks have not been told of all of these events yet.",
    hint="Let the server run until they have, then try again. authrim webhook list shows them.",
)


def webhook_reader(store: ReadBack, tenant: str) -> LogReader:
    """All webhooks: one position is saved for them. Each is told of what came after it only."""

    async def needs(until: int) -> Refusal | None:
        webhooks = await WebhookSource(store, tenant).read()
        if not webhooks.event_types:
            return None
        told_to = max(webhooks.start, await store.outbox.position(FOLLOWER))
        return None if told_to >= until else NOT_TOLD

    return needs
