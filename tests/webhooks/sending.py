"""A process that does the background work for webhooks: ``python -m tests.webhooks.sending PLACE CA_FILE POINT``.

``POINT`` is where it is killed: ``fanning out``, in the transaction that makes messages of a page; else nowhere.
"""

import asyncio
import sys
from pathlib import Path

from authrim.core.fan_out import fan_out_until_cancelled
from authrim.core.outbox import Outbox
from authrim.core.parts import Core
from authrim.server.wired_core import make_core
from authrim.store.postgres.store import PostgresStore
from authrim.store.read_back import ReadBack
from authrim.store.sqlite.store import SQLiteStore
from authrim.webhooks.delivery import WebhookDeliveries
from authrim.webhooks.fan_out import Receivers, WebhookSource
from domain.stream import DEFAULT_TENANT
from tests.support.killed import dying_at
from tests.support.running import development_settings

#: What another process waits before it takes what a dead one had in hand is four times this, in seconds.
ATTEMPT = 0.2


async def core_at(store: ReadBack, ca_file: Path) -> Core:
    """The core of a process that reaches this machine."""
    outside = {"egress_allow": ("localhost",), "egress_ca_file": ca_file, "egress_timeout_seconds": 5}
    return await make_core(development_settings(8080, **outside), store)


async def send(place: str, ca_file: str, point: str) -> None:
    """Send until killed."""
    store: ReadBack = SQLiteStore(Path(place)) if place.startswith("/") else PostgresStore(place)
    await store.open()
    core = await core_at(store, Path(ca_file))
    if point == "fanning out":
        Receivers.messages = dying_at(3, Receivers.messages)  # type: ignore[method-assign]
    outbox = Outbox(store.outbox, [WebhookDeliveries(core)], ATTEMPT)
    source = WebhookSource(store, DEFAULT_TENANT)
    async with asyncio.TaskGroup() as group:
        group.create_task(fan_out_until_cancelled(store, source))
        group.create_task(outbox.deliver_until_cancelled())


if __name__ == "__main__":
    asyncio.run(send(*sys.argv[1:]))
