"""Pictures of compliance reports, as a page and on paper, over a small simulated quarter."""

import asyncio
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser

from bench.quarter import Quarter
from tests.reports.test_quarter import SMALL, report_on

#: One with controls, and the one with every section.
FRAMEWORKS: Final = ("soc2", "log-evidence")
#: Dots per inch of a page of paper.
_DENSITY: Final = "80"


async def write_reports(
    browser: Browser, folder: Path, looks: dict[str, dict[str, Any]], names: tuple[str, ...]
) -> None:
    """Write a picture of each part of the reports in each look, and of each page of their PDF."""
    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "log.db"
        await asyncio.to_thread(lambda: Quarter(log, SMALL).write())
        for name in names:
            report = Path(place) / name
            await report_on(log, report, framework=name)
            for look, options in looks.items():
                await _picture(browser, report / "report.html", options, folder / f"report-{name}-{look}")
            await asyncio.to_thread(paper_pictures, report / "report.pdf", folder / f"report-{name}-paper")


def paper_pictures(document: Path, prefix: Path) -> None:
    """A picture of each page of a PDF, by pdftoppm: ``PREFIX-01.png`` and so on."""
    subprocess.run(("pdftoppm", "-r", _DENSITY, "-png", document, prefix), check=True)


async def _picture(browser: Browser, file: Path, options: dict[str, Any], prefix: Path) -> None:
    """A picture per part: in one piece, a report is higher than a picture can be."""
    page = await browser.new_page(**options)
    await page.goto(file.as_uri())
    parts = page.locator("header, .report > section, .report > nav, footer")
    for number in range(await parts.count()):
        path = prefix.with_name(f"{prefix.name}-{number:02}.png")
        await parts.nth(number).screenshot(path=path, timeout=0)  # a large part takes its time
    await page.close()
