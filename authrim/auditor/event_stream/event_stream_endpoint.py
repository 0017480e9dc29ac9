"""``/events``: the events of the log by position, as server-sent events or JSON lines, as they happen.

A reader is a client with a token of its own. Each stream reads the log by itself, one page at a time, and reads on when
its reader has taken that page: so one that is slow delays nobody, and no stream holds more than a page.
"""

import asyncio
from contextlib import ExitStack
from typing import Final

from aiohttp import hdrs, web

from authrim.auditor.event_stream._asked import Asked, read_asked
from authrim.auditor.event_stream._rows import EventStreamForm, Form, JsonLinesForm, rows_of
from authrim.auditor.event_stream.part import EVENT_STREAMS
from authrim.core.call import Call
from authrim.core.growth import GROWTH
from authrim.core.questions import Question, record_question_of
from authrim.store.contract import StoreError
from authrim.tokens.access_tokens import PresentedToken
from authrim.tokens.part import TOKENS
from authrim.tokens.protected_resource_endpoint import described
from authrim.tokens.resource import Wanted, token_for
from authrim.web.answers import refuse_as_json
from authrim.web.call import call_of, core_of
from authrim.web.overload import wait_outside
from authrim.web.request_facts import facts_of
from authrim.wire.endless import ENDLESS
from domain.client.resource import event_stream as resource_of
from domain.errors import Refusal, invalid_request

ENDPOINT: Final = "events"
#: The scope value that a token needs.
SCOPE: Final = "audit:events"

#: Events of the log that are read at once, and bytes that wait for a reader at most, roughly.
PAGE: Final = 200
#: Seconds after a page that was not full: what comes meanwhile is read together.
LINGER: Final = 0.05
#: Streams that one client may begin per minute; each is recorded.
BEGUN_PER_MINUTE: Final = 60

TOO_OFTEN: Final = Refusal(
    "temporarily_unavailable",
    "The client begins streams too often.",
    hint="Keep one open.",
    reason="event_streams_begun_too_often",
    status=429,
    retry_after=60,
)
BEYOND: Final = invalid_request(
    "The position is beyond the end of the log.",
    hint="The log is not the one that was read, or the number is wrong.",
)

#: Why a stream ends that could go on.
TOKEN_ENDED: Final = "token_not_active"  # noqa: S105 - a reason
SERVER_STOPS: Final = "server_stops"
STORE_AWAY: Final = "temporarily_unavailable"
END_OF_LOG: Final = "end_of_log"


async def metadata(request: web.Request) -> web.StreamResponse:
    """GET ``/.well-known/oauth-protected-resource/events`` (RFC 9728 §3)."""
    return described(request, resource_of(core_of(request).issuer), (SCOPE,))


async def events(request: web.Request) -> web.StreamResponse:
    """GET ``/events``."""
    call = call_of(request)
    presented = await token_for(request, call, ENDPOINT, Wanted(resource_of(call.core.issuer), (SCOPE,)))
    if isinstance(presented, web.Response):
        return presented
    client_id = presented.issued.client_id
    call, streams = call.of_client(client_id), call.parts[EVENT_STREAMS]
    asked = read_asked(request)
    refusal = asked if isinstance(asked, Refusal) else streams.refusal(client_id)
    if isinstance(asked, Refusal) or refusal is not None:
        return await refuse_as_json(request, call, ENDPOINT, refusal or BEYOND, client_known=True)
    with streams.counted(client_id):
        after = await _begin(call, asked)
        if isinstance(after, Refusal):
            return await refuse_as_json(request, call, ENDPOINT, after, client_known=True)
        form = JsonLinesForm() if asked.json_lines else EventStreamForm()
        response = await _started(request, form)
        with ExitStack() as stack:
            wake = asyncio.Event()
            stack.enter_context(call.parts[GROWTH].wakes(wake))
            stack.enter_context(request.app[ENDLESS].wakes(wake))
            await _Stream(request, call, presented, asked, form).run(response, wake, after)
        return response


async def _begin(call: Call, asked: Asked) -> int | Refusal:
    """The position to begin after. Whoever reads the log is recorded before they get any of it."""
    head = (await call.core.store.head()).position
    after = head if asked.after is None else asked.after
    if after > head:
        return BEYOND
    counted = await call.core.store.count(f"event_streams:{call.tenant}:{call.client_id}", 60)
    if counted > BEGUN_PER_MINUTE:
        return TOO_OFTEN
    conditions, subject = asked.recorded_conditions(after), asked.conditions.get("subject")
    question = Question(ENDPOINT, "", conditions, subject, exported=True)
    return await record_question_of(call, question) or after


async def _started(request: web.Request, form: Form) -> web.StreamResponse:
    headers = {
        hdrs.CONTENT_TYPE: form.media_type,
        hdrs.CACHE_CONTROL: "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Accel-Buffering": "no",  # nginx would keep events back
    }
    response = web.StreamResponse(headers=headers | facts_of(request).late_headers)
    await response.prepare(request)
    wait_outside(request)
    if form.begin:
        await response.write(form.begin)
    return response


class _Stream:
    """One reader's stream."""

    def __init__(
        self, request: web.Request, call: Call, presented: PresentedToken, asked: Asked, form: Form
    ) -> None:
        self._endless = request.app[ENDLESS]
        self._call = call
        self._presented = presented
        self._asked = asked
        self._form = form

    async def run(self, response: web.StreamResponse, wake: asyncio.Event, after: int) -> None:
        """Send page after page until there is a reason to end."""
        try:
            reason = await self._send(response, wake, after)
        except StoreError:  # the answer has begun: its reader comes back, and goes on where it was
            reason = STORE_AWAY
        await response.write(self._form.end(reason))
        await response.write_eof()

    async def _send(self, response: web.StreamResponse, wake: asyncio.Event, after: int) -> str:
        store, position, told = self._call.core.store, after, after
        while True:
            wake.clear()
            page = await store.read_log(position, PAGE)
            # Looked at after the page was read: what is in the log after a revocation is never sent.
            if not await self._may_go_on():
                return SERVER_STOPS if self._endless.over else TOKEN_ENDED
            rows = rows_of(page, self._asked)
            if page:
                position = page[-1].position
            if rows:
                await response.write(self._form.rows(rows))
                told = rows[-1].position
            if len(page) < PAGE:
                if not self._asked.follow:
                    return END_OF_LOG
                if not await self._wait(wake):
                    await response.write(self._form.heartbeat(position))
                    told = position
            elif (
                position - told >= 50 * PAGE
            ):  # much of the log is not asked for: a reader need not read that again
                await response.write(self._form.heartbeat(position))
                told = position

    async def _may_go_on(self) -> bool:
        if self._endless.over:
            return False
        access_tokens = self._call.parts[TOKENS].access_tokens
        now = await access_tokens.again(self._call.tenant, self._presented)
        return now is not None and now.is_active

    async def _wait(self, wake: asyncio.Event) -> bool:
        """Wait for the log to grow. False: it has not, for as long as a reader may wait, or the token lives."""
        core = self._call.core
        left = self._presented.issued.expires_at - core.now()
        try:
            async with asyncio.timeout(max(0.1, min(core.settings.event_stream_heartbeat_seconds, left))):
                await wake.wait()
                await asyncio.sleep(LINGER)
        except TimeoutError:
            return False
        return True
