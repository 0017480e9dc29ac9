"""A report's page in a browser: every rule of accessibility that a machine can check, on a desktop and on a phone."""

from pathlib import Path
from typing import Any, Final

import pytest

from authrim.reports.render.page import html_of
from tests.browser.chromium import chromium
from tests.browser.test_pages_axe import AXE, RUN
from tests.reports.sample_report import sample_report

pytestmark = [pytest.mark.browser, pytest.mark.node]
LOOKS: Final[tuple[dict[str, Any], ...]] = (
    {"viewport": {"width": 1280, "height": 800}},
    {"viewport": {"width": 375, "height": 667}, "color_scheme": "dark"},
)


async def test_a_report_can_be_read_by_everybody(tmp_path: Path) -> None:
    """axe-core finds nothing in light and in dark, no page is wider than a phone, and what is wider can be scrolled by
    keyboard."""
    file = tmp_path / "report.html"
    file.write_bytes(html_of(sample_report()))
    async with chromium() as browser:
        for look in LOOKS:
            page = await browser.new_page(**look)
            await page.goto(file.as_uri())
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            await page.add_script_tag(path=AXE)
            assert await page.evaluate(RUN) == []
            await page.close()
