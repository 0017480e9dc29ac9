"""What a process has counted so far, as a value: taken, added to what others have counted, and given back."""

from collections.abc import Iterable
from typing import Final

import msgspec

from authrim.metrics.catalogue import METRICS, PROCESS_SEEN
from authrim.metrics.declaration import Counter, Gauge, Histogram, Labels
from authrim.metrics.derived import DERIVED, derive
from authrim.metrics.requests import move_counts

Numbers = dict[str, dict[Labels, float]]


class Snapshot(msgspec.Struct):
    """The series of a process by metric. ``taken_at`` is in seconds since 1970."""

    taken_at: float = 0.0
    counters: Numbers = {}
    gauges: Numbers = {}
    histograms: dict[str, dict[Labels, list[float]]] = {}


def take(now: float) -> Snapshot:
    """What this process has counted. What it has read for a page belongs to that page alone."""
    move_counts()
    derive()
    return Snapshot(
        now,
        {one.name: one.series for one in METRICS if isinstance(one, Counter) and one.series},
        {one.name: one.series for one in METRICS if isinstance(one, Gauge) and one.series and one.kept},
        {one.name: one.series for one in METRICS if isinstance(one, Histogram) and one.series},
    )


def go_on_from(earlier: Snapshot) -> None:
    """Count on from where another process stopped, so that no counter falls."""
    for one in METRICS:
        if isinstance(one, Counter) and one not in DERIVED:
            for labels, value in earlier.counters.get(one.name, {}).items():
                one.add_more(value, *labels)
        elif isinstance(one, Histogram):
            for labels, cell in earlier.histograms.get(one.name, {}).items():
                one.add_cell(cell, *labels)


def together(snapshots: Iterable[Snapshot], living_since: float) -> Snapshot:
    """What all processes have counted. A gauge of one that wrote nothing since ``living_since`` says nothing any more,
    but for when it was last seen."""
    whole = Snapshot(counters={}, gauges={}, histograms={})
    for snapshot in snapshots:
        whole.taken_at = max(whole.taken_at, snapshot.taken_at)
        for name, numbers in snapshot.counters.items():
            _add(whole.counters.setdefault(name, {}), numbers)
        for name, cells in snapshot.histograms.items():
            _add_cells(whole.histograms.setdefault(name, {}), cells)
        for name, numbers in snapshot.gauges.items():
            if snapshot.taken_at >= living_since or name in _LASTING:
                _put_together(name, whole.gauges.setdefault(name, {}), numbers)
    return whole


def with_own_readings(whole: Snapshot) -> Snapshot:
    """The whole with what this process has read for the page."""
    read = {one.name: dict(one.series) for one in METRICS if isinstance(one, Gauge) and not one.kept}
    whole.gauges = {**whole.gauges, **read}
    return whole


def _add(sums: dict[Labels, float], numbers: dict[Labels, float]) -> None:
    for labels, value in numbers.items():
        sums[labels] = sums.get(labels, 0) + value


def _add_cells(sums: dict[Labels, list[float]], cells: dict[Labels, list[float]]) -> None:
    for labels, cell in cells.items():
        before = sums.get(labels)
        sums[labels] = list(cell) if before is None else [a + b for a, b in zip(before, cell, strict=True)]


def _put_together(name: str, sums: dict[Labels, float], numbers: dict[Labels, float]) -> None:
    if name in _LOWEST:
        for labels, value in numbers.items():
            sums[labels] = min(value, sums.get(labels, value))
    else:
        _add(sums, numbers)


_LOWEST: Final = {one.name for one in METRICS if isinstance(one, Gauge) and one.together == "lowest"}
_LASTING: Final = {PROCESS_SEEN.name}
