"""The span of a request (OpenTelemetry's conventions for HTTP servers).

It has the route and never the path, the query, a header or the address of the client: those may be secret or personal.
Nothing of a caller's context but its ids is taken: ``tracestate`` and ``baggage`` go nowhere (A305).
"""

import random
from asyncio import CancelledError
from typing import Final, NamedTuple

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from multidict import MultiMapping
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode, TraceFlags

from authrim.pages.headers import ERROR_ID_HEADER
from authrim.web.trace_context import Caller, caller_of, trace_id_of

_OTHER_METHOD: Final = "_OTHER"
_NOTHING: Final = Context()


class Choice(NamedTuple):
    """Which requests are traced: one of ``one_in``, by chance, so that nobody outside can have all of his traced or
    none. Where ``callers_choose``, a caller that has a trace says it."""

    one_in: int
    callers_choose: bool

    def takes(self, caller: Caller | None) -> bool:
        """Whether a request is traced."""
        if caller is not None and self.callers_choose:
            return caller.is_sampled
        return random.random() * self.one_in < 1  # noqa: S311 - chance, no secret


def tracing_middleware(tracer: trace.Tracer, choice: Choice) -> Middleware:
    """Begins a span around the whole request."""

    @web.middleware
    async def handle(request: web.Request, handler: Handler) -> web.StreamResponse:
        caller = caller_of(request.headers)
        if not choice.takes(caller):
            return await handler(request)
        route = _route(request)
        method = request.method if request.method in hdrs.METH_ALL else _OTHER_METHOD
        with tracer.start_as_current_span(
            f"{method} {route}" if route else method,
            context=_context_of(caller),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, **({"http.route": route} if route else {})},
            record_exception=False,  # the text of an exception may quote the request (A227)
            set_status_on_exception=False,
        ) as span:
            structlog.contextvars.bind_contextvars(span_id=f"{span.get_span_context().span_id:016x}")
            try:
                response = await handler(request)
            except (CancelledError, ConnectionError):
                span.set_attribute("error.type", "client_gone")
                raise
            _describe(span, response)
            return response

    return handle


def id_of_current_trace(headers: MultiMapping[str]) -> str:
    """The id of the trace that the request is in, so that events and log lines have it."""
    current = trace.get_current_span()
    return f"{current.get_span_context().trace_id:032x}" if current.is_recording() else trace_id_of(headers)


def _context_of(caller: Caller | None) -> Context:
    """The place of the span: below that of the caller, or at the beginning of a trace."""
    if caller is None:
        return _NOTHING
    far = SpanContext(
        int(caller.trace_id, 16), int(caller.span_id, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )  # fmt: skip
    return trace.set_span_in_context(NonRecordingSpan(far), _NOTHING)


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else ""


def _describe(span: Span, response: web.StreamResponse) -> None:
    span.set_attribute("http.response.status_code", response.status)
    error_id = response.headers.get(ERROR_ID_HEADER)
    if error_id:
        span.set_attribute("authrim.error_id", error_id)
    if response.status >= 500:
        span.set_attribute("error.type", str(response.status))
        span.set_status(StatusCode.ERROR)
