"""The spans of the steps of a request: each read and append, each decision, each password check, each fetch.

They are put around the methods of the parts of one server. Outside of a request that is traced they do nothing.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from authrim.core.execute import Executor
from authrim.crypto.passwords import Passwords
from authrim.store.contract import Store

Attributes = Mapping[str, str | int]
#: What a span says of the arguments of its step.
Describe = Callable[..., Attributes]

#: The methods of the store that requests call.
_STORE: Final = (
    "append", "read_stream", "read_whole_stream", "read_stream_end", "read_log", "head", "find", "read_rows",
    "read_rows_of", "stream_names", "reserve", "count", "forget_counters",
)  # fmt: skip
#: The methods of the executor, and which argument of them decides.
_DECISIONS: Final = {"on_grant": 2, "on_remembered_grant": 2, "until_it_fits": 1}
_ATTEMPT: Final = "until_it_fits"


class Steps:
    """Puts spans around methods."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def of_store(self, store: Store) -> None:
        """One span per call of the store, with the time that it waits for company."""
        says: dict[str, Describe] = {"append": _of_append, "find": _of_find}
        for name in _STORE:
            setattr(
                store, name, self._around(getattr(store, name), f"store.{name}", says.get(name, _nothing))
            )

    def of_decisions(self, executor: Executor) -> None:
        """One span per decision, with what is signed for it. ``attempt`` is the same with what it reads."""
        for name, place in _DECISIONS.items():
            step = "attempt" if name == _ATTEMPT else "decide"
            setattr(executor, name, self._around_argument(getattr(executor, name), place, step))

    def of_passwords(self, passwords: Passwords) -> None:
        """One span per check, with the wait for a thread. It has the same name whether there is an account or not."""
        for name in ("hash", "verify", "verify_dummy"):
            step = "password.hash" if name == "hash" else "password.check"
            setattr(passwords, name, self._around(getattr(passwords, name), step, _nothing))

    @contextmanager
    def around_outgoing(self, method: str, origin: str) -> Iterator[Mapping[str, str]]:
        """One span per request to others, who are told the trace and the span and nothing else (W3C Trace Context
        §3.2). The path of the address may be a secret of whoever chose it."""
        if not trace.get_current_span().is_recording():
            yield {}
            return
        attributes = {"http.request.method": method, "server.address": origin}
        with self._begun(method, attributes, SpanKind.CLIENT) as span:
            here = span.get_span_context()
            yield {"traceparent": f"00-{here.trace_id:032x}-{here.span_id:016x}-01"}

    def _around(
        self, call: Callable[..., Awaitable[Any]], step: str, says: Describe
    ) -> Callable[..., Awaitable[Any]]:
        def traced(*arguments: Any, **named: Any) -> Awaitable[Any]:
            # Begun at once: some steps travel together if they are begun before the first is awaited.
            begun = call(*arguments, **named)
            if not trace.get_current_span().is_recording():
                return begun
            return self._awaited(begun, step, says(*arguments))

        return traced

    def _around_argument(
        self, call: Callable[..., Awaitable[Any]], place: int, step: str
    ) -> Callable[..., Awaitable[Any]]:
        def traced(*arguments: Any, **named: Any) -> Awaitable[Any]:
            if not trace.get_current_span().is_recording():
                return call(*arguments, **named)
            given = list(arguments)
            given[place] = self._around(given[place], step, _nothing)
            return call(*given, **named)

        return traced

    async def _awaited(self, begun: Awaitable[Any], step: str, attributes: Attributes) -> Any:
        with self._begun(step, attributes, SpanKind.INTERNAL):
            return await begun

    @contextmanager
    def _begun(self, name: str, attributes: Attributes, kind: SpanKind) -> Iterator[Span]:
        """A span that names the type of an error, and never its text."""
        with self._tracer.start_as_current_span(
            name,
            kind=kind,
            attributes=dict(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise


def _nothing(*_arguments: Any) -> Attributes:
    return {}


def _of_append(append: Any) -> Attributes:
    return {
        "authrim.events": sum(len(part.events) for part in append.streams),
        "authrim.rows": len(append.rows),
    }


def _of_find(lookup: str, _key: str) -> Attributes:
    return {"authrim.lookup": lookup}
