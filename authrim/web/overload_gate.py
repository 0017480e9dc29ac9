"""Refuses at the connection what overload refuses, with answers that were made before (F40), and answers there what
everyone gets the same bytes for.

A refusal in the middleware costs a good part of an answer: with some times the load that a process can answer, it would
do nothing else. What has to be made for its caller stays there, such as an answer that a script of another origin may
read.
"""

from collections.abc import Callable, Hashable, Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

from aiohttp import hdrs, web
from aiohttp.http import RawRequestMessage

from authrim.metrics.requests import count_request
from authrim.pages.headers import ERROR_ID_HEADER, prefers_json
from authrim.pages.translations import choose_locale
from authrim.web.errors import json_refusal
from authrim.web.middleware import protect
from authrim.web.overload import OVERLOADED, Overload, Urgency
from authrim.web.ready_answers import ReadyAnswer
from authrim.wire.gate import Entry, Knocking
from authrim.wire.product import SERVER

#: A route as a head names it: the method and the path.
Target = tuple[str, str]


#: Characters of a header that are looked at to choose a page.
_LOOKED_AT: Final = 256


class GatedRoute(NamedTuple):
    """A route whose requests can be refused by their head: its name, its urgency, whether people see the answer, and
    the answer to most of its requests if that is ready."""

    name: str
    urgency: Urgency
    is_page: bool
    ready: ReadyAnswer | None = None


class OverloadGate:
    """The gate of a server. ``page`` makes the page in a language that says that there is too much to do."""

    def __init__(
        self, overload: Overload, routes: Mapping[Target, GatedRoute], page: Callable[[str], web.Response],
        default_locale: str,
    ) -> None:  # fmt: skip
        self._overload = overload
        self._routes = dict(routes)
        self._page = page
        self._default_locale = default_locale
        self._answer: Final = _as_sent(json_refusal(OVERLOADED, error_id=""))
        self._pages: dict[str, bytes] = {}
        self._admitted: set[Hashable] = set()

    def decide(self, message: RawRequestMessage, by: Knocking) -> bytes | Entry:
        """The answer to a request that gives way, or the one that is ready."""
        route = self._routes.get((message.method, message.path.partition("?")[0]))
        if route is None or hdrs.ORIGIN in message.headers:
            return Entry.NOT_ASKED
        name, urgency, is_page, ready = route
        if ready is not None and (answer := ready.to(message, by)) is not None:
            return answer  # a refusal would take as long
        if self._overload.refuse(urgency) is not None:
            count_request(name, message.method, HTTPStatus.SERVICE_UNAVAILABLE, 0.0)
            return self._page_for(message) if is_page else self._answer
        self.let_in(by)
        return Entry.ADMITTED

    def let_in(self, by: Hashable) -> None:
        """A request is in progress, whichever way it came."""
        self._admitted.add(by)
        self._overload.in_progress = len(self._admitted)

    def leave(self, by: Hashable) -> None:
        """A request is answered, or its client gone."""
        if by in self._admitted:
            self._admitted.discard(by)
            self._overload.in_progress = len(self._admitted)
            self._overload.ended += 1

    def _page_for(self, message: RawRequestMessage) -> bytes:
        """The page in the language of a browser, or JSON where that is preferred."""
        if prefers_json(message.headers.get(hdrs.ACCEPT, "")[:_LOOKED_AT]):
            return self._answer
        languages = message.headers.get(hdrs.ACCEPT_LANGUAGE, "")[:_LOOKED_AT]
        locale = choose_locale("", languages, self._default_locale)
        if locale not in self._pages:
            self._pages[locale] = _as_sent(self._page(locale))
        return self._pages[locale]


def _as_sent(response: web.Response) -> bytes:
    """The answer as bytes. It names no error: no line in the log does either (docs/designs/0037)."""
    protect(response)
    response.headers.popall(ERROR_ID_HEADER, None)
    response.headers[hdrs.SERVER] = SERVER
    body = response.body
    assert isinstance(body, bytes)
    response.headers[hdrs.CONTENT_LENGTH] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
    status = HTTPStatus(response.status)
    return f"HTTP/1.1 {status.value} {status.phrase}\r\n{lines}\r\n".encode("ascii") + body
