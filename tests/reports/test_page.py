"""A report as one HTML page."""

import re
from html.parser import HTMLParser
from typing import Final

import msgspec
import pytest

from authrim.reports.render import words
from authrim.reports.render.charts import MOST_ROWS, chart_of
from authrim.reports.render.page import PRINTED_ROWS, answers_of, body_of, html_of, printed_of
from domain.report.model import Period, Section, Series, Table
from domain.report.section import Context, Integrity
from domain.report.sections import SECTIONS
from domain.report.trails import Trails
from tests.reports.sample_report import sample_report

#: What would leave the page, or run in it.
ACTIVE: Final = re.compile(
    r"<script|<iframe|<object|<link|\bon\w+=|javascript:|url\(|@import|https?://(?!www\.w3\.org)"
)


class _Seen(HTMLParser):
    """The elements of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name == "href"]


def test_the_same_report_is_the_same_bytes() -> None:
    """A report that is read again from its JSON gives the same page, byte for byte."""
    report = sample_report()
    again = msgspec.json.decode(msgspec.json.encode(report), type=type(report))
    assert html_of(report) == html_of(again)


def test_each_figure_says_what_it_means_and_where_it_comes_from() -> None:
    """Beside each value stand its unit, its meaning, the positions behind it, and the query that lists them."""
    text = html_of(sample_report()).decode()
    for figure in sample_report().sections[0].figures:
        (block,) = re.findall(rf'<div id="figure-{re.escape(figure.id)}">(.*?)</div>', text, re.DOTALL)
        assert figure.meaning in block
        assert (figure.query in block) == (figure.positions.count > 0)
        assert (f'href="{figure.positions.file}"' in block) == (figure.positions.count > 0)
    assert "12,345 sign-ins" in text
    assert "1 attempt<" in text
    assert "1.5%" in text
    assert "Not in this report: sign_ins.none." in text


def test_every_link_leads_somewhere() -> None:
    """Links within the page lead to a place that is there once, and the others to a file of positions."""
    seen = _Seen(html_of(sample_report()).decode())
    assert len(seen.ids) == len(set(seen.ids))
    inside = {link[1:] for link in seen.links if link.startswith("#")}
    assert inside <= set(seen.ids)
    assert all(link.startswith(("#", "positions/")) for link in seen.links)
    assert {"html", "title", "main", "h1", "svg", "desc"} <= set(seen.tags)


def test_nothing_of_a_report_is_markup() -> None:
    """Text from the log, or from a framework file of one's own, runs nothing and fetches nothing (A195)."""
    attack = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7_777 * 7 }}</style>"
    for text in (html_of(sample_report(attack)).decode(), str(body_of(sample_report(attack)))):
        seen = _Seen(text)
        assert not {"script", "img"} & set(seen.tags)
        assert "54439" not in text
    assert ACTIVE.search(html_of(sample_report()).decode()) is None


def test_a_part_of_another_page_has_no_files_and_no_style() -> None:
    """In a page for auditors no link leads to a file that is not there, and no style is inline."""
    text = str(body_of(sample_report()))
    assert "positions/" not in re.sub(r"<code>.*?</code>", "", text)
    assert "style=" not in text
    assert "<style" not in text
    assert "<h1" not in text


def test_a_chart_over_time_has_a_column_for_each_day() -> None:
    """Columns are as high as their values, none leaves the plot, and the text says the highest and the lowest."""
    series = Series(
        "a.b", "Sign-ins", "sign-ins", (("2026-07-01", 10), ("2026-07-02", 40), ("2026-07-03", 0))
    )
    chart = chart_of(series)
    assert chart is not None
    first, second, third = chart.bars
    assert (second.height, third.height) == (4 * first.height, 0)
    assert all(bar.x >= 0 and bar.x + bar.width <= chart.width and bar.y >= 0 for bar in chart.bars)
    assert "highest is 40 (2026-07-02), the lowest 0 (2026-07-03)" in chart.description


def test_a_chart_of_kinds_has_a_row_for_each() -> None:
    """Rows have their values beside them, and a long list ends with where the rest is."""
    points = tuple((f"cause {number}", number) for number in range(1, 40))
    chart = chart_of(Series("a.b", "Causes", "attempts", points))
    assert chart is not None
    assert len(chart.bars) == MOST_ROWS
    assert {"cause 1", "1"} <= {mark.text for mark in chart.marks}
    assert f"{39 - MOST_ROWS} more are in the table" in chart.description


@pytest.mark.parametrize("points", [(), (("2026-07-01", 0),)])
def test_nothing_is_not_drawn(points: tuple[tuple[str, int], ...]) -> None:
    """A series without a value other than 0 has no chart."""
    assert chart_of(Series("a.b", "Replays", "codes", points)) is None


