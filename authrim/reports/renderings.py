"""What a report is shown as, beside its JSON and CSV: the name of a file, and what makes it from the report alone.

The same report gives the same bytes."""

from collections.abc import Callable
from typing import Final

from authrim.reports.render.page import html_of
from domain.report.model import Report

RENDERINGS: Final[tuple[tuple[str, Callable[[Report], bytes]], ...]] = (("report.html", html_of),)
