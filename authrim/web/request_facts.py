"""What the server reads from a request once and needs again: one object per request.

aiohttp's own storage raises and catches an exception for each key that is not set yet, and every request would pay
for that several times.
"""

from typing import Final

from aiohttp import web

from domain.errors import Refusal

NOT_READ: Final = object()


class RequestFacts:
    """Each fact is None, or ``NOT_READ`` where None is an answer, until the function that reads it was called."""

    __slots__ = ("body", "certificate", "cookie_values", "late_headers", "source", "trace_id")

    def __init__(self, trace_id: str = "") -> None:
        #: 32 lower-case hex digits (W3C Trace Context §3.2.2.3).
        self.trace_id = trace_id
        #: The source that the request counts against.
        self.source: str | None = None
        self.body: bytes | Refusal | None = None
        self.cookie_values: dict[str, str] | None = None
        #: The client's certificate, a refusal, or None when it showed none.
        self.certificate: object = NOT_READ
        #: Headers for whatever the answer will be, such as a fresh nonce (RFC 9449 §8.2).
        self.late_headers: dict[str, str] = {}


_FACTS: Final = web.RequestKey("facts", RequestFacts)


def begin(request: web.Request, trace_id: str) -> RequestFacts:
    """The facts of a request that has just come."""
    facts = request[_FACTS] = RequestFacts(trace_id)
    return facts


def facts_of(request: web.Request) -> RequestFacts:
    """The facts of a request."""
    try:
        return request[_FACTS]
    except KeyError:  # an application without the middleware
        return begin(request, "")
