"""What only PostgreSQL can do to the outbox: several processes change the same messages at the same moment."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from authrim.store.outbox_contract import OutboxStore, Retried
from authrim.store.read_back import ReadBack
from tests.core.outbox.kinds import messages
from tests.support.patience import PATIENCE

FIRST, SECOND = messages("shop", 2)
WAITS_FOR_A_LOCK = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)

CHANGES: dict[str, Callable[[OutboxStore], Awaitable[Any]]] = {
    "retry": lambda outbox: outbox.retry([FIRST.key, SECOND.key]),
    "discard": lambda outbox: outbox.discard([FIRST.key, SECOND.key]),
    "give up": lambda outbox: outbox.give_up(SECOND.receiver_key, [Retried(SECOND.key, 1, 0, "", dead=True)]),
    "forget": lambda outbox: outbox.forget(FIRST.receiver_key),
}


@pytest.mark.parametrize("store_place", ["postgres"], indirect=True)
@pytest.mark.parametrize("change", CHANGES)
async def test_nobody_waits_in_a_circle(store: ReadBack, postgres_dsn: str, change: str) -> None:
    """While a process settles a receiver, every change of its messages waits before it has locked any of them: the
    process gets what it deletes, and then the change is made."""
    await store.outbox.add([FIRST, SECOND])
    settling = await asyncpg.connect(postgres_dsn)
    try:
        async with settling.transaction():
            await settling.execute(
                "SELECT key FROM authrim.receivers WHERE key = $1 FOR UPDATE", FIRST.receiver_key
            )
            changing = asyncio.ensure_future(CHANGES[change](store.outbox))
            async with asyncio.timeout(PATIENCE):
                while not await settling.fetchval(WAITS_FOR_A_LOCK):
                    assert not changing.done()
                    await asyncio.sleep(0.01)
            await settling.execute("DELETE FROM authrim.deliveries WHERE key = $1", FIRST.key)
        changed = await changing
    finally:
        await settling.close()
    assert changed == {"retry": [SECOND.key], "discard": [SECOND.key], "give up": None, "forget": 1}[change]
