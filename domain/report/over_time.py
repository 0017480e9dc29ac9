"""Counts over the time of a period: per day, or per month of a long one. Days and months are those of UTC."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Final

from domain.report.model import Period, Series
from domain.units import DAY, MICROSECONDS

#: A chart of more days than these would not be readable.
_MOST_DAYS: Final = 100
_EPOCH: Final = date(1970, 1, 1)


class OverTime:
    """Counts of what happened, by day."""

    def __init__(self) -> None:
        self._days: Counter[int] = Counter()

    def add(self, recorded_at: int, count: int = 1) -> None:
        """Count something at a time (µs UTC)."""
        self._days[recorded_at // (DAY * MICROSECONDS)] += count

    def empty_days(self, period: Period) -> int:
        """How many days of the period had nothing."""
        return sum(not self._days[day] for day in _days_of(period))

    def series(self, series_id: str, title: str, unit: str, period: Period) -> Series:
        """The counts of the period, with zeros for the days or months in which there was nothing."""
        days = _days_of(period)
        if len(days) <= _MOST_DAYS:
            points = tuple((_date(day).isoformat(), self._days[day]) for day in days)
        else:
            months: Counter[str] = Counter()
            for day in days:
                months[f"{_date(day):%Y-%m}"] += self._days[day]
            points = tuple(months.items())
        return Series(series_id, title, unit, points)


def time_text(micros: int) -> str:
    """A time for people (µs UTC), to the second."""
    return f"{datetime.fromtimestamp(micros // MICROSECONDS, UTC):%Y-%m-%d %H:%M:%S}"


def _date(day: int) -> date:
    return _EPOCH + timedelta(days=day)


def _days_of(period: Period) -> range:
    first = period.begins_at // (DAY * MICROSECONDS)
    last = max(first, (period.ends_at - 1) // (DAY * MICROSECONDS))
    return range(first, last + 1)
