"""One HTTP/1.1 connection: aiohttp's own handler with the deadlines and caps that it lacks (decisions.md 26).

A head that is late or too large, a client that does not read, a request that two servers could frame in two
ways: they are refused here, before the application sees them. No reply and no log line repeats what was sent.
"""

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any, cast

import structlog
from aiohttp import hdrs, web
from aiohttp.http import RawRequestMessage, StreamWriter
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler, RequestPayloadError
from aiohttp.web_request import BaseRequest

from authrim.metrics.catalogue import REQUESTS_UNANSWERED
from authrim.wire._exact_paths import Exact, ExactPaths
from authrim.wire._head import verdict
from authrim.wire.forwarded import source_of
from authrim.wire.gate import Entry, Gate
from authrim.wire.limits import Connections, Limits, spread
from authrim.wire.product import SERVER
from authrim.wire.whole_answer import is_whole, whole_bytes

_log = structlog.get_logger("authrim.http")


class Connection(RequestHandler):
    """aiohttp's request handler, held to ``Limits``."""

    def __init__(
        self, manager: web.Server, connections: Connections, limits: Limits, exact: ExactPaths,
        gate: Gate | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            access_log=cast(Any, None),  # aiohttp's way to say "none": the middleware writes our own line
            keepalive_timeout=limits.keep_alive_seconds,
            lingering_time=limits.linger_seconds,
            max_line_size=limits.request_line,
            max_field_size=limits.header_bytes,
            max_headers=limits.header_count,
            auto_decompress=False,
        )
        self._application = manager.request_handler
        self._request_handler = self._answer
        self._connections = connections
        self._limits = limits
        self._exact = exact
        self._gate = gate
        #: Whether the request that came last is counted as in progress.
        self.is_admitted = False
        self._parser = cast(Any, _WatchedParser(self._parser, self))
        self._address: str | None = None
        self._wire: asyncio.Transport | None = None
        self._body: StreamReader = EMPTY_PAYLOAD
        self._head_bytes = 0
        self._was_taken = False
        self._head_deadline: asyncio.TimerHandle | None = None
        self._write_deadline: asyncio.TimerHandle | None = None

    # A connection begins and ends.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the connection in, or turn it away with a bare 503 when there are too many."""
        wire = cast(asyncio.Transport, transport)
        peer = wire.get_extra_info("peername")
        address = source_of(peer[0] if isinstance(peer, tuple) else "")
        if not self._connections.admit(address, self):
            REQUESTS_UNANSWERED.add("too_many_connections")
            _log.info("connection.turned_away", status=HTTPStatus.SERVICE_UNAVAILABLE)
            self._force_close = True
            wire.write(_bare_bytes(HTTPStatus.SERVICE_UNAVAILABLE, "Retry-After: 1\r\n"))
            wire.close()
            return
        self._address = address
        self._wire = wire
        # Any byte left over counts as "not read", so the write deadline covers a whole answer.
        wire.set_write_buffer_limits(high=0)
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give the place back after the request in progress, if any, has been handled."""
        if self._address is None:
            return
        _cancel(self._head_deadline)
        _cancel(self._write_deadline)
        address, task = self._address, self._task_handler
        super().connection_lost(exc)
        self._wire = None  # which may be a transport of ours that points back here
        if task is None:
            self._left(address)
        else:
            task.add_done_callback(lambda _task: self._left(address))

    def _left(self, address: str) -> None:
        self.leave_gate()
        self._connections.leave(address, self)

    @property
    def is_idle(self) -> bool:
        """Whether no request is in progress."""
        return self._waiter is not None and not self._messages and not self._head_bytes

    def close_if_idle(self) -> None:
        """Close the connection if no request is in progress."""
        if self.is_idle:
            self.force_close()

    # The head: deadline and size.

    def data_received(self, data: bytes) -> None:
        """Let aiohttp parse, and watch a head that is not complete yet."""
        if self._close or self._force_close:
            return
        heads = self._request_count
        super().data_received(data)
        if self._request_count != heads:
            self._head_ended()
        elif self._was_taken:
            self._was_taken = False
            self._wait_for_next_head()
        elif data and self._body.is_eof():
            self._head_grew(len(data))

    def _expect_head(self) -> None:
        self._head_deadline = self._loop.call_later(spread(self._limits.header_seconds), self._head_late)

    def _head_grew(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._limits.request_line + self._limits.header_bytes:
            self._cut(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._head_deadline is None:
            self._expect_head()

    def _head_ended(self) -> None:
        self._wait_for_next_head()
        message, payload = self._messages[-1]
        if not isinstance(message, RawRequestMessage) and not self._body.is_eof():
            # The body that is being read turned out malformed; the C parser tells no one who waits for it.
            self._body.set_exception(RequestPayloadError("malformed body"))
        self._body = payload

    def _wait_for_next_head(self) -> None:
        self._head_bytes = 0
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def _head_late(self) -> None:
        self._head_deadline = None
        if self._head_bytes:
            self._cut(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.close_if_idle()

    def _cut(self, status: HTTPStatus) -> None:
        """End the connection; an answer that is still being made is sent first."""
        REQUESTS_UNANSWERED.add("late" if status == HTTPStatus.REQUEST_TIMEOUT else "too_large")
        _log.info("request.cut", status=status)
        if self._waiter is None or self._wire is None:
            self.close()
        else:
            self._wire.write(_bare_bytes(status))
            self.force_close()

    # The short way: past the queue in which aiohttp keeps what a connection asks.

    def take(self, message: RawRequestMessage, payload: StreamReader, size: int) -> bool:
        """Whether the connection answers a request at once: at the gate, or in a turn of its own. It does so only where
        the request is complete, nothing is in front of it, and the connection stays open. ``size``: its end came with
        so many bytes."""
        waiter = self._waiter
        if waiter is None or waiter.done() or self._messages or self._paused or self._connections.draining:
            return False
        if not payload.is_eof() or message.should_close or message.upgrade:
            return False
        limits = self._limits
        is_short = not self._head_bytes and size + limits.header_count <= limits.header_bytes
        if verdict(message, limits, is_short=is_short) is not None:
            return False
        if self._gate is None or not self._is_answered_at(self._gate, message):
            exact = self._exact.find(message)
            if exact is None:
                return False
            self._begin_turn(message, payload, exact, waiter)
        self._was_taken = True
        return True

    # The gate: what is answered before a request is made of it.

    def _is_answered_at(self, gate: Gate, message: RawRequestMessage) -> bool:
        answer = gate.decide(message, self)
        if isinstance(answer, Entry):
            self.is_admitted = answer is Entry.ADMITTED
            return False
        self._connections.has_answered(self)
        self._next_keepalive_close_time = self._loop.time() + self._limits.keep_alive_seconds
        cast(asyncio.Transport, self._wire).write(answer)
        return True

    def let_in(self) -> None:
        """Count the request in progress, about which the gate was not asked: it has an origin, a body that came later,
        or a path that names something or is spelled in another way."""
        if self._gate is not None and not self.is_admitted:
            self._gate.let_in(self)
            self.is_admitted = True

    def leave_gate(self) -> None:
        """Count the request no longer: it is answered, or waits for what comes."""
        if self.is_admitted and self._gate is not None:
            self._gate.leave(self)
            self.is_admitted = False

    # A turn: one request, whose route is known. aiohttp's own loop over the requests of a connection would wake up
    # twice for it. It waits meanwhile, and goes on with what has come behind it.

    def _begin_turn(
        self, message: RawRequestMessage, payload: StreamReader, exact: Exact, waiter: asyncio.Future[None]
    ) -> None:
        self._waiter = None  # so aiohttp takes the connection for busy
        loop_of_requests = cast("asyncio.Task[None]", self._task_handler)
        request = cast(Any, self._request_factory)(
            message, payload, self, StreamWriter(self, self._loop), loop_of_requests
        )
        request._match_info = exact.match
        turn = self._turn(request, exact.handler, waiter, loop_of_requests)
        self._task_handler = self._loop.create_task(turn)

    async def _turn(
        self, request: web.Request, handler: Any, waiter: asyncio.Future[None],
        loop_of_requests: "asyncio.Task[None]",
    ) -> None:  # fmt: skip
        goes_on = False
        try:
            response, has_gone = await self._handle_request(request, None, handler)
            goes_on = not has_gone and bool(response.keep_alive)
        except ConnectionError:
            pass  # the client has gone
        except Exception as error:
            self.log_exception(exc_info=error)
        finally:
            cast(Any, request)._task = None  # which would hold this request, and be held by it
            if self._task_handler is not None:  # else the connection is lost
                self._task_handler = loop_of_requests
            if goes_on and not self._close and not self._force_close:
                self._wait_again(waiter)
            else:
                self.force_close()
                waiter.cancel()

    def _wait_again(self, waiter: asyncio.Future[None]) -> None:
        self._keepalive = True
        self._next_keepalive_close_time = self._loop.time() + self._limits.keep_alive_seconds
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(
                self._next_keepalive_close_time, self._process_keepalive
            )
        self._waiter = waiter
        if self._messages and not waiter.done():
            waiter.set_result(None)

    # The answer: whether to make it, and the deadline for its reader.

    def _answer(self, request: BaseRequest) -> Awaitable[web.StreamResponse]:
        status = None if self.is_admitted else verdict(request._message, self._limits)
        return self._application(request) if status is None else _refused(status)

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer; aiohttp's own ``Server`` header would name versions."""
        self.leave_gate()
        resp.headers.setdefault(hdrs.SERVER, SERVER)
        if self._connections.draining or request._message.upgrade:
            # Behind an Upgrade that is not taken (RFC 9110 §7.8) aiohttp reads no further request, so whoever has sent
            # one already learns that it was not heard (RFC 9112 §9.6).
            resp.force_close()
        self._connections.has_answered(self)
        try:
            if not self._upgraded and is_whole(request, resp):
                return await self._send_whole(request, resp)
            return await super().finish_response(request, resp, start_time)
        except ValueError as error:
            # A control character in a header (A197): aiohttp finds it before it has sent anything.
            failed = self.handle_error(request, HTTPStatus.INTERNAL_SERVER_ERROR, error)
            return await super().finish_response(request, failed, start_time)

    async def _send_whole(
        self, request: BaseRequest, resp: web.StreamResponse
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer in one write. As of aiohttp, the second value is whether the client has gone."""
        answer = whole_bytes(resp)
        if self._wire is None or self._wire.is_closing():
            return resp, True
        cast(StreamWriter, request.writer).output_size += len(answer)
        self._wire.write(answer)
        if self._paused:
            try:
                await self._drain_helper()
            except ConnectionError:
                return resp, True
        return resp, False

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Each body that was read asks for this. Where nothing had made reading pause, aiohttp would let its parser
        look at no bytes."""
        if self._reading_paused or self._buffer_paused:
            super().resume_reading(resume_parser)

    def pause_writing(self) -> None:
        """The client has fallen behind. It has ``write_seconds`` to catch up."""
        super().pause_writing()
        self._write_deadline = self._loop.call_later(spread(self._limits.write_seconds), self._reader_late)

    def resume_writing(self) -> None:
        """The client has read everything."""
        super().resume_writing()
        _cancel(self._write_deadline)

    def _reader_late(self) -> None:
        REQUESTS_UNANSWERED.add("not_read")
        _log.info("response.cut")
        if self._wire is not None:
            self._wire.abort()

    # What aiohttp would report with the raw bytes, or with a traceback.

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's signature; its text quotes the input
    ) -> web.StreamResponse:
        """A bare answer to what the parser could not read, and one log line of our own."""
        if isinstance(exc, ConnectionError) or request.writer.output_size > 0:
            raise ConnectionError("the connection ended before its answer") from None
        kind = type(exc).__name__
        if isinstance(exc, HttpProcessingError):
            status = self._parser_status(exc)
            REQUESTS_UNANSWERED.add("unreadable")
            _log.info("request.unreadable", status=status, kind=kind)
        else:
            _log.error("request.failed", status=status, kind=kind)
        return _bare(HTTPStatus(status))

    def log_exception(self, *_args: Any, **more: Any) -> None:
        """aiohttp's last resort, without its traceback."""
        _log.warning("connection.failed", kind=type(more.get("exc_info")).__name__)

    def _parser_status(self, exc: HttpProcessingError) -> HTTPStatus:
        if not isinstance(exc, LineTooLong):
            return HTTPStatus.BAD_REQUEST
        too_long = exc.args[1]
        line = too_long == self._limits.request_line
        return HTTPStatus.REQUEST_URI_TOO_LONG if line else HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class _WatchedParser:
    """aiohttp's parser, which keeps to itself what the connection has taken."""

    __slots__ = ("_connection", "_parser")

    def __init__(self, parser: Any, connection: Connection) -> None:
        self._parser = parser
        self._connection = connection

    def feed_data(self, data: bytes) -> tuple[Any, bool, bytes]:
        """The messages that end in ``data``, whether what follows is no HTTP, and what follows."""
        parsed: tuple[Any, bool, bytes] = self._parser.feed_data(data)
        if len(parsed[0]) != 1:
            return parsed
        ((message, payload),) = parsed[0]
        if not self._connection.take(message, payload, len(data)):
            return parsed
        self._parser.message_consumed()
        return (), parsed[1], parsed[2]

    def message_consumed(self) -> None:
        """A message is being answered."""
        self._parser.message_consumed()

    def pause_reading(self) -> None:
        """The body that is being parsed has as much as may wait for its reader."""
        self._parser.pause_reading()

    def set_upgraded(self, upgraded: bool) -> None:
        """Whether what follows is no HTTP."""
        self._parser.set_upgraded(upgraded)


async def _refused(status: HTTPStatus) -> web.StreamResponse:
    REQUESTS_UNANSWERED.add("refused")
    _log.info("request.refused", status=status)
    return _bare(status)


def _bare(status: HTTPStatus) -> web.Response:
    response = web.Response(status=status, text=f"{status.value} {status.phrase}\n")
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    response.force_close()
    return response


def _bare_bytes(status: HTTPStatus, headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nServer: {SERVER}\r\n{headers}"
    return f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode("ascii")


def _cancel(deadline: asyncio.TimerHandle | None) -> None:
    if deadline is not None:
        deadline.cancel()
