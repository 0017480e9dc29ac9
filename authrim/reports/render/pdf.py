"""A report as PDF, made from its HTML by WeasyPrint, which is an optional part: ``pip install 'authrim[reports]'``.

The document is tagged for screen readers (PDF/UA). Nothing is fetched while it is made, and it tells no time: the same
report gives the same bytes on machines with the same fonts and the same WeasyPrint.
"""

from importlib.util import find_spec
from typing import Final

from authrim.reports.render.drawing import Lacking, draw
from authrim.reports.render.page import printed_of
from domain.report.model import Report

#: What to do when there is no PDF.
INSTALL: Final = (
    "report.pdf is left out: it needs WeasyPrint. Install it with pip install 'authrim[reports]'; it takes Pango, too "
    "(Debian: libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0)."
)


class NoPdf(Exception):
    """WeasyPrint or one of the libraries below it is missing."""


def pdf_of(report: Report) -> bytes:
    """The document. Raises NoPdf."""
    if find_spec("weasyprint") is None:
        raise NoPdf(INSTALL)
    try:
        return draw(printed_of(report))
    except Lacking:
        raise NoPdf(INSTALL) from None
