"""A server that traces: its parts, with spans around them."""

import asyncio
import threading

from aiohttp.typedefs import Middleware
from opentelemetry.sdk.trace import TracerProvider

from authrim.core.parts import Parts
from authrim.people.part import PEOPLE
from authrim.server.tracing.provider import TIMEOUT_SECONDS, provider_of
from authrim.server.tracing.request_span import Choice, id_of_current_trace, tracing_middleware
from authrim.server.tracing.steps import Steps
from authrim.settings import Settings
from authrim.web.call import CORE
from authrim.web.trace_context import TraceId


class Tracing:
    """Traces the requests of one process. Call ``close`` at the end."""

    def __init__(self, provider: TracerProvider, choice: Choice) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("authrim")
        self._choice = choice

    @classmethod
    def of(cls, settings: Settings) -> "Tracing":
        """What the settings ask for."""
        choice = Choice(settings.trace_sample, callers_choose=settings.trace_callers_choose)
        return cls(provider_of(settings), choice)

    def middleware(self) -> Middleware:
        """What surrounds each request."""
        return tracing_middleware(self._tracer, self._choice)

    @property
    def trace_id(self) -> TraceId:
        """What names the trace of a request in log lines and in the metadata of events."""
        return id_of_current_trace

    def surround(self, parts: Parts) -> None:
        """Put spans around the steps that requests take through these parts."""
        core, steps = parts[CORE], Steps(self._tracer)
        steps.of_store(core.store)
        steps.of_decisions(core.executor)
        steps.of_passwords(parts[PEOPLE].passwords)
        core.egress.around = steps.around_outgoing

    async def close(self) -> None:
        """Send what waits, as far as the collector takes it in time. A thread that the end of the process does not
        wait for does that."""
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        await asyncio.to_thread(sending.join, TIMEOUT_SECONDS)
