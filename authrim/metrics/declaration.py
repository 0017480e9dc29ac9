"""What a metric is: its declaration, and the numbers that this process has counted for it.

Counting is on the path of every request, so it is an addition in a dictionary, without a lock: all of it is done in the
event loop. Nobody's input makes the number of series grow beyond a limit (A304): what comes later counts as ``other``.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final, Literal

Labels = tuple[str, ...]
#: How a gauge is put together from several processes: added up, or the lowest value. ``page``: it is read for the
#: page, and what another process read for an earlier one does not count.
Together = Literal["sum", "lowest", "page"]

#: The most series of one metric in one process.
MOST_SERIES: Final = 1000
OTHER: Final = "other"

#: The bounds of what takes time, in seconds. Objectives are at one of them.
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
#: The bounds of what is counted per batch.
SIZES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)


class _Metric:
    """The name in Prometheus, what it means, and the names of its labels."""

    kind: str

    def __init__(self, name: str, meaning: str, labels: Labels = ()) -> None:
        self.name = name
        self.meaning = meaning
        self.labels = labels

    @property
    def unit(self) -> str:
        """What is counted or measured: the unit in the name, or nothing."""
        words = self.name.removesuffix("_total").split("_")
        return words[-1] if words[-1] in {"seconds", "bytes", "ratio"} else ""

    def _within_limit(self, labels: Labels, series: Mapping[Labels, object]) -> Labels:
        if len(labels) != len(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}")
        return labels if len(series) < MOST_SERIES else (OTHER,) * len(labels)


class Counter(_Metric):
    """A number that only grows, for each combination of labels. ``is_on``: whether it is counted, for one that a
    setting switches on."""

    kind = "counter"
    is_on = True

    def __init__(
        self, name: str, meaning: str, labels: Labels = (), *, begins: Sequence[Labels] = ()
    ) -> None:
        """``begins``: the series that are there from the start, so that the first count of them is a rise."""
        super().__init__(name, meaning, labels)
        self.begins: Sequence[Labels] = begins if labels else [()]
        self.series: dict[Labels, float] = dict.fromkeys(self.begins, 0.0)

    def add(self, *labels: str) -> None:
        """Count one."""
        try:
            self.series[labels] += 1
        except KeyError:
            self.add_more(1, *labels)

    def add_more(self, amount: float, *labels: str) -> None:
        """Count ``amount``."""
        if labels not in self.series:
            labels = self._within_limit(labels, self.series)
        self.series[labels] = self.series.get(labels, 0) + amount


class Gauge(_Metric):
    """A number that goes up and down. ``together``: what several processes make of it."""

    kind = "gauge"

    def __init__(self, name: str, meaning: str, labels: Labels = (), *, together: Together = "sum") -> None:
        super().__init__(name, meaning, labels)
        self.together: Together = together
        self.series: dict[Labels, float] = {}

    @property
    def kept(self) -> bool:
        """Whether it is written down for the other processes."""
        return self.together != "page"

    def set(self, value: float, *labels: str) -> None:
        """What it is now."""
        if labels not in self.series:
            labels = self._within_limit(labels, self.series)
        self.series[labels] = value


class Histogram(_Metric):
    """How often a value was at most each of some bounds, for each combination of labels. A series has the count of each
    bucket, then that of the values beyond the last bound, then the sum of the values."""

    kind = "histogram"

    def __init__(
        self, name: str, meaning: str, labels: Labels = (), *, bounds: Sequence[float] = SECONDS
    ) -> None:
        super().__init__(name, meaning, labels)
        self.bounds = tuple(bounds)
        self.series: dict[Labels, list[float]] = {}
        if not labels:
            self._cell(())

    def observe(self, value: float, *labels: str) -> None:
        """Count one value."""
        cell = self.series.get(labels)
        if cell is None:
            cell = self._cell(labels)
        cell[bisect_left(self.bounds, value)] += 1
        cell[-1] += value

    def add_cell(self, cell: Sequence[float], *labels: str) -> None:
        """Add what was counted elsewhere."""
        own = self.series.get(labels) or self._cell(labels)
        own[:] = [a + b for a, b in zip(own, cell, strict=True)]

    def _cell(self, labels: Labels) -> list[float]:
        within = self._within_limit(labels, self.series)
        return self.series.setdefault(within, [0.0] * (len(self.bounds) + 2))


Metric = Counter | Gauge | Histogram
