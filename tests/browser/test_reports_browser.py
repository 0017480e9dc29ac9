"""A report's page in a browser: every rule of accessibility that a machine can check, on a desktop and on a phone."""

from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

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


#: How many lines each short value beside a control takes.
_LINES: Final = """[...document.querySelectorAll('.brief dd')].map((one) => {
  const range = document.createRange();
  range.selectNodeContents(one);
  return new Set([...range.getClientRects()].map((box) => box.top)).size;
})"""


async def test_a_short_value_is_on_one_line(tmp_path: Path) -> None:
    """Beside a control, a value with its unit is not broken, however long the name of the figure is."""
    report = sample_report()
    (section,) = report.sections
    named = [replace(one, label="Changes that demand less or allow more") for one in section.figures]
    file = tmp_path / "report.html"
    file.write_bytes(html_of(replace(report, sections=(replace(section, figures=tuple(named)),))))
    async with chromium() as browser:
        for look in LOOKS:
            page = await browser.new_page(**look)
            await page.goto(file.as_uri())
            assert await page.evaluate(_LINES) == [1, 1]
            await page.close()
