"""The sign-in page and its form, for the attacks on them."""

import pytest

from tests.support.browser import Browser, BrowserPage

SQLITE = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


SESSION = "authrim-session"


async def sign_in_page(browser: Browser, **parameters: object) -> BrowserPage:
    """The sign-in page of a new request."""
    shown, _ = await browser.authorize(await browser.server.client("web"), **parameters)
    assert "/login/" in shown.url
    return shown


async def post_form(
    browser: Browser, shown: BrowserPage, headers: dict[str, str], **changes: str
) -> BrowserPage:
    """Send the sign-in form with the right password, and something about it changed."""
    action, hidden = shown.form
    form = hidden | {"login": browser.server.login, "password": browser.server.password} | changes
    return await browser.request("POST", action, form, headers)
