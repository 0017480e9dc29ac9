"""Whether this server traces: OpenTelemetry is an optional part, and imported only where it is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authrim.settings import Settings

if TYPE_CHECKING:
    from authrim.server.tracing.tracing import Tracing


class NoOpenTelemetry(Exception):
    """Traces are wanted, and what makes them is not installed."""

    def __init__(self) -> None:
        super().__init__("trace_export: needs OpenTelemetry: install it with pip install 'authrim[otel]'")


def tracing_wanted(settings: Settings) -> type[Tracing] | None:
    """What makes the traces of a process, or None where nothing is traced. Raises NoOpenTelemetry."""
    if settings.trace_export is None:
        return None
    try:
        from authrim.server.tracing.tracing import Tracing
    except ImportError:
        raise NoOpenTelemetry from None
    return Tracing
