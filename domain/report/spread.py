"""How long things took: the longest, and bounds that half and most of them keep. Takes no memory per thing."""

from collections import Counter
from typing import Final

from domain.units import MICROSECONDS

#: Times are counted to so many digits, rounded up.
_DIGITS: Final = 2


class Spread:
    """Times in µs."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.longest = 0

    def add(self, micros: int) -> None:
        """Count a time. Clocks may differ, so none is below zero."""
        self._counts[_rounded_up(max(micros, 0))] += 1
        self.longest = max(self.longest, micros)

    @property
    def count(self) -> int:
        """How many were counted."""
        return self._counts.total()

    def at_most(self, share: float) -> float:
        """The time in seconds that this share of them did not exceed, to two digits; 0 when there are none."""
        wanted, known = share * self.count, 0
        for micros in sorted(self._counts):
            known += self._counts[micros]
            if known >= wanted:
                return seconds(micros)
        return 0.0

    def row(self, name: str) -> tuple[str, int, float, float, float]:
        """A row of a table: how many, and the times of half, of 95 % and of all of them."""
        return name, self.count, self.at_most(0.5), self.at_most(0.95), seconds(self.longest)


#: The columns of such a table.
SPREAD_COLUMNS: Final = ("Of what", "Count", "Half within (s)", "95 % within (s)", "Longest (s)")


def seconds(micros: int) -> float:
    """A time in seconds, to the millisecond."""
    return round(micros / MICROSECONDS, 3)


def _rounded_up(micros: int) -> int:
    step: int = 10 ** max(len(str(micros)) - _DIGITS, 0)
    return -(-micros // step) * step
