"""Answers that are ready before their request is there: documents that are the same for everyone who asks.

Every verifier of tokens asks for the key set, and all of them get the same bytes. So the whole answer is made once a
second, as its Date says, and once the document is another one. A request for it is answered at the connection: nothing
is made of it but its line in the log and its place in the metrics. What has to be made for its caller goes the usual
way: for a script of another origin, for an older version of HTTP, for a name that is not ours.
"""

from time import perf_counter, time

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11, RawRequestMessage

from authrim.web.authority import OWN_NAMES, is_other_name
from authrim.web.discovery_endpoint import PublicDocument
from authrim.web.middleware import note_ready, protect
from authrim.wire.gate import Knocking
from authrim.wire.product import SERVER
from authrim.wire.whole_answer import whole_bytes


class ReadyAnswer:
    """The answer of a route whose document is public."""

    def __init__(self, app: web.Application, name: str, document: PublicDocument) -> None:
        self._app = app
        self._name = name
        self._document = document
        self._body = b""
        self._second = 0
        self._answer = b""

    def to(self, message: RawRequestMessage, by: Knocking) -> bytes | None:
        """The answer as it is sent, or None where it has to be made for this request. The gate has let pass what a
        script of another origin asks."""
        started, headers = perf_counter(), message.headers
        if message.version != HttpVersion11 or hdrs.EXPECT in headers:
            return None
        if by.ssl_context is not None and is_other_name(headers.get(hdrs.HOST), self._app[OWN_NAMES]):
            return None
        answer = self._as_of_now()
        note_ready(self._name, headers, perf_counter() - started)
        return answer

    def _as_of_now(self) -> bytes:
        body, second = self._document.body(self._app), int(time())
        if body is not self._body or second != self._second:
            self._answer = self._made(body)
            self._body, self._second = body, second
        return self._answer

    def _made(self, body: bytes) -> bytes:
        response = self._document.answer(self._app, body)
        protect(response)
        response.headers[hdrs.SERVER] = SERVER
        return whole_bytes(response)
