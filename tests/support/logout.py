"""Logging out as an application asks for it, and whether somebody is still logged in."""

from typing import Any
from urllib.parse import urlencode

from tests.support.browser import Browser, BrowserPage
from tests.support.running import KnownClient, RunningServer

#: Where browsers go after a logout.
RETURN = "https://rp.example/post_logout_redirect"
#: As long as the conformance suite's.
STATE = "s" * 128


async def logout_client(server: RunningServer, name: str = "web", **changes: Any) -> KnownClient:
    """A client that browsers may be sent back to."""
    return await server.client(name, **({"post_logout_redirect_uris": (RETURN,)} | changes))


async def log_out(browser: Browser, method: str = "GET", **parameters: Any) -> BrowserPage:
    """Ask for a logout. None leaves a parameter out."""
    given = {name: str(value) for name, value in parameters.items() if value is not None}
    if method == "POST":
        return await browser.request("POST", browser.server.url("/logout"), given)
    return await browser.request("GET", browser.server.url("/logout?") + urlencode(given))


async def say_yes(browser: Browser, shown: BrowserPage) -> BrowserPage:
    """Press ``logout-yes`` when the page asks."""
    return await browser.submit(shown, action="logout") if 'id="logout-yes"' in shown.body else shown


async def is_logged_in(browser: Browser, client: KnownClient) -> bool:
    """What the conformance suite asks afterwards: ``prompt=none``."""
    shown, _ = await browser.authorize(client, prompt="none")
    return "code" in shown.parameters
