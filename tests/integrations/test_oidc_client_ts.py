"""A single-page application with oidc-client-ts, as ``docs/connect/oidc-client-ts.md`` has it, in Chromium."""

import asyncio
import json
import sys

import pytest
from playwright.async_api import Page

from tests.browser.chromium import chromium
from tests.integrations.applications import Place, running_application
from tests.integrations.installing import node_packages
from tests.integrations.provider import Provider, assert_is_alice
from tests.support.patience import PATIENCE
from tests.support.person import LOGIN, PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.node]

#: In place of a bundler.
_PAGE = """<!doctype html><title>Application</title>
<script type="importmap">{"imports": {
  "oidc-client-ts": "/node_modules/oidc-client-ts/dist/esm/oidc-client-ts.js",
  "jwt-decode": "/node_modules/jwt-decode/build/esm/index.js"}}</script>
<body><script type="module" src="/app.js"></script></body>
"""


async def test_people_sign_in_and_out(provider: Provider, place: Place) -> None:
    """The application knows name, email and groups, has a refresh token, and logs out of the server as well."""
    client = await asyncio.to_thread(provider.client, "oidc-client-ts", place.url)
    client.write(place.folder, "app.js")
    (place.folder / "index.html").write_text(_PAGE)
    packages = await asyncio.to_thread(node_packages)
    (place.folder / "node_modules").symlink_to(packages / "node_modules")
    serving = running_application(
        place, sys.executable, "-m", "http.server", str(place.port), "--bind", "localhost"
    )
    with serving:
        async with chromium() as browser:
            page = await browser.new_page()
            page.set_default_timeout(PATIENCE * 1000)
            await page.goto(place.url)
            await page.fill("input[name=login]", LOGIN)
            await page.fill("input[name=password]", PASSWORD)
            await page.click("button[value=sign-in]")
            await page.click("button[value=allow]")
            assert_is_alice(json.loads(await shown(page)))
            kept = await page.evaluate("Object.values(sessionStorage).join()")
            assert "refresh_token" in kept
            await page.dblclick("body")
            await page.wait_for_selector("input[name=login]")


async def shown(page: Page) -> str:
    """What the application writes when it knows the person."""
    await page.wait_for_function("document.body.textContent.trim().startsWith('{')")
    return await page.inner_text("body")
