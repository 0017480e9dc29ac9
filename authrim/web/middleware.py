"""The one middleware: trace id, protective headers, one log line, and an answer for whatever went wrong.

It is on the path of every request, so it is one coroutine and looks at nothing twice.
"""

import logging
import time
import traceback
from asyncio import CancelledError
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from multidict import MultiMapping, istr

from authrim.crypto.ids import new_id
from authrim.crypto.jws import CannotSign
from authrim.crypto.passwords import PasswordsBusy
from authrim.metrics.requests import GONE, count_request
from authrim.outside.sampling import REQUEST_LINES
from authrim.pages.headers import ERROR_ID_HEADER, page_headers
from authrim.store.codec import UnreadableEvent
from authrim.store.contract import Unavailable
from authrim.web.authority import refuse_other_names
from authrim.web.cors import show_error_to_scripts
from authrim.web.errors import json_refusal
from authrim.web.overload import OVERLOAD, URGENCIES, let_in
from authrim.web.proxies import PROXIES
from authrim.web.request_facts import begin, facts_of
from authrim.web.trace_context import TraceId, trace_id_of
from authrim.wire.forwarded import NO_PROXIES, behind_proxies, source_of
from domain.errors import Refusal, temporarily_unavailable

Answer = Callable[[web.Request, Refusal, str], web.StreamResponse]
"""Makes the answer to a refusal: the request, the refusal, the error id."""

_FRAMES_LOGGED = 8
# In place of a name, where nothing is.
_UNKNOWN_ROUTE = "unknown"
# How the names of the routes begin that monitors ask.
_PROBES = "health_"
# A request that took longer is always logged.
_SLOW_MILLISECONDS = 1000

# As `istr` a name is folded once, not for every answer.
_SNIFFING, _REFERRER = istr("X-Content-Type-Options"), istr("Referrer-Policy")
_POLICY = istr("Content-Security-Policy")
_PAGE_HEADERS = {istr(name): value for name, value in page_headers(()).items()}

_log = structlog.get_logger("authrim.http")


def json_answer(_request: web.Request, refusal: Refusal, error_id: str) -> web.StreamResponse:
    """Every refusal as JSON. A server with pages gives ``middleware`` an answer that browsers can show."""
    return json_refusal(refusal, error_id=error_id)


