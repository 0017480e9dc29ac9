"""What a compliance report says: figures, tables, series and findings, in the sections that a framework asks for.

Nothing here is about how it looks. People are named by their pseudonyms only.
"""

from typing import Final, Literal

import msgspec

Value = int | float | str
Severity = Literal["note", "warning", "critical"]

#: The folder of a report that has the positions, one file for each figure or finding.
POSITIONS: Final = "positions"


class Positions(msgspec.Struct, frozen=True):
    """Which events a figure comes from: how many, the first and the last (0: none), and the file that names all of
    them, as ``1-5,8``. ``digest`` is the SHA-256 of that file in hexadecimal."""

    count: int
    first: int
    last: int
    digest: str
    file: str


class Figure(msgspec.Struct, frozen=True):
    """One number, and what it means. ``query`` is a command line that lists the events at ``positions``.

    ``counts``: the value is the number of these events, and nothing else was computed."""

    id: str
    label: str
    value: Value
    unit: str
    meaning: str
    query: str
    positions: Positions
    counts: bool = False


class Table(msgspec.Struct, frozen=True):
    """Rows under named columns. ``truncated`` is how many rows were left out, so that the table stays readable."""

    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    truncated: int = 0


class Series(msgspec.Struct, frozen=True):
    """Values in an order, to be drawn as a chart: per day or month, or per kind."""

    id: str
    title: str
    unit: str
    points: tuple[tuple[str, int | float], ...]


class Finding(msgspec.Struct, frozen=True):
    """An exception: what somebody should look at. ``text`` says what it is, in whole sentences."""

    id: str
    severity: Severity
    text: str
    positions: Positions


class Section(msgspec.Struct, frozen=True):
    """What a report says of one subject. ``cannot_show`` is what the log cannot tell of it, and who can."""

    id: str
    title: str
    intro: str
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    series: tuple[Series, ...] = ()
    findings: tuple[Finding, ...] = ()
    cannot_show: tuple[str, ...] = ()


class Control(msgspec.Struct, frozen=True):
    """What a framework asks for, in our own words. ``figures`` are the ids of those that answer it, ``sections`` the
    sections to read, ``cannot_show`` what this server cannot show of it, and where that is found instead."""

    id: str
    title: str
    asks: str
    sections: tuple[str, ...]
    figures: tuple[str, ...] = ()
    cannot_show: tuple[str, ...] = ()


class Framework(msgspec.Struct, frozen=True):
    """The framework that a report is made for."""

    id: str
    title: str
    version: str
    about: str
    controls: tuple[Control, ...]


class Period(msgspec.Struct, frozen=True):
    """What a report is about: the events from one position of the log to another, and the times that were asked for,
    in µs UTC. An event at ``ends_at`` is not in it any more."""

    first_position: int
    last_position: int
    begins_at: int
    ends_at: int


class Report(msgspec.Struct, frozen=True):
    """A report. ``origin``, ``tree_size`` and ``root`` are those of its checkpoint: the log up to the end of the
    period. ``made_from`` is the version of the server that made it."""

    framework: Framework
    tenant: str
    period: Period
    origin: str
    tree_size: int
    root: str
    made_from: str
    sections: tuple[Section, ...]

    def figure(self, figure_id: str) -> Figure | None:
        """A figure of any section."""
        return next(
            (one for section in self.sections for one in section.figures if one.id == figure_id), None
        )
