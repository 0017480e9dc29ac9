"""Answers that endpoints share. A refusal is recorded for the auditor, then answered as JSON or as a page."""

from typing import Any, Final

import msgspec
from aiohttp import hdrs, web

from authrim.core.call import Call
from authrim.core.refusals import count_refusal
from authrim.pages.headers import page_headers, prefers_json
from authrim.pages.pages import Pages
from authrim.pages.translations import choose_locale
from authrim.pages.views import ErrorPage, NextLink
from authrim.pages.words import Words, words_for
from authrim.web.call import PAGES, core_of, parts_of
from authrim.web.errors import BEARER, json_refusal, resource_refusal
from domain.errors import Refusal

_encode = msgspec.json.Encoder().encode


def json_answer(body: dict[str, Any]) -> web.Response:
    """A JSON object with status 200; the middleware adds ``no-store``."""
    return web.Response(body=_encode(body), content_type="application/json")


def jwt_answer(token: str) -> web.Response:
    """A token as the whole answer (OIDC Core §5.3.2); the middleware adds ``no-store``."""
    return web.Response(body=token.encode("ascii"), content_type="application/jwt")


async def record(call: Call, endpoint: str, refusal: Refusal, *, client_known: bool = False) -> None:
    """Count and record the refusal, unless the decision has recorded it already."""
    count_refusal(endpoint, refusal, call.client_id if client_known else "")
    if not refusal.recorded:
        await call.core.refusals.record(call, endpoint, refusal, client_known)


async def refuse_as_json(
    request: web.Request, call: Call, endpoint: str, refusal: Refusal, *, client_known: bool = False
) -> web.Response:
    """The error answer of RFC 6749 §5.2."""
    await record(call, endpoint, refusal, client_known=client_known)
    basic = hdrs.AUTHORIZATION in request.headers
    return json_refusal(refusal, error_id=call.error_id, basic=basic)


async def refuse_as_resource(
    call: Call, endpoint: str, refusal: Refusal, *, scheme: str = BEARER, scope: str = "",
    described_at: str = "",
) -> web.Response:  # fmt: skip
    """The error answer of RFC 6750 §3 and RFC 9449 §7.1."""
    await record(call, endpoint, refusal)
    return resource_refusal(
        refusal, error_id=call.error_id, scheme=scheme, scope=scope, described_at=described_at
    )


async def refuse_on_page(
    request: web.Request, call: Call, endpoint: str, refusal: Refusal, *, client_known: bool = False
) -> web.Response:
    """The error page: nothing is redirected, and the error id is on it (RFC 6749 §4.1.2.1)."""
    await record(call, endpoint, refusal, client_known=client_known)
    return error_page(request, refusal, call.error_id)


def error_page(
    request: web.Request, refusal: Refusal, error_id: str, words: Words | None = None,
    way_on: NextLink | None = None,
) -> web.Response:  # fmt: skip
    """A refusal as a page, or as JSON where that is preferred. ``words`` are for people."""
    page = ErrorPage(
        refusal=refusal,
        words=words or words_for(refusal),
        error_id=error_id,
        way_on=way_on,
        **page_settings(request),
    )
    return page_or_json(parts_of(request)[PAGES], page, request.headers.get(hdrs.ACCEPT, ""))


def page_or_json(pages: Pages, page: ErrorPage, accept: str = "") -> web.Response:
    """A refusal as a page, or as JSON for a caller whose Accept header prefers it (RFC 6749 §5.2)."""
    if not prefers_json(accept):
        return pages.error(page)
    answer = json_refusal(page.refusal, error_id=page.error_id)
    answer.headers.update(page_headers(()))
    return answer


def page_settings(request: web.Request, ui_locales: tuple[str, ...] = ()) -> dict[str, Any]:
    """The settings of every page: its language, and whether this is a development server."""
    settings = core_of(request).settings
    accepted = request.headers.get(hdrs.ACCEPT_LANGUAGE, "")
    locale = choose_locale(" ".join(ui_locales), accepted, settings.default_locale)
    return {"locale": locale, "development": settings.development}


#: RFC 9700 §4.12: a 307 would send the person's password on to the client.
SEE_OTHER: Final = 303


def see_other(location: str) -> web.Response:
    """303 See Other. The location is built from validated parts; a control character in it is a defect."""
    return web.Response(status=SEE_OTHER, headers={"Location": location})
