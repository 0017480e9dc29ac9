"""A report as HTML: one page with its style and its charts, without a script, that needs nothing from elsewhere."""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from authrim.reports.render import words
from authrim.reports.render.charts import Chart, chart_of, described
from domain.report.model import Control, Figure, Finding, Report, Section

#: The style of a report is that of the auditor's page with it.
_STYLE: Final = files("authrim.pages") / "static" / "report.css"
#: Rows of a table on paper. Nobody reads more of them there, and laying them out takes most of the memory of a report.
PRINTED_ROWS: Final = 100
#: A table of so many rows at most is not cut by the end of a page.
FEW_ROWS: Final = 12


class Answer(NamedTuple):
    """What a report has for a control. ``missing``: figures that it names and that the report does not have."""

    control: Control
    number: int
    sections: tuple[Section, ...]
    figures: tuple[Figure, ...]
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]


def html_of(report: Report) -> bytes:
    """The page, as the file beside the positions. The same report gives the same bytes."""
    return _environment().get_template("report.html").render(_values(report, files=True)).encode()


def body_of(report: Report) -> Markup:
    """What the page shows, as a part of another page: without its heading and style, and without links to files. Every
    value of the report is escaped."""
    return Markup(_environment().get_template("report_body.html").render(_values(report, files=False)))  # noqa: S704


def printed_of(report: Report) -> str:
    """The page as it is printed."""
    return _environment().get_template("report.html").render(_values(report, files=True, printed=True))


def answers_of(report: Report) -> tuple[Answer, ...]:
    """What the report has for each control."""
    sections = {section.id: section for section in report.sections}
    answers = []
    for place, control in enumerate(report.framework.controls, 1):
        read = tuple(sections[name] for name in control.sections if name in sections)
        found = [(name, report.figure(name)) for name in control.figures]
        answers.append(
            Answer(
                control,
                place,
                read,
                tuple(figure for _, figure in found if figure is not None),
                _each_once(finding for section in read for finding in section.findings),
                tuple(name for name, figure in found if figure is None),
            )
        )
    return tuple(answers)


def _values(report: Report, *, files: bool, printed: bool = False) -> dict[str, Any]:
    answers = answers_of(report)
    findings = _each_once(finding for section in report.sections for finding in section.findings)
    return {
        "report": report,
        "framework": report.framework,
        "period": report.period,
        "answers": answers,
        "answered": sum(1 for answer in answers if answer.sections),
        "counted": Counter(finding.severity for finding in findings),
        "files": files,
        "printed": printed,
        "printed_rows": PRINTED_ROWS,
        "few_rows": FEW_ROWS,
    }


def _each_once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, the worst first, without those that another section has as well: each section says what there is by
    itself."""
    told = dict[tuple[str, str, str], Finding]()
    for one in findings:
        told.setdefault((one.severity, one.text, one.positions.digest), one)
    worst_first = list(words.SEVERITIES)
    return tuple(sorted(told.values(), key=lambda one: worst_first.index(one.severity)))


def _charts(section: Section) -> tuple[tuple[Any, Chart | None], ...]:
    return tuple((series, chart_of(series)) for series in section.series)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("authrim.reports.render"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "charts": _charts,
        "described": described,
        "moment": words.moment,
        "number": words.number,
        "places": words.places,
        "with_unit": words.with_unit,
    }
    environment.tests["unbroken"] = words.unbroken
    style = Markup(_STYLE.read_text("utf-8"))  # noqa: S704 - our own file
    environment.globals |= {"severities": words.SEVERITIES, "style": style}
    return environment
