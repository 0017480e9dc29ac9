"""The page at the issuer's own address, for people who arrive there with a browser."""

from urllib.parse import urlsplit

from aiohttp import hdrs, web

from authrim.core.call import Call
from authrim.pages.headers import asks_for_page
from authrim.pages.views import FrontPage
from authrim.people.claims import display_name_of
from authrim.people.sessions.browser import signed_in_browser
from authrim.web.answers import page_settings
from authrim.web.call import PAGES, call_of
from authrim.web.own_host import led_home
from domain.client.client import NO_CLIENT


async def front(request: web.Request) -> web.StreamResponse:
    """GET ``/``. For programs there is nothing at this address."""
    if not asks_for_page(request.headers.get(hdrs.ACCEPT, "")):
        raise web.HTTPNotFound
    return await _page(request)


@led_home
async def _page(request: web.Request) -> web.StreamResponse:
    call = call_of(request)
    page = FrontPage(
        host=urlsplit(call.core.issuer).netloc,
        account_display_name=await _signed_in_name(request, call),
        logout_url=call.core.url("/logout"),
        **page_settings(request),
    )
    return call.parts[PAGES].front(page)


async def _signed_in_name(request: web.Request, call: Call) -> str:
    signed_in = await signed_in_browser(request, call, NO_CLIENT)
    if signed_in is None or not signed_in.browser.account_active:
        return ""
    return await display_name_of(call.core, call.tenant, signed_in.browser.session.subject)
