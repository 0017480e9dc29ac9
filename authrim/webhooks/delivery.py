"""Delivers messages to webhooks: Standard Webhooks 1.0.0 over the outbox."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from authrim.audit.recorded import read
from authrim.core.outbox import LEFT_THE_LOG, Delivered, Failed, Message, NotTried, Result
from authrim.core.parts import Core
from authrim.crypto import base64url
from authrim.outside.egress import EgressOverloaded, EgressRefused
from authrim.protocol import standard_webhooks
from authrim.store.dropped import is_dropped
from authrim.webhooks.payload import payload_of
from authrim.webhooks.records import KIND, open_sealed
from domain.units import DAY

#: Seconds before each further attempt, as Standard Webhooks recommends them.
PAUSES: Final = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, DAY)
#: Seconds after which messages for a receiver that does not answer are given up.
PATIENCE: Final = 3 * DAY
#: Messages that one webhook gets at the same time.
AT_ONCE: Final = 4
_GONE: Final = 410
_TOO_MANY: Final = 429
_ID_BYTES: Final = 18


class WebhookDeliveries:
    """Messages to webhooks, as a kind of delivery."""

    name = KIND
    pauses: Sequence[int] = PAUSES
    patience = PATIENCE
    at_once = AT_ONCE

    def __init__(self, core: Core) -> None:
        self._core = core

    async def deliver(self, message: Message) -> Result:
        """Post the message with its signatures. 2xx: the receiver has it; 410: it wants no more attempts."""
        core = self._core
        sealed = await open_sealed(core.private, message.tenant, message.receiver)
        if sealed is None:
            return Delivered()
        if core.egress.is_crowded(sealed.url, message.receiver):
            return NotTried()
        (stored,) = await core.store.read_log(message.position - 1, 1)
        if is_dropped(stored):
            return Failed(LEFT_THE_LOG, final=True)
        entry = read(stored)
        if entry is None:
            return Delivered()
        body, now = payload_of(entry, core.issuer), core.now()
        identity = message_id(core.issuer, message)
        headers = standard_webhooks.headers(sealed.secrets_at(now), identity, now, body)
        try:
            status = await core.egress.post(
                sealed.url, body, "application/json", headers, client=message.receiver
            )
        except EgressOverloaded:
            return NotTried()
        except EgressRefused:
            return Failed("unreachable", away=True)
        if 200 <= status < 300:
            return Delivered()
        away = status >= 500 or status == _TOO_MANY
        return Failed(f"status_{status}", away=away, final=status == _GONE)

    async def given_up(self, message: Message, reason: str) -> None:
        """Nothing: the outbox has it among its dead messages, and the log is not filled by who is away."""


def message_id(issuer: str, message: Message) -> str:
    """The ``webhook-id``: the same at each attempt, and of no other message of any server."""
    text = f"{issuer} {message.tenant} {message.receiver} {message.name}"
    return "msg_" + base64url.encode(sha256(text.encode()).digest()[:_ID_BYTES])
