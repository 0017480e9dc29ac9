"""Writes a picture of every page to ``build/screenshots``: ``python -m tests.browser.screenshots [PAGE …]``.

In light and dark, on a phone and a desktop, in every language on the desktop, and below the path of an issuer.
``report-FRAMEWORK`` is a compliance report over a simulated quarter: the parts of its page, and the pages of its PDF.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser

from authrim.pages.translations import LOCALES
from tests.browser.chromium import chromium
from tests.browser.report_pictures import FRAMEWORKS, write_reports
from tests.browser.sample_site import PAGES, running_site

_FOLDER: Final = Path("build/screenshots")
_PHONE: Final = {"width": 375, "height": 667}
_DESKTOP: Final = {"width": 1280, "height": 800}
#: Name of the picture, options of the browser, language, path of the issuer.
_LOOKS: Final[tuple[tuple[str, dict[str, Any], str, str], ...]] = (
    *((f"desktop-{locale}", {"viewport": _DESKTOP}, locale, "") for locale in LOCALES),
    ("desktop-dark", {"viewport": _DESKTOP, "color_scheme": "dark"}, "en", ""),
    ("phone-light", {"viewport": _PHONE}, "en", ""),
    ("phone-dark", {"viewport": _PHONE, "color_scheme": "dark"}, "de", ""),
    ("path", {"viewport": _DESKTOP}, "en", "/auth"),
)
#: A report is in English only, and is a file: there is no path.
_REPORT_LOOKS: Final[dict[str, dict[str, Any]]] = {
    "desktop-light": {"viewport": _DESKTOP},
    "desktop-dark": {"viewport": _DESKTOP, "color_scheme": "dark"},
    "phone-light": {"viewport": _PHONE},
}
_REPORTS: Final = {f"report-{name}": name for name in FRAMEWORKS}


async def main(wanted: Sequence[str]) -> None:
    """Write the pictures."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    chosen = wanted or (*PAGES, *_REPORTS)
    async with chromium() as browser:
        for name, options, locale, prefix in _LOOKS:
            async with running_site(prefix) as site:
                for page in (one for one in chosen if one not in _REPORTS):
                    await _write(browser, options, f"{site.url}/{page}?locale={locale}", f"{page}-{name}.png")
        reports = tuple(_REPORTS[one] for one in chosen if one in _REPORTS)
        await write_reports(browser, _FOLDER, _REPORT_LOOKS, reports)
    sys.stdout.write(f"The pictures are in {_FOLDER}.\n")


async def _write(browser: Browser, options: dict[str, Any], url: str, name: str) -> None:
    """One picture. Without scripts, a page that leads on would be gone before it is taken."""
    leads_on = "form-post" in url or "logged-out-back" in url
    context = await browser.new_context(java_script_enabled=not leads_on, **options)
    page = await context.new_page()
    await page.goto(url)
    await page.screenshot(path=_FOLDER / name)
    await context.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
