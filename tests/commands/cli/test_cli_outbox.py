"""``authrim outbox`` on a real store."""

import asyncio
from typing import Any

from authrim.store import codec
from authrim.store.outbox_contract import NewDelivery, Retried, Settlement
from authrim.store.sqlite.store import SQLiteStore
from domain.outbox_events import DeliveriesDiscarded, DeliveriesRetried
from domain.stream import OUTBOX, parse
from tests.support.command_line import CommandLine

SHOP, FORUM = (NewDelivery("default", "webhook", name, "7", 7) for name in ("shop", "forum"))


async def run(authrim: CommandLine, *arguments: str, status: int = 0) -> Any:
    return await asyncio.to_thread(authrim.json, "outbox", *arguments, status=status)


async def give_up(store: SQLiteStore) -> None:
    """One message each for two receivers, both dead after three attempts."""
    await store.outbox.add([SHOP, FORUM])
    for taken in await store.outbox.take("a", ("webhook",), 10, 10, 10**6):
        dead = Retried(taken.deliveries[0].key, 3, 0, "unreachable", dead=True)
        await store.outbox.settle(taken.key, "a", Settlement([], [dead], 3, 10**9))


async def recorded(store: SQLiteStore) -> list[Any]:
    return [
        codec.decode(OUTBOX, event.type, event.payload)
        for event in await store.read_log(0, 1000)
        if parse(event.stream).kind == OUTBOX
    ]


async def test_dead_messages_are_listed_retried_and_discarded(
    authrim: CommandLine, store: SQLiteStore
) -> None:
    """Each dead message says whom it was for, what it tells of, and why it was given up; what an operator does to it is
    in the log, with the reason."""
    await give_up(store)
    listed = (await run(authrim, "list"))["messages"]
    assert [(one["id"], one["position"], one["attempts"], one["reason"]) for one in listed] == [
        (FORUM.key, 7, 3, "unreachable"),
        (SHOP.key, 7, 3, "unreachable"),
    ]
    assert (await run(authrim, "list", "--receiver", "shop"))["messages"] == listed[1:]
    assert await run(authrim, "retry", SHOP.key) == {"retried": 1}
    assert [one["id"] for one in (await run(authrim, "list", "--waiting"))["messages"]] == [SHOP.key]
    discarded = await run(authrim, "discard", "--all", "--kind", "webhook", "--reason", "ticket 4711")
    assert discarded == {"discarded": 1}
    assert (await run(authrim, "list"))["messages"] == []
    (shop,) = [one for one in (await run(authrim, "receivers"))["receivers"] if one["waiting"]]
    assert (shop["receiver"], shop["waiting"], shop["dead"], shop["failures"]) == ("shop", 1, 0, 0)
    retried, gone = await recorded(store)
    assert (type(retried), retried.receiver, retried.positions) == (DeliveriesRetried, "shop", (7,))
    assert (type(gone), gone.receiver, gone.reason) == (DeliveriesDiscarded, "forum", "ticket 4711")


async def test_who_discards_says_which_and_why(authrim: CommandLine, store: SQLiteStore) -> None:
    """Nothing is discarded without a reason, or by a command that names no message."""
    await give_up(store)
    for arguments in (("discard", SHOP.key), ("discard", "--all", "--reason", " "), ("retry",)):
        await asyncio.to_thread(authrim.run, "outbox", *arguments, status=None)
    assert len((await run(authrim, "list"))["messages"]) == 2
    assert await recorded(store) == []
