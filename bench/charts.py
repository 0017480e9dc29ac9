"""Charts of a comparison as SVG files: rows of bars, and rows of ranges. They have no script, read in light and in
dark, and each mark says its value.

The charts of reports (``authrim/reports/render/charts.py``) show one series; these compare several.
"""

from collections.abc import Sequence
from math import log10
from typing import Final, NamedTuple
from xml.etree import ElementTree as Xml

_STYLE: Final = """
svg { color-scheme: light dark; font: 13px system-ui, sans-serif; }
.back { fill: #fff; } text { fill: #16202e; } .small { fill: #4a5768; font-size: 11.5px; paint-order: stroke; stroke: #fff; stroke-width: 3px; } .title { font-size: 17px; font-weight: 600; }
.row { font-weight: 600; } .grid { stroke: #d5dbe3; } .mark { stroke: #16202e; stroke-width: 2; } .aim { stroke: #16202e; stroke-dasharray: 2 2; }
.c0 { fill: #0b62b0; } .c1 { fill: #c25a00; } .c2 { fill: #8a6d00; } .c3 { fill: #a13c86; } .pale { opacity: 0.5; }
.range { stroke-width: 4; } .range.c0 { stroke: #0b62b0; } .range.c1 { stroke: #c25a00; } .range.c2 { stroke: #8a6d00; } .range.c3 { stroke: #a13c86; }
@media (prefers-color-scheme: dark) {
  .back { fill: #10161f; } text { fill: #eaf0f8; } .small { fill: #b3c0d1; stroke: #10161f; } .grid { stroke: #2c3848; } .mark, .aim { stroke: #eaf0f8; }
  .c0 { fill: #6db3f8; } .c1 { fill: #ff9d4d; } .c2 { fill: #e0c341; } .c3 { fill: #f08fd2; }
  .range.c0 { stroke: #6db3f8; } .range.c1 { stroke: #ff9d4d; } .range.c2 { stroke: #e0c341; } .range.c3 { stroke: #f08fd2; }
}
"""  # noqa: E501
_WIDTH, _LEFT, _VALUE, _TOP, _BAR, _BETWEEN = 920, 310, 130, 84, 15, 16
_ROOM: Final = _WIDTH - _LEFT - _VALUE


class Bar(NamedTuple):
    """A bar of a series: its parts one after the other, what is written behind it, and where its aim is."""

    series: int
    parts: tuple[float, ...]
    label: str
    aim: float | None = None


class Range(NamedTuple):
    """From a value to a higher one, of a series."""

    series: int
    low: float
    high: float
    label: str


class Row(NamedTuple):
    """What is drawn for one thing."""

    title: str
    marks: Sequence[Bar | Range]


def bars(
    title: str, subtitle: str, series: Sequence[str], rows: Sequence[Row], line: float | None = None
) -> str:
    """Rows of bars from zero. ``line`` is a value at which a line goes through all rows."""
    drawn = [mark for row in rows for mark in row.marks if isinstance(mark, Bar)]
    highest = max([sum(bar.parts) for bar in drawn] + [bar.aim or 0 for bar in drawn] + [line or 0]) or 1
    picture = _Picture(title, subtitle, series, rows)
    if line is not None:
        picture.line("mark", _ROOM * line / highest)
    for bar, y in picture.places():
        if not isinstance(bar, Bar):
            continue
        x = 0.0
        for number, part in enumerate(bar.parts):
            width = _ROOM * part / highest
            picture.bar(f"c{bar.series}{' pale' if number else ''}", x, y, width, bar.label)
            x += width
        if bar.aim is not None:
            picture.tick(_ROOM * bar.aim / highest, y)
            x = max(x, _ROOM * bar.aim / highest)
        picture.text("small", x + 8, y + _BAR - 3, bar.label)
    return picture.done()


