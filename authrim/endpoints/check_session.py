"""The frame that clients watch a browser's state through (OpenID Connect Session Management 1.0 §3.2)."""

from aiohttp import web

from authrim.runtime import RUNTIME
from authrim.web.cookies import browser_state_name
from authrim.web.pages import CheckSessionPage
from authrim.web.session_state import watching_origins
from domain.stream import DEFAULT_TENANT


async def check_session(request: web.Request) -> web.StreamResponse:
    """GET ``/check-session``."""
    runtime = request.app[RUNTIME]
    ancestors = await watching_origins(request, DEFAULT_TENANT)
    page = CheckSessionPage(ancestors=ancestors, cookie_name=browser_state_name(runtime))
    return runtime.pages.check_session(page)
