"""Whether something that was read again and again grows without bound.

A line is fitted to the second half of the readings, when everything has settled. Growth is a slope that stands out from
the scatter, and that would add more than a tenth in an hour.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Final, NamedTuple

from domain.units import HOUR

#: The part of its size by which something may grow in an hour.
MOST_PER_HOUR: Final = 0.1
#: How many times its own uncertainty a slope must be.
_CERTAIN: Final = 4.0
_FEWEST: Final = 8


class Trend(NamedTuple):
    """A fitted line: its value in the middle, its slope per hour, and the uncertainty of the slope per hour."""

    middle: float
    per_hour: float
    uncertainty: float

    def grows(self, floor: float) -> bool:
        """Whether it grows without bound. ``floor``: what may be added in an hour in any case."""
        allowed = max(floor, MOST_PER_HOUR * abs(self.middle))
        return self.per_hour > allowed and self.per_hour > _CERTAIN * self.uncertainty


def trend_of(points: Sequence[tuple[float, float]]) -> Trend | None:
    """The line through the second half of readings (seconds, value); None for too few of them."""
    if not points:
        return None
    begin, end = points[0][0], points[-1][0]
    half = [point for point in points if point[0] >= (begin + end) / 2]
    if len(half) < _FEWEST:
        return None
    times = [seconds / HOUR for seconds, _ in half]
    values = [value for _, value in half]
    mean_time, mean = sum(times) / len(half), sum(values) / len(half)
    spread = sum((one - mean_time) ** 2 for one in times)
    slope = sum((t - mean_time) * (v - mean) for t, v in zip(times, values, strict=True)) / spread
    rest = sum((v - mean - slope * (t - mean_time)) ** 2 for t, v in zip(times, values, strict=True))
    return Trend(mean, slope, sqrt(rest / (len(half) - 2) / spread))
