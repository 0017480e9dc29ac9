"""Scheduled evidence: what is written when, by whom, and what a failure leads to. The clock is the test's."""

import asyncio
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from authrim.reports.schedule import lease
from authrim.reports.schedule.due import Due
from authrim.reports.schedule.keeping import Keeper, Made, NotMade, Round
from authrim.reports.schedule.lease import Lease
from authrim.reports.schedule.states import LATE_AFTER, states_of
from authrim.settings.schedules import schedule_of
from authrim.store.contract import Store
from authrim.store.sqlite.store import SQLiteStore
from domain.evidence import EvidenceFailed, EvidenceScheduled, EvidenceWritten
from domain.stream import DEFAULT_TENANT, evidence_stream
from tests.support.patience import LATER

MONTHLY = schedule_of("0 6 1 * * soc2 month")
DAILY = schedule_of("0 6 * * * bundle day")


class Place:
    """Where evidence goes in these tests: a list. ``wrong``: why it cannot be written."""

    def __init__(self, store: Store, text: str) -> None:
        self.store = store
        self.names: list[str] = []
        self.wrong = ""
        self.moved(text)

    def moved(self, text: str) -> None:
        """Set the clock."""
        self.now = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())

    async def clock(self) -> int:
        return self.now

    async def make(self, due: Due) -> Made:
        if self.wrong:
            raise NotMade(self.wrong)
        self.names.append(due.name)
        return Made(due.name, 1, 9, "ab" * 32)

    def keeper(self, *schedules: object) -> Keeper:
        """A process of its own."""
        return Keeper(self.store, DEFAULT_TENANT, schedules, self.make, self.clock)  # type: ignore[arg-type]

    async def events(self, schedule: str) -> list[object]:
        """What the log has of a line."""
        from authrim.store import codec

        stream = evidence_stream(DEFAULT_TENANT, schedule)
        return list(codec.decode_stream("audit", await self.store.read_stream(stream)))


async def test_what_is_due_is_written_once(store: Store) -> None:
    """A new line makes nothing up; when its time comes evidence is written, once, also by a process that starts later;
    and what was missed while no process ran is made up, each month once."""
    place = Place(store, "2026-06-15T00:00")
    assert await place.keeper(MONTHLY).round() == Round()
    assert place.names == []
    place.moved("2026-07-01T06:00")
    assert await place.keeper(MONTHLY).round() == Round(("soc2-2026-06-01-month",))
    for _ in range(2):
        assert await place.keeper(MONTHLY).round() == Round()
    place.moved("2026-10-02T00:00")
    assert (await place.keeper(MONTHLY).round()).written == (
        "soc2-2026-07-01-month", "soc2-2026-08-01-month", "soc2-2026-09-01-month",
    )  # fmt: skip
    assert await place.keeper(MONTHLY).round() == Round()
    scheduled, *written = await place.events("soc2-month")
    assert isinstance(scheduled, EvidenceScheduled)
    assert scheduled.times == "0 6 1 * *"
    assert all(isinstance(event, EvidenceWritten) for event in written)
    assert len(written) == len(place.names) == 4


async def test_a_failure_is_an_alarm_until_it_is_made_good(store: Store) -> None:
    """What cannot be written is an event, a line at the level error and a state that is asked for; it is tried again
    after growing pauses, nothing newer overtakes it, and the alarm ends when it is written."""
    place = Place(store, "2026-06-30T00:00")
    await place.keeper(DAILY).round()
    place.moved("2026-07-03T07:00")
    place.wrong = "directory_unusable"
    with capture_logs() as lines:
        assert await place.keeper(DAILY).round() == Round((), ("bundle-2026-06-29-day.tar",))
    (line,) = (line for line in lines if line["event"] == "evidence.failed")
    assert (line["log_level"], line["cause"], line["schedule"]) == (
        "error",
        "directory_unusable",
        "bundle-day",
    )
    place.now += 59
    assert await place.keeper(DAILY).round() == Round()
    place.now += 1
    assert (await place.keeper(DAILY).round()).failed
    assert (await place.keeper(DAILY).round(at_once=True)).failed
    attempts = [event for event in await place.events("bundle-day") if isinstance(event, EvidenceFailed)]
    assert [(one.attempt, one.retry_at - one.failed_at) for one in attempts] == [(1, 60), (2, 120), (3, 240)]
    (state,) = await states_of(store, DEFAULT_TENANT)
    assert (state.status, state.failed) == ("failed", attempts[-1])
    place.wrong = ""
    assert len((await place.keeper(DAILY).round(at_once=True)).written) == 4
    (state,) = await states_of(store, DEFAULT_TENANT)
    assert state.failed is None
    assert state.written is not None
    assert state.written.name == "bundle-2026-07-02-day.tar"


