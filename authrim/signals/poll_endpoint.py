"""``/ssf/poll/{stream_id}``: a receiver fetches its tokens, and says which it has got (RFC 8936)."""

import asyncio
import re
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

from aiohttp import web

from authrim.core.growth import GROWTH
from authrim.signals._asked import SCOPES, Asked, asked
from authrim.signals.sign import sign
from authrim.signals.waiting import SIGNALS, Waiting
from authrim.web.answers import json_answer
from authrim.web.overload import wait_outside
from authrim.wire.endless import ENDLESS
from domain.errors import Refusal, invalid_request
from domain.signal.progress import WINDOW
from domain.signal.stream import ENABLED, POLL

#: Tokens of one answer.
MOST: Final = 250
USUAL: Final = 100
_LONGEST_ERROR: Final = 64
_NOT_ALLOWED: Final = re.compile(r"[^a-zA-Z0-9_.-]")

MALFORMED: Final = invalid_request(
    "The poll is malformed.", hint="maxEvents, returnImmediately, ack, setErrs.", section="RFC 8936 §2.2"
)
PUSHED: Final = invalid_request("The tokens of this stream are pushed.", section="SSF 1.0 §8.1.1")


class Poll(NamedTuple):
    """What a poll says (RFC 8936 §2.2). ``refused`` are error codes by ``jti``."""

    most: int
    at_once: bool
    got: tuple[str, ...]
    refused: dict[str, str]


async def poll(request: web.Request) -> web.StreamResponse:
    """POST. What is acknowledged is recorded before anything else is answered; without that it comes again."""
    ask = await asked(request, *SCOPES)
    if isinstance(ask, web.Response):
        return ask
    document = await ask.body(changes=False)
    wanted = document if isinstance(document, Refusal) else read_poll(document)
    refusal = ask.stream_refusal(request.match_info["stream_id"])
    if refusal is None and ask.receiver.stream.delivery.method != POLL:
        refusal = PUSHED
    if isinstance(wanted, Refusal) or refusal is not None:
        return await ask.refused(refusal or MALFORMED if not isinstance(wanted, Refusal) else wanted)
    signals, core = ask.call.parts[SIGNALS], ask.call.core
    if wanted.got or wanted.refused:
        await signals.record(core, ask.call, ask.receiver, wanted.got, wanted.refused)
    if ask.receiver.stream.status != ENABLED:
        return json_answer({"sets": {}})
    waiting = await _waiting(ask, wanted)
    sets = {
        token.event.token_id: await sign(core, ask.receiver, token) for token in waiting.tokens[: wanted.most]
    }
    answer: dict[str, Any] = {"sets": sets}
    if len(waiting.tokens) > wanted.most:
        answer["moreAvailable"] = True
    return json_answer(answer)


def read_poll(document: dict[str, Any]) -> Poll | Refusal:
    """The members of a poll."""
    most, at_once = document.get("maxEvents", USUAL), document.get("returnImmediately", False)
    got, errors = document.get("ack", []), document.get("setErrs", {})
    if type(most) is not int or most < 0 or type(at_once) is not bool:
        return MALFORMED
    if not isinstance(got, list) or not isinstance(errors, dict) or len(got) + len(errors) > WINDOW:
        return MALFORMED
    if not all(isinstance(one, str) for one in got):
        return MALFORMED
    refused: dict[str, str] = {}
    for token_id, error in errors.items():
        code = error.get("err") if isinstance(error, dict) else None
        if not isinstance(code, str):
            return MALFORMED
        refused[token_id] = _NOT_ALLOWED.sub("?", code)[:_LONGEST_ERROR]
    return Poll(min(most, MOST), at_once, tuple(got), refused)


async def _waiting(ask: Asked, wanted: Poll) -> Waiting:
    """What waits, or comes within the time that a poll may wait."""
    signals, core = ask.call.parts[SIGNALS], ask.call.core
    most = wanted.most + 1
    at_once = wanted.at_once or not wanted.most  # who wants none only acknowledges (RFC 8936 §2.4.2)
    seconds = 0 if at_once else core.settings.signals_poll_wait_seconds
    with ExitStack() as stack:
        wake, endless = asyncio.Event(), ask.request.app[ENDLESS]
        if seconds:
            stack.enter_context(ask.call.parts[GROWTH].wakes(wake))
            stack.enter_context(endless.wakes(wake))
        until = asyncio.get_running_loop().time() + seconds
        while True:
            wake.clear()
            waiting = await signals.waiting(core, ask.receiver, most)
            left = until - asyncio.get_running_loop().time()
            if waiting.tokens or left <= 0 or endless.over:
                return waiting
            wait_outside(ask.request)
            try:
                async with asyncio.timeout(left):
                    await wake.wait()
            except TimeoutError:
                return waiting
