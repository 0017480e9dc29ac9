"""What a report is shown as, beside its JSON and CSV: the name of a file, and what makes it from the report alone."""

from collections.abc import Callable, Iterator
from typing import Final

from authrim.reports.render.page import html_of
from authrim.reports.render.pdf import NoPdf, pdf_of
from domain.report.model import Report

PDF: Final = "report.pdf"
#: The same report gives the same bytes, wherever it is shown.
RENDERINGS: Final[tuple[tuple[str, Callable[[Report], bytes]], ...]] = (("report.html", html_of),)
#: The same bytes as long as the fonts and libraries of the machine are the same. Each needs a part that is optional.
DOCUMENTS: Final[tuple[tuple[str, Callable[[Report], bytes]], ...]] = ((PDF, pdf_of),)


def documents_of(report: Report) -> Iterator[tuple[str, bytes]]:
    """The documents whose optional part is installed."""
    for name, render in DOCUMENTS:
        try:
            yield name, render(report)
        except NoPdf:
            continue
