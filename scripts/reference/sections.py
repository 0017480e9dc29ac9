"""``docs/audit/sections.md``: every section of compliance reports, with its figures and what it cannot show."""

from collections.abc import Iterator
from typing import Final

from domain.report.model import Period, Section
from domain.report.section import Context, Integrity
from domain.report.sections import SECTIONS
from domain.report.trails import Trails
from domain.stream import DEFAULT_TENANT
from domain.units import DAY, MICROSECONDS

_OPENING: Final = """# Sections of compliance reports

<!-- Generated from domain/report/sections/ by `make docs`. -->

A [report](reports.md) has the sections that its [framework](frameworks.md) asks for. Each is computed from the log
alone: the log is read from its first event to the last one of the period, so that what was there before is known,
too. A figure counts what happened in the period, or what there was at its end; its meaning says which. Behind each
figure are the positions of the events that it comes from.

A section that meets kinds of things in the log (methods, causes, actions) has a figure for each of them besides those
here. Its id ends with the kind.
"""
_NOTHING: Final = Integrity(0, 0, "", "", 0, 0)


def page() -> str:
    """The whole of ``docs/audit/sections.md``."""
    trails = Trails(lambda _name, _part: None)
    period = Period(1, 0, 0, DAY * MICROSECONDS)
    context = Context(DEFAULT_TENANT, period, _NOTHING)
    sections = [make(trails).result(context) for make in SECTIONS]
    return "\n".join([_OPENING, *(line for section in sections for line in _lines(section))])


def _lines(section: Section) -> Iterator[str]:
    yield f"## `{section.id}`: {section.title}\n"
    yield f"{section.intro}\n"
    yield "| figure | name | meaning |\n|---|---|---|"
    for figure in section.figures:
        yield f"| `{figure.id}` | {figure.label} | {figure.meaning} |"
    tables = ", ".join(f"{table.title} (`{table.id}`)" for table in section.tables)
    yield f"\nTables: {tables or 'none'}.\n"
    yield "The section cannot show:\n"
    yield from (f"- {text}" for text in section.cannot_show)
    yield ""
