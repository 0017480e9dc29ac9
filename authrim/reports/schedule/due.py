"""When evidence is due, and for which period. All times are UTC, in seconds since 1970."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from cronsim import CronSim

from authrim.settings.schedules import BUNDLE, Schedule
from domain.units import MINUTE

#: Missed periods that are made up; of more, these are the newest.
MOST_MADE_UP: Final = 12
#: Times that are looked at: those of some years, by the day.
_MOST_TIMES: Final = 2000
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}


class Due(NamedTuple):
    """Evidence that is due since ``at``, for the period from ``begin`` to before ``end``. ``skipped``: older periods
    that are left out."""

    schedule: Schedule
    at: int
    begin: int
    end: int
    skipped: int = 0

    @property
    def name(self) -> str:
        """The name of its folder or file. Evidence for the same period has the same one."""
        day = datetime.fromtimestamp(self.begin, UTC)
        suffix = ".tar" if self.schedule.what == BUNDLE else ""
        return f"{self.schedule.what}-{day:%Y-%m-%d}-{self.schedule.period}{suffix}"


def missed(schedule: Schedule, since: int, now: int) -> list[Due]:
    """What became due after ``since``, the oldest first: each period once, however often its time came."""
    periods: dict[int, Due] = {}
    left_out: set[int] = set()
    for at in _backwards(schedule.times, since, now):
        begin, end = period_before(schedule.period, at)
        if begin in periods:
            continue
        if len(periods) == MOST_MADE_UP:
            left_out.add(begin)
            continue
        periods[begin] = Due(schedule, at, begin, end)
    found = sorted(periods.values(), key=lambda due: due.begin)
    return [found[0]._replace(skipped=len(left_out)), *found[1:]] if found else []


def next_time(times: str, after: int) -> int:
    """The first time of five fields of crontab after another one."""
    return int(next(CronSim(times, datetime.fromtimestamp(after, UTC))).timestamp())


def period_before(period: str, at: int) -> tuple[int, int]:
    """The last whole period before a time: its begin, and the end that is not in it any more."""
    midnight = datetime.fromtimestamp(at, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match period:
        case "day":
            begin, end = midnight - timedelta(days=1), midnight
        case "week":
            end = midnight - timedelta(days=midnight.weekday())
            begin = end - timedelta(days=7)
        case _:
            months = _MONTHS[period]
            end = midnight.replace(day=1, month=(midnight.month - 1) // months * months + 1)
            last = end - timedelta(days=1)
            begin = last.replace(day=1, month=(last.month - 1) // months * months + 1)
    return int(begin.timestamp()), int(end.timestamp())


def _backwards(times: str, since: int, now: int) -> Iterator[int]:
    """Times of a crontab up to ``now`` and after ``since``, the newest first."""
    simulated = CronSim(times, datetime.fromtimestamp(now + MINUTE, UTC), reverse=True)
    for _ in range(_MOST_TIMES):
        try:
            at = int(next(simulated).timestamp())
        except StopIteration:
            return
        if at <= since:
            return
        if at <= now:
            yield at
