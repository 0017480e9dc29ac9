"""Draws the printed page as PDF, in a process of its own: HTML comes in, PDF goes out.

WeasyPrint needs several times the memory of everything else in a report. A process that ends gives all of it back, also
to a process that keeps to a schedule for months.
"""

import gc
import logging
import subprocess
import sys
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

#: The status of a process that lacks WeasyPrint, or one of the libraries below it.
LACKING: Final = 3
#: Not ``-m`` from the current directory: a file there is no part of ours.
_COMMAND: Final = ("-P", "-m", "authrim.reports.render.drawing")
#: Notes, in the style that WeasyPrint has for all documents: for each kind every element gets a style. A report has no
#: notes. The same goes for the markers of lists.
_NOTES: Final = ("::footnote", "::note")
_MARKERS: Final = "::marker"


class CannotDraw(Exception):
    """The process ended otherwise than it may. The text is the end of what it said."""


class Lacking(Exception):
    """WeasyPrint or one of the libraries below it is missing."""


def draw(html: str) -> bytes:
    """The document of a page. Raises Lacking, CannotDraw."""
    drawn = subprocess.run((sys.executable, *_COMMAND), input=html.encode(), capture_output=True, check=False)
    if drawn.returncode == LACKING:
        raise Lacking
    if drawn.returncode:
        raise CannotDraw(f"status {drawn.returncode}: {drawn.stderr.decode(errors='replace')[-500:]}")
    return drawn.stdout


def drawn_here(html: str) -> bytes:
    """The same, in this process. Raises ImportError, or OSError when a library of the system is missing."""
    import weasyprint

    style = weasyprint.CSS(string=usual_style())

    class Page(weasyprint.HTML):  # type: ignore[misc]
        """A page whose usual style has nothing that no report has. The bytes are the same, and a quarter of the memory
        is left out; a version that does not ask for the style here draws the same, too."""

        def _ua_stylesheets(self, *_arguments: Any, **_options: Any) -> list[Any]:
            return [style]

    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    nothing = weasyprint.urls.URLFetcher(allowed_protocols=())
    page = Page(string=html, url_fetcher=nothing)
    made = page.write_pdf(pdf_identifier=sha256(html.encode()).digest()[:16], pdf_variant="pdf/ua-1")
    assert isinstance(made, bytes)
    return made


def usual_style() -> str:
    """WeasyPrint's style for HTML, with markers for the items of lists alone, and without notes."""
    lines = (files("weasyprint") / "css" / "html5_ua.css").read_text("utf-8").splitlines()
    kept = (line for line in lines if not line.startswith(_NOTES))
    return "\n".join(f"li{line}" if line.startswith(_MARKERS) else line for line in kept)


def main() -> int:
    """Draw what comes in."""
    try:
        import weasyprint  # noqa: F401 - is it there?
    except (ImportError, OSError):
        return LACKING
    gc.disable()  # what is laid out lives until the end: looking for what does not takes a seventh of the time
    sys.stdout.buffer.write(drawn_here(sys.stdin.buffer.read().decode()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
