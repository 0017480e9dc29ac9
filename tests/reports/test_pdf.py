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
from domain.report.model import Control, Report, Table
from tests.reports.sample_report import sample_report

#: A page, as it is laid out: each element of it with the height at which it begins, from the top.
Page = list[tuple[float, Any]]


def long_report() -> Report:
    """A report whose tables of every length end in places of their own on a page."""
    report = sample_report()
    (sample,) = report.sections
    sections = []
    for number in range(24):
        rows = tuple((f"row {row}", row) for row in range(26 + number))
        few = rows[: 2 + number % FEW_ROWS]
        tables = tuple(
            Table(f"t{number}.{name}", f"Table {number} {name}", ("Of", "Count"), some)
            for name, some in (("long", rows), ("few", few))
        )
        figures = tuple(
            msgspec.structs.replace(sample.figures[0], id=f"s{number}.{one}") for one in range(number % 5)
        )
        section = msgspec.structs.replace(
            sample, id=f"s{number}", figures=figures, series=(), tables=tables,
            cannot_show=("What others do.",) * (1 + number % 5),
        )  # fmt: skip
        sections.append(section)
    framework = msgspec.structs.replace(report.framework, controls=tuple(_controls()))
    return msgspec.structs.replace(report, framework=framework, sections=tuple(sections))


def _controls() -> Iterator[Control]:
    """Controls with some lines more than the one before."""
    for number in range(80):
        asks = "People are known before they get access. " * (1 + number % 7)
        figures = tuple(f"s{number % 24}.{one}" for one in range(number % 5))
        yield Control(
            f"C{number}", "Logical access", asks, (f"s{number % 24}",), figures,
            ("What an API does.",) * (1 + number % 4),
        )  # fmt: skip


def laid_out(report: Report) -> Iterator[Page]:
    """The pages of a report."""
    document = weasyprint.HTML(string=printed_of(report)).render()
    for page in document.pages:
        boxes = page._page_box.descendants()  # what a page has on it, nothing public tells
        flow = [box for box in boxes if hasattr(getattr(box, "element", None), "tag")]  # no numbers of pages
        yield [(box.position_y, box.element) for box in flow]


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
    """A short table, a list, and what the server cannot show, are on one page. No page ends with a heading or with what
    leads to something, or with the first row of a table; none begins with the last row, and none has the end alone."""
    pages = list(laid_out(long_report()))
    assert len(pages) > 24
    places = defaultdict(set)
    ends = []
    for number, page in enumerate(pages, 1):
        for _height, element in page:
            if _is_whole(element):
                places[element].add(number)
        lowest = max(height for height, _element in page)
        ends += [(number, name) for height, one in page if height == lowest and (name := _leads_on(one))]
        for body in (element for _, element in page if element.tag == "tbody"):
            on_it = [one for _, one in page if one.tag == "tr"]
            shown = [row for row in body if row in on_it]
            assert len(shown) != 1 or len(body) == 1, f"page {number} has one row of a table alone"
    assert ends == []
    assert {len(numbers) for numbers in places.values()} == {1}
    (foot,) = [numbers for element, numbers in places.items() if "report-foot" in element.get("class")]
    assert any(one.get("class") == "elsewhere" for _, one in pages[min(foot) - 1])


def _is_whole(element: Any) -> bool:
    """Whether an element is on one page."""
    return bool(_classes(element) & {"few", "contents", "elsewhere", "report-foot", "finding"})


def _leads_on(element: Any) -> str:
    """Why a page does not end with an element; empty when it may."""
    found = _classes(element) & {"asks", "shows"}
    return element.tag if element.tag in {"h2", "h3", "thead", "figcaption"} else "".join(found)


def _classes(element: Any) -> set[str]:
    return set((element.get("class") or "").split())


def test_without_weasyprint_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the optional part is not installed, or a library below it, there is no document, and a text that says what
    to install."""
    draws = "import sys; sys.modules['weasyprint'] = None; from authrim.reports.render import drawing; "
    ended = subprocess.run((sys.executable, "-c", draws + "sys.exit(drawing.main())"), check=False)
    assert ended.returncode == LACKING
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(NoPdf, match=r"pip install 'authrim\[reports\]'"):
        pdf_of(sample_report())
