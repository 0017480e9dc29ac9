"""Log lines with the names of the Elastic Common Schema (ECS), for a store that expects them.

https://www.elastic.co/docs/reference/ecs/logging/intro: time, level, message and version come first. What ECS has no
name for is below ``authrim``, so that it never has another type than the store expects.
"""

from http import HTTPStatus
from typing import Any, Final

from structlog.typing import EventDict, WrappedLogger

from authrim import __version__

#: The version of the schema that the names are of.
ECS_VERSION: Final = "8.17.0"

_NAMES: Final = {
    "trace_id": "trace.id",
    "span_id": "span.id",
    "error_id": "error.id",
    "exception": "error.type",
    "library": "log.logger",
}
_NANOSECONDS: Final = 1_000_000


def in_ecs(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The structlog processor that gives the fields of a line the names of ECS."""
    name = event.pop("event")
    line: dict[str, Any] = {
        "@timestamp": event.pop("timestamp"),
        "log.level": event.pop("level"),
        "message": name,
        "ecs.version": ECS_VERSION,
        "service.name": "authrim",
        "service.version": __version__,
        "event.dataset": "authrim.log",
        "event.action": name,
    }
    if name == "request":
        line |= _of_request(event)
    line |= {ours: event.pop(field) for field, ours in _NAMES.items() if field in event}
    if event:
        line["authrim"] = event
    return line


def _of_request(event: EventDict) -> dict[str, Any]:
    """What a request line says. A status that is no number says how the request ended without an answer."""
    fields: dict[str, Any] = {
        "http.request.method": event.pop("method"),
        "event.duration": round(event.pop("milliseconds") * _NANOSECONDS),
    }
    status = event["status"]
    succeeded = isinstance(status, int) and status < HTTPStatus.BAD_REQUEST and "error_id" not in event
    fields["event.outcome"] = "success" if succeeded else "failure"
    if isinstance(status, int):
        fields["http.response.status_code"] = event.pop("status")
    return fields
