"""A collector of spans (OTLP over HTTP) on loopback, which keeps all that it is sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class SentSpan(NamedTuple):
    """A span as it was sent; its ids in hex."""

    name: str
    trace_id: str
    span_id: str
    parent: str
    kind: int
    failed: bool
    attributes: dict[str, Any]


class Collector(ThreadingHTTPServer):
    """Takes spans. ``bodies`` are the requests as they came, ``authorizations`` their headers."""

    daemon_threads = True

    def __init__(self, *, answers: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []
        self.authorizations: set[str | None] = set()
        self.answers = answers
        self.ended = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/traces"

    def spans(self) -> list[SentSpan]:
        """All spans until now."""
        return [
            _read(span)
            for body in list(self.bodies)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def resources(self) -> list[dict[str, Any]]:
        """What the processes said of themselves."""
        return [
            _attributes(resource.resource.attributes)
            for body in list(self.bodies)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        ]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.server.answers:
            self.server.ended.wait()
            return
        self.server.bodies.append(body)
        self.server.authorizations.add(self.headers["Authorization"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def collecting(*, answers: bool = True) -> Iterator[Collector]:
    """A collector as long as the block. One that does not answer takes the request and says nothing."""
    with Collector(answers=answers) as collector:
        thread = threading.Thread(target=collector.serve_forever, daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            collector.ended.set()
            collector.shutdown()
            thread.join()


def _read(span: Any) -> SentSpan:
    return SentSpan(
        span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), span.kind,
        span.status.code == 2, _attributes(span.attributes),
    )  # fmt: skip


def _attributes(members: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in members}
