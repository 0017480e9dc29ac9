"""A form of our own pages: it must come from this browser, and from a page that we sent."""

from aiohttp import hdrs, web

from authrim.crypto.ids import constant_time_equal
from authrim.web.call import core_of
from authrim.web.params import Params
from domain.errors import Refusal

FORM_REFUSED = Refusal(
    "invalid_request",
    "This form was not sent from our page.",
    hint="Go back and try again.",
    section="RFC 9700 §4.7",
    reason="csrf",
    status=403,
)


def form_refusal(request: web.Request, csrf: str, form: Params) -> Refusal | None:
    """Whether the form came from our own page: its token, and what the browser says of its origin
    (RFC 9700 §4.7, decisions.md 28). A missing Origin is accepted with the token and the cookie."""
    core = core_of(request)
    origin = request.headers.get(hdrs.ORIGIN)
    site = request.headers.get("Sec-Fetch-Site")
    if origin is not None and origin != core.origin:
        return FORM_REFUSED
    if site is not None and site != "same-origin":
        return FORM_REFUSED
    if not constant_time_equal(form.get("csrf") or "", csrf):
        return FORM_REFUSED
    return None
