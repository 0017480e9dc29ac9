"""The slider in a real browser, with and without scripts."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.chromium import chromium
from tests.browser.sample_site import Site, running_site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Site]:
    async with running_site() as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
async def test_the_slider_asks_for_the_state_there(browser: Browser, site: Site, scripts: bool) -> None:
    """The form sends the position that was chosen; a script only adds the time beside it, and asks when a pointer lets
    the slider go."""
    site.posted.clear()
    context = await browser.new_context(java_script_enabled=scripts)
    page = await context.new_page()
    await page.goto(f"{site.url}/audit-state")
    slider = page.locator("#position")
    await slider.focus()
    await page.keyboard.press("End")
    if scripts:
        assert "60 · 2026-11-29 09:25:54.961" in await page.locator("output").inner_text()
    await page.click("#there")
    assert (site.posted[-1][1]["at"], site.posted[-1][1]["kind"]) == ("60", "grant")
    if scripts:
        await page.goto(f"{site.url}/audit-state")
        await page.locator("#position").scroll_into_view_if_needed()
        box = await page.locator("#position").bounding_box()
        assert box is not None
        async with page.expect_navigation():
            await page.mouse.click(box["x"] + 3, box["y"] + box["height"] / 2)
        assert site.posted[-1][1]["at"] == "44"
    await context.close()
