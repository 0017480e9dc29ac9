"""Is the browser sent to a client that nobody here knows, before anybody has said yes to it? (RFC 9700 §4.11.2)

Whoever registers a client chooses where its errors go. A link to us that ends at once on a stranger's page lends it our
name, so the person is asked first. The rule is here, for every path on which an error is redirected.
"""

from typing import Final

from aiohttp import web

from authrim.core.call import Call
from authrim.people.sessions.browser import signed_in_browser
from domain.client.client import Client

_FRAMES: Final = frozenset({"iframe", "frame"})


async def has_to_be_asked(request: web.Request, call: Call, client: Client) -> bool:
    """Whether the person has to be asked before the browser goes to ``client`` with an error.

    Not when an administrator registered it, nor when who is signed in with this browser has allowed it something. In a
    frame the address above is not ours and deceives nobody: there a client renews silently, and could show no page."""
    if client.by_administrator or call.core.settings.redirect_errors_at_once:
        return False
    if request.headers.get("Sec-Fetch-Dest") in _FRAMES:
        return False
    signed_in = await signed_in_browser(request, call, client)
    return signed_in is None or not signed_in.browser.remembered_scope