def middleware(
    answer: Answer = json_answer,
    trace_id: TraceId = trace_id_of,
) -> Middleware:
    """The middleware of an application; ``answer`` answers what no handler answered itself, ``trace_id`` names the
    trace of a request."""

    @web.middleware
    async def handle(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        trace = trace_id(request.headers)
        facts = begin(request, trace)
        # aiohttp runs each request in a task of its own, so nothing has to be unbound.
        structlog.contextvars.bind_contextvars(trace_id=trace)
        try:
            if request.secure:
                refuse_other_names(request)
            refusal = _overloaded(request)
            if refusal is not None:
                return _turned_away(request, answer(request, refusal, new_id()), started)
            response = await handler(request)
            protect(response)
            if response.status >= HTTPStatus.BAD_REQUEST:
                show_error_to_scripts(request, response)
            if facts.late_headers:
                response.headers.update(facts.late_headers)
        except (CancelledError, ConnectionError):
            _finish(request, GONE, started)
            raise
        except Exception as error:
            response = _answer_failure(request, error, answer)
            protect(response)
            show_error_to_scripts(request, response)
        _finish(request, response.status, started, response.headers.get(ERROR_ID_HEADER))
        return response

    return handle


def client_address(request: web.Request) -> str:
    """The source a request counts against, as ``source_of`` names it. Found once per request."""
    facts = facts_of(request)
    if facts.source is None:
        facts.source = _source_of(request)
    return facts.source


def _source_of(request: web.Request) -> str:
    proxies, peer = request.app.get(PROXIES, NO_PROXIES), request.remote or ""
    if not proxies.networks and not proxies.by_socket:
        return source_of(peer)
    return source_of(behind_proxies(peer, request.headers.getall(hdrs.X_FORWARDED_FOR, ()), proxies))


def _overloaded(request: web.Request) -> Refusal | None:
    """Why the request is not answered now, when the process has more to do than it can (F40)."""
    overload = request.app.get(OVERLOAD)
    if overload is None or getattr(request.protocol, "is_admitted", False):
        return None
    refusal = overload.refuse(request.app[URGENCIES][_route_name(request)]) if overload.level else None
    if refusal is None and request.content.is_eof():
        let_in(request)
    return refusal


def _turned_away(request: web.Request, response: web.StreamResponse, started: float) -> web.StreamResponse:
    """Finish an answer that overload gave. It has no line of its own: a line says how many there were (F40)."""
    protect(response)
    show_error_to_scripts(request, response)
    count_request(_route_name(request), request.method, response.status, time.perf_counter() - started)
    return response


def _answer_failure(request: web.Request, error: Exception, answer: Answer) -> web.StreamResponse:
    """Answer what the router or the store raised, and every unexpected exception."""
    error_id = new_id()
    if isinstance(error, web.HTTPException):
        response = answer(request, _routing_refusal(error), error_id)
        if isinstance(error, web.HTTPMethodNotAllowed):
            response.headers[hdrs.ALLOW] = ", ".join(sorted(error.allowed_methods))
        return response
    if isinstance(error, Unavailable):
        _log.warning("store.unavailable", error_id=error_id, kind=type(error).__name__, cause=str(error))
        return answer(request, temporarily_unavailable("The server cannot record this now."), error_id)
    if isinstance(error, PasswordsBusy):
        _log.warning("passwords.busy", error_id=error_id)
        return answer(request, temporarily_unavailable("The server is busy."), error_id)
    if isinstance(error, UnreadableEvent | CannotSign):
        # The texts name a type, an algorithm or a token alone; somebody has to repair what they speak of (A232, F29).
        _log.error("request.cannot_be_decided", error_id=error_id, kind=type(error).__name__, what=str(error))
        return answer(request, temporarily_unavailable("The server cannot decide on this now."), error_id)
    # Only the stack frames: the text of an exception may quote the request (A227).
    _log.error("request.failed", error_id=error_id, kind=type(error).__name__, where=_where(error))
    refusal = Refusal("server_error", "The server met an unexpected condition.", status=500)
    return answer(request, refusal, error_id)


def _routing_refusal(error: web.HTTPException) -> Refusal:
    if isinstance(error, web.HTTPNotFound):
        return Refusal("invalid_request", "There is nothing at this address.", status=404)
    if isinstance(error, web.HTTPMethodNotAllowed):
        return Refusal("invalid_request", "This address does not take this method.", status=405)
    if isinstance(error, web.HTTPMisdirectedRequest):
        return Refusal(
            "invalid_request",
            "This server is not the one that Host names.",
            hint="Ask the issuer's own; further names are set as tls_names.",
            section="RFC 9110 §7.4",
            status=421,
        )
    return Refusal("invalid_request", f"{HTTPStatus(error.status).phrase}.", status=error.status)


def _where(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_LOGGED:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def protect(response: web.StreamResponse) -> None:
    """Add the headers of every answer that its handler did not set itself (RFC 6749 §5.1, decisions 28)."""
    headers = response.headers
    headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    headers.setdefault(_SNIFFING, "nosniff")
    headers.setdefault(_REFERRER, "same-origin")
    if headers.get(hdrs.CONTENT_TYPE, "").startswith("text/html") and _POLICY not in headers:
        for name, value in _PAGE_HEADERS.items():
            headers.setdefault(name, value)


def _finish(request: web.Request, status: int, started: float, error_id: str | None = None) -> None:
    """Count the request, and write its line."""
    seconds, name = time.perf_counter() - started, _route_name(request)
    count_request(name, request.method, status, seconds)
    _write_line(name, request.method, status, seconds, {"error_id": error_id} if error_id else {})


def note_ready(name: str, headers: MultiMapping[str], seconds: float) -> None:
    """Count a GET request that got a ready answer, and write its line, which is all that its trace is named for."""
    count_request(name, hdrs.METH_GET, HTTPStatus.OK, seconds)
    if _log.is_enabled_for(logging.INFO):
        _write_line(name, hdrs.METH_GET, HTTPStatus.OK, seconds, {"trace_id": trace_id_of(headers)})


def _write_line(name: str, method: str, status: int, seconds: float, fields: dict[str, str | int]) -> None:
    """Write one line, with the route's name in place of a path that may hold a secret. A probe that found all well, as
    one does every few seconds, is logged for debugging only. Successes may be sampled."""
    if not _log.is_enabled_for(logging.INFO):
        return
    milliseconds = round(seconds * 1000, 2)
    if "error_id" not in fields and _succeeded(status) and milliseconds < _SLOW_MILLISECONDS:
        if not REQUEST_LINES.takes():
            return
        if REQUEST_LINES.one_in > 1:
            fields["sample"] = REQUEST_LINES.one_in
    outcome = "client gone" if status == GONE else status
    log = _log.debug if status == HTTPStatus.OK and name.startswith(_PROBES) else _log.info
    log(
        "request",
        method=method,
        route=name,
        status=outcome,
        milliseconds=milliseconds,
        **fields,
    )


def _succeeded(status: int) -> bool:
    return status != GONE and status < HTTPStatus.BAD_REQUEST


def _route_name(request: web.Request) -> str:
    """The name of the route, and never a path: it is a label of metrics (A304)."""
    return request.match_info.route.name or _UNKNOWN_ROUTE
