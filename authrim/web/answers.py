"""How endpoints say no: recorded for the auditor, then answered as JSON, as a page, or by redirect."""

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import hdrs, web

from authrim.execute import Context
from authrim.runtime import RUNTIME
from authrim.web import texts
from authrim.web.errors import BEARER, ERROR_ID_HEADER, error_members, json_refusal, resource_refusal
from authrim.web.pages import ErrorPage, LeavingPage, WayOn
from authrim.web.response_mode import Destination, address_and_fields, authorization_response, encoded
from authrim.web.shown_client import shown_client
from authrim.web.translations import choose_locale
from authrim.web.unasked import has_to_be_asked
from domain.authorization_request import ByRedirect
from domain.client import Client
from domain.errors import Refusal

_encode = msgspec.json.Encoder().encode


def json_answer(body: dict[str, Any]) -> web.Response:
    """A JSON object with status 200; the middleware adds ``no-store``."""
    return web.Response(body=_encode(body), content_type="application/json")


def jwt_answer(token: str) -> web.Response:
    """A token as the whole answer (OIDC Core §5.3.2); the middleware adds ``no-store``."""
    return web.Response(body=token.encode("ascii"), content_type="application/jwt")


async def record(
    request: web.Request, context: Context, endpoint: str, refusal: Refusal, *, client_known: bool = False
) -> None:
    """Write the refusal down, unless what was decided has recorded it already."""
    if not context.refusal_recorded:
        await request.app[RUNTIME].refusals.record(context, endpoint, refusal, client_known)


async def refuse_as_json(
    request: web.Request, context: Context, endpoint: str, refusal: Refusal, *, client_known: bool = False
) -> web.Response:
    """The error answer of RFC 6749 §5.2."""
    await record(request, context, endpoint, refusal, client_known=client_known)
    basic = hdrs.AUTHORIZATION in request.headers
    return json_refusal(refusal, error_id=context.error_id, basic=basic)


async def refuse_as_resource(
    request: web.Request, context: Context, endpoint: str, refusal: Refusal, *, scheme: str = BEARER, scope: str = "",
    described_at: str = "",
) -> web.Response:  # fmt: skip
    """The error answer of RFC 6750 §3 and RFC 9449 §7.1."""
    await record(request, context, endpoint, refusal)
    return resource_refusal(
        refusal, error_id=context.error_id, scheme=scheme, scope=scope, described_at=described_at
    )


async def refuse_on_page(
    request: web.Request, context: Context, endpoint: str, refusal: Refusal, *, client_known: bool = False
) -> web.Response:
    """The error page: nothing is redirected, and the error id is on it (RFC 6749 §4.1.2.1)."""
    await record(request, context, endpoint, refusal, client_known=client_known)
    return error_page(request, refusal, context.error_id)


def error_page(
    request: web.Request, refusal: Refusal, error_id: str, title: str = texts.NOT_ANSWERED,
    way_on: WayOn | None = None,
) -> web.Response:  # fmt: skip
    """A refusal as a page, or as JSON where that is preferred."""
    page = ErrorPage(
        status=refusal.status,
        error=refusal.error,
        title=title,
        description=refusal.description,
        hint=refusal.hint,
        error_id=error_id,
        retry_after=refusal.retry_after,
        way_on=way_on,
        **page_settings(request),
    )
    return request.app[RUNTIME].pages.error(page, request.headers.get(hdrs.ACCEPT, ""))


async def refuse_by_redirect(
    request: web.Request, context: Context, client: Client, refused: ByRedirect, *, by_person: bool = False
) -> web.Response:
    """The authorization error response (RFC 6749 §4.1.2.1): error, description, ``state`` and ``iss`` alone.
    ``by_person``: it follows from what was answered on a page of ours, which said where the browser would go."""
    parameters = error_members(refused.refusal)
    if refused.state is not None:
        parameters["state"] = refused.state
    destination = Destination(client, refused.redirect_uri, refused.response_mode)
    if not by_person and await has_to_be_asked(request, context, client):
        return await _ask_before_leaving(request, context, destination, parameters, refused.refusal)
    response = await answer_client(request, context, destination, parameters)
    response.headers[ERROR_ID_HEADER] = context.error_id
    return response


async def _ask_before_leaving(
    request: web.Request, context: Context, destination: Destination, parameters: Mapping[str, str],
    refusal: Refusal,
) -> web.Response:  # fmt: skip
    """The same answer behind a link or a button (RFC 9700 §4.11.2)."""
    runtime = request.app[RUNTIME]
    sent = await encoded(runtime, context, destination, parameters)
    if isinstance(sent, Refusal):
        return await refuse_on_page(request, context, "authorize", sent, client_known=True)
    goes_to, fields = address_and_fields(destination, sent)
    page = LeavingPage(
        client=shown_client(runtime, destination.client, destination.redirect_uri),
        goes_to=goes_to,
        fields=fields,
        status=refusal.status,
        error=refusal.error,
        error_id=context.error_id,
        **page_settings(request),
    )
    return runtime.pages.leaving(page)


async def answer_client(
    request: web.Request, context: Context, destination: Destination, parameters: Mapping[str, str],
    ui_locales: tuple[str, ...] = (),
) -> web.Response:  # fmt: skip
    """The authorization response, good or bad; a page when it cannot be put into the form that the client demands."""
    runtime = request.app[RUNTIME]
    sent = await encoded(runtime, context, destination, parameters)
    if isinstance(sent, Refusal):
        return await refuse_on_page(request, context, "authorize", sent, client_known=True)
    settings = page_settings(request, ui_locales)
    return authorization_response(runtime.pages, settings, destination, sent, context.error_id)


def page_settings(request: web.Request, ui_locales: tuple[str, ...] = ()) -> dict[str, Any]:
    """What every page takes: its language, and whether the server is a development one."""
    settings = request.app[RUNTIME].settings
    accepted = request.headers.get(hdrs.ACCEPT_LANGUAGE, "")
    locale = choose_locale(" ".join(ui_locales), accepted, settings.default_locale)
    return {"locale": locale, "development": settings.development}
