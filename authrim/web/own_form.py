"""A form of our own pages: it must come from this browser, and from a page that we sent."""

from aiohttp import hdrs, web

from authrim.core.parts import Core
from authrim.crypto import base64url
from authrim.crypto.ids import constant_time_equal
from authrim.crypto.keyed_hash import keyed_hash
from authrim.web.call import core_of
from authrim.web.params import Params, read_form
from domain.errors import Refusal

FORM_REFUSED = Refusal(
    "invalid_request",
    "This form was not sent from our page.",
    hint="Go back and try again.",
    section="RFC 9700 §4.7",
    reason="csrf",
    status=403,
)


def csrf_token(core: Core, subject: str, secret: str) -> str:
    """The token of the forms about one subject (a grant's id, ``logout``), bound to a cookie's secret: whoever cannot
    read the cookie cannot send the form (RFC 9700 §4.7)."""
    return base64url.encode(keyed_hash(core.master.derive_lasting("csrf"), subject.encode(), secret.encode()))


async def read_own_form(request: web.Request, csrf: str) -> Params | Refusal:
    """The form that was sent, if it came from our own page (A179)."""
    form = await read_form(request)
    if isinstance(form, Refusal):
        return form
    return form_refusal(request, csrf, form) or form


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
