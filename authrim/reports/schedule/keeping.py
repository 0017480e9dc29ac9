"""Writes the evidence that is due: one process at a time, each period once, and again after a failure."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

import msgspec
import structlog

from authrim.core.execute import Change, Outcome, carry_out
from authrim.core.stream_state import read_state
from authrim.reports.schedule.due import Due, missed
from authrim.reports.schedule.lease import Lease
from authrim.reports.schedule.states import scheduled
from authrim.settings.schedules import Schedule
from authrim.store.contract import Store, StoreError
from domain.errors import Refusal
from domain.event import Event
from domain.evidence import Evidence, EvidenceFailed, EvidenceScheduled, EvidenceWritten, fold
from domain.stream import evidence_stream
from domain.units import MICROSECONDS

log = structlog.get_logger(__name__)

#: Seconds between two looks at the schedule.
PAUSE: Final = 20.0
#: Seconds before the second attempt; each later pause is twice as long, up to the longest.
_FIRST_PAUSE: Final = 60
_LONGEST_PAUSE: Final = 3600
_LEASE: Final = "evidence"


class Made(msgspec.Struct, frozen=True):
    """What was written and handed over. ``name`` is empty when there was no event in the period."""

    name: str = ""
    first_position: int = 0
    last_position: int = 0
    sha256: str = ""


class NotMade(Exception):
    """Evidence could not be written or handed over. The text is the cause, a word of docs/audit/schedule.md."""


#: Writes evidence and hands it over. Raises NotMade, StoreError.
Maker = Callable[[Due], Awaitable[Made]]
#: The time in seconds.
Clock = Callable[[], Awaitable[int]]


class Round(NamedTuple):
    """What one look at the schedule did. ``busy``: another process was at it."""

    written: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    busy: bool = False


class Keeper:
    """Keeps to the schedule. ``clock``: without one, the clock of the log."""

    def __init__(
        self,
        store: Store,
        tenant: str,
        schedules: Sequence[Schedule],
        make: Maker,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._tenant = tenant
        self._schedules = {schedule.id: schedule for schedule in schedules}
        self._make = make
        self._clock = clock or self._log_clock

    async def keep_until_cancelled(self) -> None:
        """Write what is due as long as the process runs. A store that is away is waited for."""
        while True:
            try:
                await self.round()
            except StoreError as error:
                log.error("evidence.waiting", kind=type(error).__name__)
            await asyncio.sleep(PAUSE)

    async def round(self, *, at_once: bool = False) -> Round:
        """Write what is due, if no other process is at it. ``at_once``: what failed is tried again without a pause.
        Raises StoreError."""
        if not await self._anything(at_once=at_once):
            return Round()
        lease = Lease(self._store, _LEASE)
        if not await lease.take():
            return Round(busy=True)
        work = asyncio.create_task(self._write_all(at_once=at_once))
        beat = asyncio.create_task(lease.keep_until_lost())
        try:
            await asyncio.wait({work, beat}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                log.error("evidence.lock_lost")
                return Round(busy=True)
            return work.result()
        finally:
            work.cancel()
            beat.cancel()
            await asyncio.gather(work, beat, return_exceptions=True)
            await lease.release()

    async def _anything(self, *, at_once: bool) -> bool:
        """Whether there is anything to do, before the lock is taken for it."""
        now = await self._clock()
        for name in {*self._schedules, *await scheduled(self._store, self._tenant)}:
            state = await self._state(name)
            schedule = self._schedules.get(name)
            if state.times != ("" if schedule is None else schedule.times):
                return True
            if schedule is not None and self._due(schedule, state, now, at_once=at_once):
                return True
        return False

    async def _write_all(self, *, at_once: bool) -> Round:
        written: list[str] = []
        failed: list[str] = []
        await self._note_changes()
        for name, schedule in self._schedules.items():
            for due in self._due(schedule, await self._state(name), await self._clock(), at_once=at_once):
                if not await self._write(due):
                    failed.append(due.name)
                    break  # the newer periods wait: they would fail for the same cause
                written.append(due.name)
        return Round(tuple(written), tuple(failed))

    async def _note_changes(self) -> None:
        """Record which lines are new, have other times, or are gone."""
        for name in {*self._schedules, *await scheduled(self._store, self._tenant)}:
            schedule = self._schedules.get(name)
            times = "" if schedule is None else schedule.times
            now = await self._clock()

            def decide(state: Evidence, name: str = name, times: str = times, now: int = now) -> Event | None:
                return EvidenceScheduled(name, times, now) if state.times != times else None

            await self._append(name, decide)

    def _due(self, schedule: Schedule, state: Evidence, now: int, *, at_once: bool) -> list[Due]:
        """What has to be written now."""
        failed = state.failed
        if failed is not None and now < failed.retry_at and not at_once:
            return []
        since = state.since if failed is None else min(state.since, failed.due_at - 1)
        return missed(schedule, since, now) if state.times == schedule.times else []

    async def _write(self, due: Due) -> bool:
        name = due.schedule.id
        try:
            made = await self._make(due)
        except NotMade as error:
            await self._failed(due, str(error))
            return False
        except Exception as error:  # its text may quote the log
            log.error("evidence.unexpected", kind=type(error).__name__)
            await self._failed(due, "unexpected")
            return False
        now = await self._clock()
        event = EvidenceWritten(
            name, due.at, now, made.name, made.first_position, made.last_position, made.sha256, due.skipped
        )
        await self._append(name, lambda state: event if state.failed or state.since < due.at else None)
        return True

    async def _failed(self, due: Due, cause: str) -> None:
        """Record a failure, and raise the alarm."""
        name, now = due.schedule.id, await self._clock()

        def decide(state: Evidence) -> Event:
            attempt = 1 + (state.failed.attempt if state.failed is not None else 0)
            pause = min(_FIRST_PAUSE << min(attempt - 1, 10), _LONGEST_PAUSE)
            return EvidenceFailed(name, due.at, now, cause, attempt, now + pause)

        await self._append(name, decide)
        log.error("evidence.failed", schedule=name, evidence=due.name, cause=cause)

    async def _append(self, name: str, decide: Callable[[Evidence], Event | None]) -> None:
        """Append what is decided on the state of a line. Raises StoreError."""
        stream = evidence_stream(self._tenant, name)

        async def attempt() -> Outcome[None]:
            state, version, _ = await read_state(self._store, stream, fold)
            event = decide(state)
            return Outcome(None, () if event is None else (Change(stream, version, (event,)),))

        refusal = await carry_out(self._store, self._tenant, attempt, "system")
        if isinstance(refusal, Refusal):
            raise StoreError(refusal.description)

    async def _state(self, name: str) -> Evidence:
        state, _, _ = await read_state(self._store, evidence_stream(self._tenant, name), fold)
        return state

    async def _log_clock(self) -> int:
        return (await self._store.head()).now // MICROSECONDS
