"""Attempts at one moment: who is counted again, and when (A183)."""

import asyncio

from authrim.people.checks_under_way import ChecksUnderWay, is_room

ACCOUNT, NETWORK, OTHER = "account", "network", "another account"


def test_attempts_beside_each_other_are_crowded() -> None:
    """Both of two that share a counter know of each other, also when the first began alone; others do not."""
    checks = ChecksUnderWay()
    with (
        checks.under_way([ACCOUNT, NETWORK]) as first,
        checks.under_way([OTHER]) as elsewhere,
        checks.under_way([NETWORK]) as second,
    ):
        assert (first.crowded, second.crowded, elsewhere.crowded) == (True, True, False)
    with checks.under_way([ACCOUNT]) as alone:
        assert not alone.crowded


async def test_room_that_is_made_during_the_count() -> None:
    """An attempt whose count was taken back while another was still counting makes room for it."""
    checks = ChecksUnderWay()
    with checks.waiting_for_room([ACCOUNT]) as waiter:
        with checks.under_way([ACCOUNT]), checks.under_way([ACCOUNT]) as other:
            other.makes_room = True
        assert await is_room(waiter)


async def test_no_room_without_others() -> None:
    """An attempt that ends alone has nobody to wait for, and is told at once."""
    checks = ChecksUnderWay()
    with checks.waiting_for_room([ACCOUNT]) as waiter:
        with checks.under_way([ACCOUNT]):
            pass
        assert waiter.done()
        assert not await is_room(waiter)


async def test_one_at_a_time() -> None:
    """A second attempt has its turn when the first has ended."""
    checks = ChecksUnderWay()
    order: list[str] = []

    async def take(name: str) -> None:
        async with checks.turn([ACCOUNT]) as has_turn:
            assert has_turn
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            order.append(f"{name} ends")

    await asyncio.gather(take("a"), take("b"))
    assert order == ["a begins", "a ends", "b begins", "b ends"]
