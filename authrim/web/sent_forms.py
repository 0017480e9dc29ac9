"""A form that is sent twice is answered once: an impatient second click leads on to where the first one led.

The browser gives up the first answer when it sends the form again, so the second must get the same one, with the
same code and the same cookies. The same form means the same address, the same bytes and the same origin. The form's
token is among the bytes, and is one browser's own. Cookies are not compared: the first answer may have changed them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from copy import deepcopy
from hashlib import sha256
from typing import Final

from aiohttp import hdrs, web

from authrim.web._body import read_body
from domain.errors import Refusal

#: Seconds that an answer is kept for a second click.
KEPT: Final = 10
#: Answers that a process keeps; beyond it a second click is a request like any other.
MOST: Final = 1000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SentForms:
    """The answers to the forms of the last seconds. One per process, never written down."""

    def __init__(self) -> None:
        self._answers: dict[bytes, asyncio.Future[web.Response | None]] = {}

    async def answer(self, key: bytes, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The handler's answer. If the same form was sent before, the answer to that one."""
        while (earlier := self._answers.get(key)) is not None:
            answered = await asyncio.shield(earlier)
            if answered is not None:
                return _again(answered)
        if len(self._answers) >= MOST:
            return await handler(request)
        self._answers[key] = future = asyncio.get_running_loop().create_future()
        answer: web.StreamResponse | None = None
        try:
            answer = await handler(request)
        finally:
            led_on = answer if isinstance(answer, web.Response) and answer.status < 400 else None
            future.set_result(None if led_on is None else _again(led_on))
            if led_on is None:
                del self._answers[key]
            else:
                asyncio.get_running_loop().call_later(KEPT, self._answers.pop, key, None)
        return answer


FORMS: Final = web.AppKey("sent_forms", SentForms)


def answered_once(handler: Handler) -> Handler:
    """Wrap the handler of one of our forms. Refusals are not kept, so each wrong password is counted."""

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await read_body(request)
        if isinstance(body, Refusal) or b"csrf=" not in body:
            return await handler(request)
        texts = (request.raw_path, *(request.headers.get(name, "") for name in _SAME))
        encoded = (*(text.encode("utf-8", "surrogateescape") for text in texts), body)
        key = sha256(b"".join(sha256(part).digest() for part in encoded)).digest()
        return await request.app[FORMS].answer(key, request, handler)

    return answer


#: Headers that tell the form's origin: they must be the same too.
_SAME: Final = (hdrs.CONTENT_TYPE, hdrs.ORIGIN, "Sec-Fetch-Site")


def _again(answer: web.Response) -> web.Response:
    """A copy of the unsent answer with headers and cookies: a response object can be sent only once."""
    return deepcopy(answer)