def ranges(title: str, subtitle: str, series: Sequence[str], rows: Sequence[Row]) -> str:
    """Rows of ranges on a logarithmic scale."""
    drawn = [mark for row in rows for mark in row.marks if isinstance(mark, Range)]
    first = int(log10(min(one.low for one in drawn)) // 1)
    last = int(log10(max(one.high for one in drawn)) // 1) + 1

    def place(value: float) -> float:
        return _ROOM * (log10(value) - first) / (last - first)

    picture = _Picture(title, subtitle, series, rows)
    for power in range(first, last + 1):
        picture.line("grid", place(10.0**power), f"{10.0**power:g}")
    for one, y in picture.places():
        if isinstance(one, Range):
            picture.range(f"c{one.series}", place(one.low), place(one.high), y + _BAR / 2, one.label)
            picture.text("small", place(one.high) + 10, y + _BAR - 3, one.label)
    return picture.done()


class _Picture:
    """The frame of a chart: title, legend, and a row for each thing."""

    def __init__(self, title: str, subtitle: str, series: Sequence[str], rows: Sequence[Row]) -> None:
        self._rows = rows
        self._height = _TOP + sum(len(row.marks) * _BAR + _BETWEEN for row in rows) + 24
        self._svg = Xml.Element("svg", {
            "xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {_WIDTH} {self._height}", "width": str(_WIDTH),
            "height": str(self._height), "lang": "en", "role": "img", "aria-labelledby": "title desc",
        })  # fmt: skip
        for name, text in (("title", title), ("desc", self._described(subtitle, series))):
            Xml.SubElement(self._svg, name, {"id": name}).text = text
        Xml.SubElement(self._svg, "style").text = _STYLE
        Xml.SubElement(self._svg, "rect", {"class": "back", "width": "100%", "height": "100%"})
        self._words("title", 16, 26, title)
        self._words("small", 16, 45, subtitle)
        x = 16.0
        drawn = {mark.series for row in rows for mark in row.marks}
        for number, name in enumerate(series):
            if number not in drawn:
                continue
            self._box(f"c{number}", x, 58, 12, name)
            self._words("small", x + 18, 69, name)
            x += 40 + 6.4 * len(name)
        y = _TOP
        for row in rows:
            self._words("row", _LEFT - 12, y + len(row.marks) * _BAR / 2 + 4, row.title, "end")
            y += len(row.marks) * _BAR + _BETWEEN

    def places(self) -> list[tuple[Bar | Range, float]]:
        """Every mark, and how far down it is."""
        found: list[tuple[Bar | Range, float]] = []
        y = float(_TOP)
        for row in self._rows:
            for mark in row.marks:
                found.append((mark, y))
                y += _BAR
            y += _BETWEEN
        return found

    def bar(self, name: str, x: float, y: float, width: float, told: str) -> None:
        """A part of a bar; ``told`` is what a pointer on it shows."""
        self._box(name, _LEFT + x, y, max(width, 1), told)

    def range(self, name: str, x: float, until: float, y: float, told: str) -> None:
        """A line with a point at its lower end."""
        line = Xml.SubElement(self._svg, "line", {
            "class": f"range {name}", "x1": _number(_LEFT + x), "x2": _number(_LEFT + until), "y1": _number(y),
            "y2": _number(y),
        })  # fmt: skip
        Xml.SubElement(line, "title").text = told
        Xml.SubElement(
            self._svg, "circle", {"class": name, "cx": _number(_LEFT + x), "cy": _number(y), "r": "5"}
        )

    def tick(self, x: float, y: float) -> None:
        """A short line across a bar."""
        self._line("aim", _LEFT + x, y - 1, y + _BAR - 2)

    def line(self, name: str, x: float, label: str = "") -> None:
        """A line through all rows."""
        self._line(name, _LEFT + x, _TOP - 6, self._height - 24)
        self._words("small", _LEFT + x, self._height - 8, label, "middle")

    def text(self, name: str, x: float, y: float, text: str) -> None:
        """A text in the room of the bars."""
        self._words(name, _LEFT + x, y, text)

    def done(self) -> str:
        """The file."""
        Xml.indent(self._svg, " ")
        return Xml.tostring(self._svg, "unicode") + "\n"

    def _described(self, subtitle: str, series: Sequence[str]) -> str:
        rows = "; ".join(
            f"{row.title}: {', '.join(f'{series[one.series]} {one.label}' for one in row.marks)}"
            for row in self._rows
        )
        return f"{subtitle} {rows}."

    def _box(self, name: str, x: float, y: float, width: float, told: str) -> None:
        box = Xml.SubElement(self._svg, "rect", {
            "class": name, "x": _number(x), "y": _number(y), "width": _number(width), "height": str(_BAR - 3),
        })  # fmt: skip
        Xml.SubElement(box, "title").text = told

    def _line(self, name: str, x: float, y: float, until: float) -> None:
        Xml.SubElement(self._svg, "line", {
            "class": name, "x1": _number(x), "x2": _number(x), "y1": _number(y), "y2": _number(until),
        })  # fmt: skip

    def _words(self, name: str, x: float, y: float, text: str, anchor: str = "start") -> None:
        Xml.SubElement(
            self._svg, "text", {"class": name, "x": _number(x), "y": _number(y), "text-anchor": anchor}
        ).text = text


def _number(value: float) -> str:
    return f"{value:.1f}"
