"""Charts of a series: where each bar and label is. The template draws them as SVG.

A series over time is drawn as columns, any other one as rows with their values. A chart has one colour, so that nothing
is said by colour alone, and its values are in a table beside it.
"""

import re
from math import ceil, log10
from typing import Final, NamedTuple

from authrim.reports.render.words import number
from domain.report.model import Series

_TIME: Final = re.compile(r"\d{4}-\d{2}(-\d{2})?")
_WIDTH: Final = 720
#: Columns: the height of the plot, and the room for its numbers and its labels.
_PLOT, _LEFT, _TOP, _BELOW = 160, 64, 16, 28
_LABELS: Final = 5
_WIDEST: Final = 48
#: Rows: the height of one, and the room for its label and its value.
_ROW, _NAME, _VALUE = 26, 240, 90
#: More rows than these are told in the table only.
MOST_ROWS: Final = 24
_LONGEST_NAME: Final = 34


class Bar(NamedTuple):
    """A bar, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: str


class Mark(NamedTuple):
    """A text of an axis. ``anchor`` is that of SVG."""

    x: float
    y: float
    text: str
    anchor: str


class Chart(NamedTuple):
    """A chart. ``lines`` are the heights of the lines behind columns; rows have none."""

    id: str
    title: str
    description: str
    width: int
    height: int
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    lines: tuple[float, ...]
    left: float
    right: float


def chart_of(series: Series) -> Chart | None:
    """The chart of a series; None when there is nothing to draw."""
    if not series.points or not any(value for _, value in series.points):
        return None
    over_time = all(_TIME.fullmatch(label) for label, _ in series.points)
    return _columns(series) if over_time else _rows(series)


def described(series: Series) -> str:
    """What a chart shows, in words."""
    points = series.points
    high = max(points, key=lambda point: point[1])
    low = min(points, key=lambda point: point[1])
    return (
        f"{len(points)} values in {series.unit}, from {points[0][0]} to {points[-1][0]}. "
        f"The highest is {number(high[1])} ({high[0]}), the lowest {number(low[1])} ({low[0]})."
    )


def _columns(series: Series) -> Chart:
    top = _ceiling(max(value for _, value in series.points))
    right, bottom = _WIDTH - 8, _TOP + _PLOT
    step = (right - _LEFT) / len(series.points)
    width = min(max(step * 0.8, 1), _WIDEST)
    bars = []
    for place, (label, value) in enumerate(series.points):
        height = _PLOT * max(value, 0) / top
        x = _LEFT + step * place + (step - width) / 2
        bars.append(
            Bar(_round(x), _round(bottom - height), _round(width), _round(height), label, number(value))
        )
    heights = tuple(_round(bottom - _PLOT * share) for share in (0, 0.5, 1))
    marks = [
        Mark(_LEFT - 8, y + 4, number(top * share), "end")
        for y, share in zip(heights, (0, 0.5, 1), strict=True)
        if share != 0.5 or float(top / 2).is_integer()
    ]
    every = ceil(len(bars) / _LABELS)
    for place, bar in enumerate(bars):
        if place % every == 0:
            middle = min(max(bar.x + bar.width / 2, _LEFT + 34), right - 34)
            marks.append(Mark(_round(middle), bottom + 20, bar.label, "middle"))
    return Chart(
        series.id, series.title, f"Columns over time. {described(series)}", _WIDTH, bottom + _BELOW, tuple(bars),
        tuple(marks), heights, _LEFT, right,
    )  # fmt: skip


def _rows(series: Series) -> Chart:
    points = series.points[:MOST_ROWS]
    top = max(value for _, value in points) or 1
    room = _WIDTH - _NAME - _VALUE
    bars, marks = [], []
    for place, (label, value) in enumerate(points):
        y = 4 + place * _ROW
        width = room * max(value, 0) / top
        bars.append(Bar(_NAME, y, _round(max(width, 1)), _ROW - 8, label, number(value)))
        marks.append(Mark(_NAME - 10, y + 13, _shortened(label), "end"))
        marks.append(Mark(_round(_NAME + max(width, 1) + 8), y + 13, number(value), "start"))
    left_out = len(series.points) - len(points)
    more = f" {left_out} more are in the table." if left_out else ""
    return Chart(
        series.id, series.title, f"Rows with their values. {described(series)}{more}", _WIDTH,
        8 + len(points) * _ROW, tuple(bars), tuple(marks), (), _NAME, _WIDTH,
    )  # fmt: skip


def _ceiling(highest: float) -> float:
    """The next number that reads well on an axis."""
    magnitude = 10 ** int(log10(highest)) if highest >= 1 else 1
    return next(magnitude * step for step in (1, 2, 4, 6, 8, 10) if magnitude * step >= highest)


def _shortened(label: str) -> str:
    return label if len(label) <= _LONGEST_NAME else f"{label[: _LONGEST_NAME - 1]}…"


def _round(value: float) -> float:
    return round(value, 1)
