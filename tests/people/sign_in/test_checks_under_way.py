"""Attempts at one moment: who is counted again, and when (A183)."""

import asyncio

import pytest

from authrim.people import checks_under_way
from authrim.people.checks_under_way import MOST_RECOUNTS, MOST_WAITERS, ChecksUnderWay
from tests.support.patience import PATIENCE

ACCOUNT, NETWORK, OTHER = "account", "network", "another account"


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> ChecksUnderWay:
    """Of a process that waits long enough for a busy machine."""
    monkeypatch.setattr(checks_under_way, "LONGEST_WAIT", PATIENCE)
    return ChecksUnderWay()


def test_attempts_beside_each_other_know_it(checks: ChecksUnderWay) -> None:
    """Both of two that share a counter, also when the first began alone; and no others."""
    with (
        checks.under_way([ACCOUNT, NETWORK]) as first,
        checks.under_way([OTHER]) as elsewhere,
        checks.under_way([NETWORK]) as second,
    ):
        assert (first.beside, second.beside, elsewhere.beside) == ({second}, {first}, set())
    with checks.under_way([ACCOUNT]) as alone:
        assert alone.beside == set()


async def test_a_right_one_makes_room(checks: ChecksUnderWay) -> None:
    """One that proves right makes room, whether the refused attempt waits already or was still counting; and as often
    as there are such."""
    async with checks.turn([ACCOUNT]) as turn:
        assert turn is not None
        with checks.under_way([ACCOUNT]) as refused:
            refused.is_refused = True
            with checks.under_way([ACCOUNT]) as other:
                other.was_right = True
        for _ in range(MOST_RECOUNTS + 3):
            assert await turn.may_recount(refused.beside)
        with checks.under_way([ACCOUNT]) as other:
            waiting = asyncio.create_task(turn.may_recount({other}))
            await asyncio.sleep(0)
            other.was_right = True
        assert await waiting


async def test_without_others_there_is_no_room(checks: ChecksUnderWay) -> None:
    """An attempt that was counted alone is refused at once."""
    async with checks.turn([ACCOUNT]) as turn:
        assert turn is not None
        with checks.under_way([ACCOUNT]) as refused:
            refused.is_refused = True
        assert not await turn.may_recount(refused.beside)


async def test_a_flood_of_guesses_is_not_counted_without_end(checks: ChecksUnderWay) -> None:
    """Attempts that never prove right come and go without end: one that is refused beside them is counted twice more,
    and nothing of those that have ended is kept."""
    flood = [checks.under_way([NETWORK]) for _ in range(3)]
    latest = [one.__enter__() for one in flood]
    recounts = 0
    async with checks.turn([ACCOUNT]) as turn:
        assert turn is not None
        while True:
            with checks.under_way([NETWORK]) as refused:
                refused.is_refused = True
            waiting = asyncio.create_task(turn.may_recount(refused.beside))
            await asyncio.sleep(0)
            for place, ended in enumerate(list(flood)):
                flood[place] = checks.under_way([NETWORK])
                latest.append(flood[place].__enter__())
                ended.__exit__(None, None, None)
            if not await waiting:
                break
            recounts += 1
    for one in flood:
        one.__exit__(None, None, None)
    assert recounts == MOST_RECOUNTS
    assert all(check.ended and not check.beside for check in latest)


async def test_one_at_a_time(checks: ChecksUnderWay) -> None:
    """A second attempt has its turn when the first has ended."""
    order: list[str] = []

    async def take(name: str) -> None:
        async with checks.turn([ACCOUNT]) as turn:
            assert turn is not None
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            order.append(f"{name} ends")

    await asyncio.gather(take("a"), take("b"))
    assert order == ["a begins", "a ends", "b begins", "b ends"]


async def test_the_line_has_an_end(checks: ChecksUnderWay) -> None:
    """Beyond so many that wait, an attempt is refused at once."""
    release = asyncio.Event()

    async def hold(number: int) -> None:
        async with checks.turn([str(number)]):
            await release.wait()

    held = [asyncio.create_task(hold(number)) for number in range(MOST_WAITERS)]
    await asyncio.sleep(0)
    async with checks.turn([ACCOUNT]) as turn:
        assert turn is None
    release.set()
    await asyncio.gather(*held)
    async with checks.turn([ACCOUNT]) as turn:
        assert turn is not None
