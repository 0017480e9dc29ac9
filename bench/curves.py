"""Curves as SVG: a title, axes with ticks, one line per series, a legend. Readable on light and dark pages."""

from collections.abc import Callable, Mapping, Sequence
from math import floor, log10
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 720, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 190, 40, 50
#: Distinct for people who do not see all colours (Okabe and Ito).
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#882255", "#666666")
_TICKS: Final = 5

Points = Sequence[tuple[float, float]]


class Axis(NamedTuple):
    """What an axis says. ``labels``: names of its values in place of ticks, from 0 on."""

    title: str
    labels: Sequence[str] = ()


class _Scale(NamedTuple):
    low: float
    high: float
    at: Callable[[float], float]


def line_chart(title: str, x: Axis, y: Axis, series: Mapping[str, Points]) -> str:
    """A chart with one line per series. The vertical axis begins at 0. Without any point it is empty."""
    points = [point for line in series.values() for point in line]
    across = _scale([value for value, _ in points], _LEFT, _WIDTH - _RIGHT, from_zero=False)
    up = _scale([value for _, value in points], _HEIGHT - _BOTTOM, _TOP, from_zero=True)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif"'
        ' font-size="12" fill="#333">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        _text(_LEFT, 22, title, size=15),
        *_axes(x, y, across, up),
    ]
    for number, (name, line) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        drawn = " ".join(f"{across.at(left):.1f},{up.at(height):.1f}" for left, height in line)
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        top = _TOP + 18 * number
        parts.append(f'<rect x="{_WIDTH - _RIGHT + 14}" y="{top}" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(_WIDTH - _RIGHT + 30, top + 10, name))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _axes(x: Axis, y: Axis, across: _Scale, up: _Scale) -> list[str]:
    parts = [_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10, x.title, anchor="middle")]
    parts.append(_text(_LEFT, _TOP - 6, y.title, anchor="end"))
    for value in _ticks(up):
        height = up.at(value)
        parts.append(
            f'<line x1="{_LEFT}" y1="{height:.1f}" x2="{_WIDTH - _RIGHT}" y2="{height:.1f}" stroke="#ddd"/>'
        )
        parts.append(_text(_LEFT - 6, height + 4, _number(value), anchor="end"))
    named = list(enumerate(x.labels)) or [(value, _number(value)) for value in _ticks(across)]
    parts += [_text(across.at(value), _HEIGHT - _BOTTOM + 18, name, anchor="middle") for value, name in named]
    return parts


def _scale(values: Sequence[float], begin: float, end: float, *, from_zero: bool) -> _Scale:
    low = 0.0 if from_zero or not values else min(values)
    high = max(values, default=1.0)
    high = high if high > low else low + 1
    return _Scale(low, high, lambda value: begin + (value - low) / (high - low) * (end - begin))


def _ticks(scale: _Scale) -> list[float]:
    """Round values that the axis has."""
    rough = (scale.high - scale.low) / _TICKS
    unit = 10.0 ** floor(log10(rough))
    step = next(unit * times for times in (1, 2, 5, 10) if unit * times >= rough)
    first = -(-scale.low // step)
    return [value for number in range(_TICKS + 2) if (value := (first + number) * step) <= scale.high]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _text(left: float, top: float, words: str, *, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{left:.0f}" y="{top:.0f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'
    )
