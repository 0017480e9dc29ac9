"""Every page under axe-core, which knows the rules of WCAG 2.2 that a machine can check."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from authrim.pages.documents import Document, Part, fields_part, render_document, rows_part
from tests.browser.chromium import chromium
from tests.browser.sample_site import PAGES, Site, running_site

pytestmark = [pytest.mark.browser, pytest.mark.node, pytest.mark.asyncio(loop_scope="module")]

AXE = Path(__file__).parents[1] / "relying_parties" / "node_modules" / "axe-core" / "axe.min.js"
#: Everything but hints of style: the rules of WCAG 2.2 A and AA, and those that axe calls best practice.
RUN = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return found.violations.map((one) => [one.id, one.nodes.map((node) => node.html).slice(0, 3)]);
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Site]:
    async with running_site() as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.mark.parametrize(("locale", "width", "scheme"), [("en", 1280, "light"), ("de", 375, "dark")])
async def test_axe_finds_nothing(browser: Browser, site: Site, locale: str, width: int, scheme: Any) -> None:
    """No page breaks a rule of accessibility that axe-core checks: on a desktop in light, and on a phone in dark."""
    context = await browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    page = await context.new_page()
    found: list[tuple[str, Any]] = []
    for name in PAGES:
        if name in ("form-post", "logged-out-back"):
            continue  # these lead on at once
        await page.goto(f"{site.url}/{name}?locale={locale}")
        await page.add_script_tag(path=AXE)
        found += [(name, one) for one in await page.evaluate(RUN)]
    await context.close()
    assert found == []


DOCUMENT = Document(
    "Your data",
    ("This is all that https://login.example.com holds about you.",),
    (
        fields_part("Account", {"login": "ada", "roles": [], "active": True, "address": {"country": "AT"}}),
        rows_part(
            "Sessions", [{"session_id": "x" * 60, "status": "active"}, {"status": "ended"}], "Browsers."
        ),
        Part("Access tokens", ()),
    ),
)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (375, "dark")])
async def test_axe_finds_nothing_in_documents(browser: Browser, width: int, scheme: Any) -> None:
    """A document for people (their own data, records of processing) breaks no rule either, and fits a phone."""
    context = await browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    page = await context.new_page()
    await page.set_content(render_document(DOCUMENT).decode())
    await page.add_script_tag(path=AXE)
    assert await page.evaluate(RUN) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await context.close()