async def test_an_unexpected_fault_is_a_failure_too(store: Store) -> None:
    """A fault of the program itself ends no process: it is told by its kind alone, and the next line is done."""
    place = Place(store, "2026-06-30T00:00")

    async def make(due: Due) -> Made:
        if due.schedule is MONTHLY:
            raise RuntimeError("canary of the log")
        return await Place.make(place, due)

    place.make = make  # type: ignore[method-assign]
    await place.keeper(MONTHLY, DAILY).round()
    place.moved("2026-07-01T06:00")
    with capture_logs() as lines:
        done = await place.keeper(MONTHLY, DAILY).round()
    assert done == Round(
        ("bundle-2026-06-29-day.tar", "bundle-2026-06-30-day.tar"), ("soc2-2026-06-01-month",)
    )
    assert "canary" not in str(lines)


async def test_one_process_at_a_time_writes(store: Store) -> None:
    """Of two processes at the same time one writes, and the other leaves it alone (F17)."""
    place = Place(store, "2026-06-15T00:00")
    await place.keeper(MONTHLY).round()
    place.moved("2026-07-01T06:00")
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def make(due: Due) -> Made:
        begun.set()
        await go_on.wait()
        return await Place.make(place, due)

    place.make = make  # type: ignore[method-assign]
    first = asyncio.create_task(place.keeper(MONTHLY).round())
    async with asyncio.timeout(LATER):
        await begun.wait()
        assert await place.keeper(MONTHLY).round() == Round(busy=True)
        go_on.set()
        assert (await first).written == ("soc2-2026-06-01-month",)
        assert await place.keeper(MONTHLY).round() == Round()
    assert place.names == ["soc2-2026-06-01-month"]


async def test_who_lost_the_lock_stops(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was stopped for so long that another one took the lock gives up what it was at, and records
    nothing of it."""
    monkeypatch.setattr(lease, "BEAT", 0.01)
    place = Place(store, "2026-06-15T00:00")
    await place.keeper(MONTHLY).round()
    place.moved("2026-07-01T06:00")

    async def make(due: Due) -> Made:
        await made[0].release()
        assert await Lease(store, "evidence").take()
        await asyncio.sleep(LATER)
        return await Place.make(place, due)

    place.make = make  # type: ignore[method-assign]
    made: list[Lease] = []
    begin = Lease.__init__

    def remembered(self: Lease, of: Store, name: str) -> None:
        begin(self, of, name)
        made.append(self)

    monkeypatch.setattr(Lease, "__init__", remembered)
    async with asyncio.timeout(LATER):
        assert await place.keeper(MONTHLY).round() == Round(busy=True)
    assert len(await place.events("soc2-month")) == 1


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_the_lock_of_a_dead_process_ends(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that died with the lock holds it for two minutes more, and no longer; one that works keeps it."""
    assert isinstance(store, SQLiteStore)
    minute = 60_000_000
    clock = [(await store.head()).now]
    monkeypatch.setattr(store._clock, "now", lambda: clock[0])
    dead, working = Lease(store, "evidence"), Lease(store, "other")
    assert await dead.take()
    assert await working.take()
    for passed in range(5):
        assert await Lease(store, "evidence").take() == (passed in (2, 4))  # the second one died, too
        assert not await Lease(store, "other").take()
        clock[0] += minute
        assert await working._count(await working._now() + 1)


async def test_changes_of_the_schedule_are_recorded(store: Store) -> None:
    """Other times of a line are recorded and begin with their first time; a line that is gone is recorded, and is no
    alarm any more."""
    place = Place(store, "2026-06-15T00:00")
    await place.keeper(MONTHLY).round()
    place.moved("2026-06-20T12:00")
    nightly = schedule_of("0 2 * * * soc2 month")
    assert await place.keeper(nightly).round() == Round()
    assert [state.times for state in await states_of(store, DEFAULT_TENANT)] == ["0 2 * * *"]
    await place.keeper().round()
    assert await states_of(store, DEFAULT_TENANT) == []
    times = [
        event.times for event in await place.events("soc2-month") if isinstance(event, EvidenceScheduled)
    ]
    assert times == ["0 6 1 * *", "0 2 * * *", ""]


async def test_evidence_that_nobody_writes_is_late(store: Store) -> None:
    """When no process keeps to the schedule, that is seen an hour after the time that has passed."""
    now = (await store.head()).now // 1_000_000
    place = Place(store, "2026-06-15T00:00")
    place.now = now - LATE_AFTER - 180
    often = schedule_of("* * * * * soc2 day")
    await place.keeper(often).round()
    (state,) = await states_of(store, DEFAULT_TENANT)
    assert state.status == "late"
    assert place.now < state.late_since <= place.now + 60
