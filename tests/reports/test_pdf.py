"""A report as PDF."""

import re
import subprocess
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import msgspec
import pytest
import weasyprint

from authrim.reports.render.drawing import LACKING, drawn_here, usual_style
from authrim.reports.render.page import FEW_ROWS, printed_of
from authrim.reports.render.pdf import NoPdf, pdf_of
from domain.report.model import Report, Table
from tests.reports.sample_report import sample_report

#: A page, as it is laid out: each element of it with the height at which it begins, from the top.
Page = list[tuple[float, Any]]


def long_report() -> Report:
    """A report whose tables of every length end in places of their own on a page."""
    report = sample_report()
    (section,) = report.sections
    sections = []
    for number in range(24):
        rows = tuple((f"row {row}", row) for row in range(26 + number))
        few = rows[: 2 + number % FEW_ROWS]
        tables = tuple(
            Table(f"t{number}.{name}", f"Table {number} {name}", ("Of", "Count"), some)
            for name, some in (("long", rows), ("few", few))
        )
        sections.append(
            msgspec.structs.replace(
                section, id=f"s{number}", figures=(), findings=(), series=(), tables=tables
            )
        )
    return msgspec.structs.replace(report, sections=tuple(sections))


def laid_out(report: Report) -> Iterator[Page]:
    """The pages of a report."""
    document = weasyprint.HTML(string=printed_of(report)).render()
    for page in document.pages:
        boxes = page._page_box.descendants()  # what a page has on it, nothing public tells
        yield [(box.position_y, box.element) for box in boxes if getattr(box, "element", None) is not None]


def test_the_same_report_is_the_same_document() -> None:
    """The document has no time of its making and no random identifier, and is tagged for screen readers."""
    report = sample_report()
    made = pdf_of(report)
    assert made == pdf_of(report)
    assert made.startswith(b"%PDF-1.")
    packed = re.findall(rb"/FlateDecode.*?stream\n(.*?)\nendstream", made, re.DOTALL)
    objects = b"".join(zlib.decompressobj().decompress(stream) for stream in packed)
    assert b"/StructTreeRoot" in objects
    assert b"CreationDate" not in objects


def test_what_is_left_out_of_the_style_is_in_no_report() -> None:
    """The style of notes, for which every element got a style of its own, is not there, and the document is the same as
    with it."""
    assert "::footnote" not in usual_style()
    assert hasattr(weasyprint.HTML, "_ua_stylesheets"), "a version that asks for the style elsewhere"
    html = printed_of(sample_report())
    identifier = sha256(html.encode()).digest()[:16]
    usual = weasyprint.HTML(string=html).write_pdf(pdf_identifier=identifier, pdf_variant="pdf/ua-1")
    assert drawn_here(html) == usual


def test_nothing_stands_alone_on_a_page() -> None:
    """A short table, and what the server cannot show, are on one page. No page ends with a heading, with the head of a
    table or its first row; none begins with the last row of a table or with what belongs to the page before."""
    pages = list(laid_out(long_report()))
    assert len(pages) > 24
    places = defaultdict(set)
    for number, page in enumerate(pages):
        tags = [(height, element.tag) for height, element in page]
        bottom = max(height for height, _tag in tags)
        assert not [tag for height, tag in tags if height == bottom and tag in {"h2", "h3"}], number
        rows = defaultdict(list)
        for _height, element in page:
            name = element.get("class") or ""
            if (element.tag == "table" and "few" in name) or name in {"elsewhere", "report report-foot"}:
                places[element].add(number)
        for _height, element in page:
            if element.tag == "tbody":
                on_it = [one for _, one in page if one.tag == "tr"]
                rows[element] = [row for row in element if row in on_it]
        for body, shown in rows.items():
            alone = len(shown) == 1 and len(body) > 1
            assert not alone, f"page {number + 1} has one row of a table alone"
    assert {len(numbers) for numbers in places.values()} == {1}
    (foot,) = [numbers for element, numbers in places.items() if "report-foot" in element.get("class")]
    last = pages[min(foot)]
    assert any(element.get("class") == "elsewhere" for _, element in last), "the end is not alone on a page"


def test_without_weasyprint_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the optional part is not installed, or a library below it, there is no document, and a text that says what
    to install."""
    draws = "import sys; sys.modules['weasyprint'] = None; from authrim.reports.render import drawing; "
    ended = subprocess.run((sys.executable, "-c", draws + "sys.exit(drawing.main())"), check=False)
    assert ended.returncode == LACKING
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(NoPdf, match=r"pip install 'authrim\[reports\]'"):
        pdf_of(sample_report())
