"""Where a sign-in cannot go on: why, in words for people, and where the person goes on instead.

Each cause has its own text. The way on is the application that the request names, or this page at our own address.
"""

from enum import Enum, auto
from typing import Final

from aiohttp import hdrs, web

from authrim.core.call import Call
from authrim.pages import texts
from authrim.pages.texts import message
from authrim.pages.views import BACK, HERE, START_AGAIN, NextLink
from authrim.pages.words import Words
from authrim.web.answers import error_page, record, see_other
from authrim.web.call import core_of
from authrim.web.client_links import client_links
from authrim.web.cookie_header import cookies_of
from authrim.web.cookies import set_probe_cookie
from authrim.web.own_host import came_elsewhere
from domain.errors import Refusal
from domain.grant.grant import Grant

FINISHED: Final = message("This sign-in is finished")


class Cause(Enum):
    """Why a sign-in cannot go on."""

    OTHER_BROWSER = auto()
    NO_COOKIES = auto()
    OTHER_HOST = auto()
    UNKNOWN = auto()
    EXPIRED = auto()
    DONE = auto()
    SIGNED_OUT = auto()
    CLIENT_CHANGED = auto()


class DeadEnd(Refusal, frozen=True, kw_only=True):
    """A refusal after which the sign-in is over in this browser; the page leads on elsewhere."""

    cause: Cause


OTHER_BROWSER: Final = DeadEnd(
    "invalid_request",
    message("This sign-in was begun in another browser or window."),
    hint=message("Go on where you began, or start again here."),
    section="RFC 9700 §4.7",
    reason="interaction_not_of_browser",
    cause=Cause.OTHER_BROWSER,
)
NO_COOKIES: Final = DeadEnd(
    "invalid_request",
    message("Your browser keeps no cookies of this site, so it is not known again."),
    hint=message("Allow cookies for this site, then start again."),
    section="RFC 9700 §4.7",
    reason="interaction_without_cookies",
    cause=Cause.NO_COOKIES,
)
OTHER_HOST: Final = DeadEnd(
    "invalid_request",
    message("You have come by another address of this server, where your browser is not known."),
    hint=message("Open this page at the server's own address."),
    section="RFC 9700 §4.7",
    reason="interaction_at_other_host",
    cause=Cause.OTHER_HOST,
)
UNKNOWN: Final = DeadEnd(
    "invalid_request",
    message("There is no sign-in at this address."),
    hint=message(
        "Perhaps it is an old bookmark. Begin at the application that you want to use; keep a bookmark of that."
    ),
    section="RFC 9700 §4.7",
    reason="interaction_unknown",
    cause=Cause.UNKNOWN,
)
EXPIRED: Final = DeadEnd(
    "invalid_request",
    message("This sign-in has been open too long."),
    hint=texts.START_AGAIN,
    section="RFC 9700 §4.7",
    reason="interaction_expired",
    cause=Cause.EXPIRED,
)
DONE: Final = DeadEnd(
    "invalid_request",
    message("It has been answered already, perhaps in another tab."),
    hint=message(
        "Go on in the application. A bookmark of this page leads nowhere; keep one of the application."
    ),
    section="RFC 9700 §4.7",
    reason="interaction_done",
    cause=Cause.DONE,
)
SIGNED_OUT: Final = DeadEnd(
    "invalid_request",
    message("You have been logged out meanwhile."),
    hint=texts.START_AGAIN,
    section="RFC 9700 §4.7",
    reason="interaction_signed_out",
    cause=Cause.SIGNED_OUT,
)
CLIENT_CHANGED: Final = DeadEnd(
    "invalid_request",
    message("The application may not have this any more."),
    hint=texts.START_AGAIN,
    section="RFC 6749 §4.1.2.1",
    reason="client_changed",
    cause=Cause.CLIENT_CHANGED,
)

#: Query parameter that says: a cookie was set, and should come back.
_PROBED: Final = "cookies"


def why_closed(grant: Grant, now: int) -> DeadEnd | None:
    """Why nobody can go on with the request, whichever browser it is; None while it is open."""
    if grant.request is None:
        return UNKNOWN
    if not grant.waits_for_person:
        return DONE
    return EXPIRED if now >= grant.request.expires_at else None


def why_not_open(grant: Grant, browser_hash: str, now: int) -> DeadEnd | None:
    """Why the request does not wait for this browser any more, as of a later read."""
    closed = why_closed(grant, now)
    if closed is not None or grant.browser_hash in (None, browser_hash):
        return closed
    return OTHER_BROWSER


async def refuse_dead_end(
    request: web.Request, call: Call, endpoint: str, refusal: Refusal, *, client_known: bool = False
) -> web.Response:
    """The page that says why, with the way on."""
    cause = refusal.cause if isinstance(refusal, DeadEnd) else None
    if cause is Cause.OTHER_BROWSER and request.method == hdrs.METH_GET:
        found = _why_unknown(request)
        if found is None:
            return _probe(request)
        refusal, cause = found, found.cause
    await record(call, endpoint, refusal, client_known=client_known)
    words = None if cause is None else words_of(refusal, cause)
    return error_page(request, refusal, call.error_id, words, await _way_on(request, call, cause))


def words_of(refusal: Refusal, cause: Cause) -> Words:
    """A dead end's description and hint are for the person."""
    return Words(FINISHED if cause is Cause.DONE else texts.CANNOT_GO_ON, refusal.description, refusal.hint)


def _why_unknown(request: web.Request) -> DeadEnd | None:
    """Why the browser did not send the request's cookie. None: it sent no cookie at all, so a probe has to show whether
    it keeps any."""
    if came_elsewhere(request):
        return OTHER_HOST
    if cookies_of(request):
        return OTHER_BROWSER
    if _PROBED in request.query:
        return NO_COOKIES
    shows_pages = "text/html" in request.headers.get(hdrs.ACCEPT, "")
    return None if shows_pages else OTHER_BROWSER


def _probe(request: web.Request) -> web.Response:
    """Set a cookie and lead to the same page again, to see whether the browser sends it."""
    core = core_of(request)
    response = see_other(f"{core.origin}{request.rel_url.raw_path}?{_PROBED}=1")
    set_probe_cookie(core, response)
    return response


async def _way_on(request: web.Request, call: Call, cause: Cause | None) -> NextLink | None:
    if cause is Cause.OTHER_HOST:
        return NextLink(HERE, call.core.origin + request.rel_url.raw_path)
    if not call.client_id:
        return None
    client = await call.core.configuration.client(call.tenant, call.client_id)
    if client is None or not client.may_be_offered(proved=False):
        return None  # anybody can open a request of a client, and send its address to somebody else
    links = client_links(call.core, client, BACK if cause is Cause.DONE else START_AGAIN)
    return links[0] if links else None
