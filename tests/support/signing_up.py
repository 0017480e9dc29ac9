"""People who make accounts of their own on a running server."""

from typing import Any

from tests.support.browser import Browser, BrowserPage

LOGIN = "bob@people.example"
PASSWORD = "a horse of another colour"
NAME = "Bob Builder"


async def sign_up_page(browser: Browser, **parameters: Any) -> BrowserPage:
    """The page for a new account, of a new request."""
    shown, _ = await browser.authorize(
        await browser.server.client("web"), **{"prompt": "create"} | parameters
    )
    assert "/create-account/" in shown.url, shown.url
    return shown


async def sign_up(browser: Browser, shown: BrowserPage, login: str = LOGIN, **changes: str) -> BrowserPage:
    """Fill in the form for a new account and send it."""
    form = {"login": login, "password": PASSWORD, "password_repeated": PASSWORD, "name": NAME} | changes
    return await browser.submit(shown, **form, action="create")