def test_one_value_below_one_is_drawn() -> None:
    """A share below 1 has an axis too."""
    chart = chart_of(Series("a.b", "Share", "%", (("2026-07", 0.25),)))
    assert chart is not None
    assert chart.bars[0].height > 0


def test_ids_may_break_and_words_may_not() -> None:
    """On paper a column with an id makes room for the others; words of people stay whole."""
    assert words.unbroken("key 01a22773b6a67327948eda6cdb596745")
    assert not words.unbroken("authorization_code refresh_token")
    assert not words.unbroken(10**30)


def test_one_of_everything_has_a_word() -> None:
    """A figure of one says "1 notice" and not "1 notices", whatever is counted."""
    context = Context("default", Period(1, 1, 0, 1), Integrity(1, 1, "", "", 0, 0))
    sections = [make(Trails(lambda _id, _part: None)).result(context) for make in SECTIONS]
    for figure in (figure for section in sections for figure in section.figures):
        if figure.unit.endswith("s"):
            assert words.with_unit(msgspec.structs.replace(figure, value=1)) == f"1 {words._ONE[figure.unit]}"


def test_long_times_are_told_in_days() -> None:
    """Nobody reads 7,776,000 seconds: beside them stands how long that is."""
    (figure, *_) = sample_report().sections[0].figures
    for value, said in (
        (59, "59 seconds"), (300, "300 seconds (5 minutes)"), (7_776_000, "7,776,000 seconds (90 days)"),
        (100_000.5, "100,000.5 seconds (about 27.8 hours)"),
    ):  # fmt: skip
        assert words.with_unit(msgspec.structs.replace(figure, value=value, unit="seconds")) == said


def test_a_position_can_be_copied() -> None:
    """A position is written as commands take it, in a table too."""
    report = sample_report()
    table = Table("sign_ins.some", "Some", ("Time (UTC)", "Position", "Count"), (("noon", 12345, 12345),))
    (section, *others) = report.sections
    with_table = msgspec.structs.replace(section, tables=(table,))
    text = html_of(msgspec.structs.replace(report, sections=(with_table, *others))).decode()
    assert '<td class="number">12345</td><td class="number">12,345</td>' in text


def test_a_finding_of_two_sections_is_counted_once() -> None:
    """What two sections say in the same words of the same events is one exception of a control and of the report."""
    report = sample_report()
    finding = next(one for section in report.sections for one in section.findings)
    again = msgspec.structs.replace(finding, id="other.again")
    other = Section("other", "Other", "Other.", findings=(again,))
    control = msgspec.structs.replace(
        report.framework.controls[0], sections=(*report.framework.controls[0].sections, "other")
    )
    framework = msgspec.structs.replace(report.framework, controls=(control, *report.framework.controls[1:]))
    twice = msgspec.structs.replace(report, framework=framework, sections=(*report.sections, other))
    (answer, *_) = answers_of(twice)
    assert [one.text for one in answer.findings].count(finding.text) == 1
    assert html_of(twice).decode().count('id="finding-') == html_of(report).decode().count('id="finding-') + 1


def test_a_long_table_on_paper_leads_to_its_file() -> None:
    """On paper a table ends after some rows, and names the file that has the others; the page has them all."""
    report = sample_report()
    rows = tuple((f"row-{number}", number) for number in range(PRINTED_ROWS + 7))
    table = Table("sign_ins.many", "Many", ("Row", "Number"), rows)
    (section, *others) = report.sections
    section = msgspec.structs.replace(section, tables=(table,))
    long = msgspec.structs.replace(report, sections=(section, *others))
    assert f"row-{PRINTED_ROWS}<" in html_of(long).decode()
    printed = printed_of(long)
    assert f"row-{PRINTED_ROWS - 1}<" in printed
    assert f"row-{PRINTED_ROWS}<" not in printed
    assert "7 more rows are in <code>tables/sign_ins.many.csv</code>" in printed


def test_the_worst_comes_first() -> None:
    """A control tells of critical exceptions before warnings, and of those before notes; the summary counts them."""
    report = sample_report()
    finding = next(one for section in report.sections for one in section.findings)
    mixed = tuple(
        msgspec.structs.replace(finding, id=f"sign_ins.{severity}", severity=severity, text=f"{severity}.")
        for severity in ("note", "critical", "warning")
    )
    (section, *others) = report.sections
    sections = (
        msgspec.structs.replace(section, findings=mixed),
        *(msgspec.structs.replace(one, findings=()) for one in others),
    )
    changed = msgspec.structs.replace(report, sections=sections)
    (answer, *_) = answers_of(changed)
    assert [one.severity for one in answer.findings] == ["critical", "warning", "note"]
    text = " ".join(html_of(changed).decode().split())
    assert "It found 3 exceptions that somebody should look at: 1 critical, 1 warning, 1 note." in text
