"""The tables, series and figures of a report as CSV (RFC 4180), for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from domain.report.model import Report, Section, Value

#: What makes a spreadsheet compute a cell. A word of the log that begins so gets an apostrophe before it.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_FIGURE_COLUMNS: Final = (
    "section", "figure", "label", "value", "unit", "meaning", "query", "events", "first position", "last position",
)  # fmt: skip


def csv_files(report: Report) -> Iterator[tuple[str, bytes]]:
    """The name and the contents of each file."""
    yield "figures.csv", csv_of(_FIGURE_COLUMNS, _figures(report.sections))
    for section in report.sections:
        for table in section.tables:
            yield f"{table.id}.csv", csv_of(table.columns, table.rows)
        for series in section.series:
            yield f"{series.id}.series.csv", csv_of(("when", series.unit), series.points)


def _figures(sections: Iterable[Section]) -> Iterator[tuple[Value, ...]]:
    for section in sections:
        for one in section.figures:
            places = one.positions
            yield (
                section.id, one.id, one.label, one.value, one.unit, one.meaning, one.query, places.count,
                places.first, places.last,
            )  # fmt: skip


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> bytes:
    """A table as CSV, in which no cell is computed."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: Value) -> Value:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
