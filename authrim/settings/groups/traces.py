"""Traces of requests by OpenTelemetry."""

from pathlib import Path

from pydantic import Field

from authrim.settings.kinds import CollectorAddress, Count, Group, HeaderSecret


class Traces(Group):
    """Traces of requests by OpenTelemetry."""

    trace_export: CollectorAddress | None = Field(
        default=None,
        description="The address of a collector that takes spans by OTLP over HTTP, such as "
        "`http://127.0.0.1:4318/v1/traces`. Needs `authrim[otel]`. Without an address nothing is traced.",
    )
    trace_export_authorization: HeaderSecret | None = Field(
        default=None, description="The `Authorization` header that the collector expects."
    )
    trace_export_authorization_file: Path | None = Field(
        default=None, description="A file with that value, instead of `trace_export_authorization`."
    )
    trace_sample: Count = Field(
        default=10, ge=1, le=1_000_000, description="One of how many requests is traced, chosen at random."
    )
    trace_callers_choose: bool = Field(
        default=False,
        description="Whether the caller decides if its request is traced, when it sends a `traceparent`. Only for "
        "callers that are all known, or behind a proxy that sets the header itself.",
    )
