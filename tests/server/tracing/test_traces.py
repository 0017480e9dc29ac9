"""Traces: what is sent of a request to whom, what is never, and that all is as it was where nothing is traced."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from authrim.outside.egress import Egress, EgressRefused
from authrim.server.optional_tracing import NoOpenTelemetry, tracing_wanted
from authrim.server.tracing.request_span import Choice
from authrim.server.tracing.steps import Steps
from authrim.web.trace_context import Caller
from tests.support.collector import Collector, SentSpan, collecting
from tests.support.https_site import Authority, Site
from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import development_server, terminated
from tests.support.running import development_settings

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SERVER, CLIENT = 2, 3


def traced(monkeypatch: pytest.MonkeyPatch, collector: Collector, **settings: str) -> None:
    """Servers that start from now on trace all requests."""
    monkeypatch.setenv("AUTHRIM_TRACE_EXPORT", collector.address)
    monkeypatch.setenv("AUTHRIM_TRACE_SAMPLE", "1")
    for name, value in settings.items():
        monkeypatch.setenv(f"AUTHRIM_{name.upper()}", value)


def ask_for_token(announced: dict[str, Any], secret: str = "", **headers: str) -> requests.Response:
    service = announced["clients"]["service"]
    return requests.post(
        f"{announced['issuer']}/token",
        data={"grant_type": "client_credentials"},
        auth=(service["client_id"], secret or service["client_secret"]),
        headers=headers,
        timeout=PATIENCE,
    )


def test_a_request_is_one_trace_of_its_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A305: the span of a request continues the caller's trace and has one span per step below it. Log lines and the
    log of events have the same trace. No secret, token, query, address or further context of the caller is sent."""
    sent = {
        "traceparent": f"00-{TRACE}-{CALLER}-00",
        "tracestate": "canary=1",
        "baggage": "canary=2",
        "User-Agent": "canary",
    }
    with collecting() as collector:
        traced(
            monkeypatch, collector, trace_export_authorization="Bearer for-the-collector", log_format="json"
        )
        with development_server(tmp_path / "data", free_port()) as (process, announced):
            answer = ask_for_token(announced, **sent)
            assert answer.status_code == 200
            refused = ask_for_token(announced, "wrong-canary")
            assert refused.status_code == 401
            assert requests.get(f"{announced['issuer']}/canary", timeout=PATIENCE).status_code == 404
            _, _, written = terminated(process)
        spans = collector.spans()
        assert collector.authorizations == {"Bearer for-the-collector"}
        assert collector.resources()[0]["service.name"] == "authrim"
        whole = b"".join(collector.bodies)
    token, wrong, nothing = [span for span in spans if span.kind == SERVER]
    assert (token.name, token.trace_id, token.parent) == ("POST /token", TRACE, CALLER)
    assert token.attributes == {
        "http.request.method": "POST",
        "http.route": "/token",
        "http.response.status_code": 200,
    }
    below = {span.name: span for span in spans if span.trace_id == TRACE and span is not token}
    assert {"attempt", "store.append"} <= below.keys()
    assert below["store.append"].attributes["authrim.events"] == 2
    assert {_root(span, spans) for span in below.values()} == {token.span_id}
    assert wrong.trace_id != TRACE
    assert wrong.attributes["authrim.error_id"]
    assert (nothing.name, nothing.failed) == ("GET", False)
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line["event"] == "request" and line["trace_id"] == TRACE]
    assert line["span_id"] == token.span_id
    secrets = (answer.json()["access_token"], announced["clients"]["service"]["client_secret"])
    for secret in ("canary", "127.0.0.1", *secrets):
        assert secret.encode() not in whole


def _root(span: SentSpan, spans: list[SentSpan]) -> str:
    """The span of the request that a span is below of."""
    above = {one.span_id: one for one in spans}
    while span.kind != SERVER:
        span = above[span.parent]
    return span.span_id


def test_nobody_waits_for_a_collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that takes a request and says nothing delays no answer, and the end of the server by its limit
    alone."""
    with collecting(answers=False) as collector:
        traced(monkeypatch, collector)
        with development_server(tmp_path / "data", free_port()) as (process, announced):
            assert ask_for_token(announced).status_code == 200
            status, _, written = terminated(process)
    assert status == 0
    assert "Traceback" not in written


_WITHOUT = """
import sys
import authrim.commands.root, authrim.server.serve, authrim.server.wiring
print([name for name in sys.modules if name.startswith(("opentelemetry", "authrim.server.tracing"))])
"""


def test_nothing_of_it_is_there_when_off() -> None:
    """Where nothing is traced, nothing that traces is imported, and no request asks whether it is traced."""
    done = subprocess.run([sys.executable, "-c", _WITHOUT], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"
    assert tracing_wanted(development_settings(1)) is None


def test_without_opentelemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is to trace and cannot says what to install, and does not start."""
    monkeypatch.setitem(sys.modules, "authrim.server.tracing.tracing", None)
    with pytest.raises(NoOpenTelemetry, match=r"authrim\[otel\]"):
        tracing_wanted(development_settings(1, trace_export="http://127.0.0.1:4318/v1/traces"))


def test_callers_do_not_choose_what_is_traced() -> None:
    """A305: neither the flag nor the id that a caller sends decides, unless the settings say so."""
    asks, hides = Caller("1" * 32, "1" * 16, is_sampled=True), Caller("1" * 32, "1" * 16, is_sampled=False)
    by_chance = Choice(10, callers_choose=False)
    for caller in (asks, hides, None):
        assert 700 < sum(by_chance.takes(caller) for _ in range(10_000)) < 1300
    chosen = Choice(10**9, callers_choose=True)
    assert chosen.takes(asks)
    assert not chosen.takes(hides)
    assert not chosen.takes(None)


async def test_who_is_fetched_from_learns_the_trace_alone(authority: Authority, site: Site) -> None:
    """A305: a request to others in a traced request has a ``traceparent`` of its own span and no other context;
    outside of one it has none. The span names the origin, never the path."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    egress = Egress(("localhost",), ca_file=authority.ca_file)
    egress.around = Steps(tracer).around_outgoing
    url = site.serve("/keys-canary", {"keys": []})
    await egress.fetch(url)
    with tracer.start_as_current_span("request") as above:
        await egress.fetch(url)
        with pytest.raises(EgressRefused):
            await egress.fetch(site.url("/nothing"))
    await egress.close()
    (_, _, before, _), (_, _, within, _), _ = site.seen
    fetched, refused, _ = exporter.get_finished_spans()
    assert "traceparent" not in before
    assert within["traceparent"] == f"00-{fetched.context.trace_id:032x}-{fetched.context.span_id:016x}-01"
    assert fetched.context.trace_id == above.get_span_context().trace_id
    assert within.keys() - before.keys() == {"traceparent"}
    assert dict(fetched.attributes or {}) == {
        "http.request.method": "GET",
        "server.address": f"https://localhost:{site.port}",
    }
    assert (refused.attributes or {})["error.type"] == "EgressRefused"
    assert not refused.events
