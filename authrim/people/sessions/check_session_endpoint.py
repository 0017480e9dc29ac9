"""The frame that clients watch a browser's state through (OpenID Connect Session Management 1.0 §3.2)."""

from aiohttp import web

from authrim.pages.views import CheckSessionPage
from authrim.people.sessions.state import watching_origins
from authrim.web.call import PAGES, core_of, parts_of
from authrim.web.cookies import browser_state_name
from domain.stream import DEFAULT_TENANT


async def check_session(request: web.Request) -> web.StreamResponse:
    """GET ``/check-session``. Where a client may show the frame, our own pages may as well: HtmlUnit, the conformance
    suite's browser, looks for the frame's origin in the list instead of that of the page around it."""
    core = core_of(request)
    watching = await watching_origins(request, DEFAULT_TENANT)
    ancestors = (*watching, core.origin) if watching else ()
    page = CheckSessionPage(ancestors=ancestors, cookie_name=browser_state_name(core))
    return parts_of(request)[PAGES].check_session(page)
