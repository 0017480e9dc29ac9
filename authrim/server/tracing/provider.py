"""The way of the spans: they wait in memory, and a thread of their own sends them to the collector by OTLP.

What the collector does not take in time is dropped and logged. No request waits for it.
"""

import os
from typing import Final

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from authrim import __version__
from authrim.settings import Settings

#: One attempt to send, and how long the end of the process waits for the last spans.
TIMEOUT_SECONDS: Final = 5
#: Spans that wait; more are dropped.
_MOST_WAITING: Final = 4096
_BATCH: Final = 512


def provider_of(settings: Settings) -> TracerProvider:
    """The provider that the settings ask for."""
    provider = TracerProvider(
        resource=Resource.create(
            {"service.name": "authrim", "service.version": __version__, "process.pid": os.getpid()}
        ),
        span_limits=SpanLimits(max_span_attributes=16, max_events=4, max_links=1),
        shutdown_on_exit=False,
    )
    secret = settings.trace_export_authorization
    exporter = OTLPSpanExporter(
        endpoint=settings.trace_export,
        headers={} if secret is None else {"authorization": secret.get_secret_value()},
        timeout=TIMEOUT_SECONDS,
        session=_session(),
    )
    provider.add_span_processor(
        BatchSpanProcessor(exporter, max_queue_size=_MOST_WAITING, max_export_batch_size=_BATCH)
    )
    return provider


def _session() -> requests.Session:
    """Without the proxies and the passwords of whoever runs the process."""
    session = requests.Session()
    session.trust_env = False
    return session
