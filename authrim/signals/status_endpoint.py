"""``/ssf/status``: whether a stream is enabled, paused or disabled (SSF 1.0 §8.1.2)."""

from typing import Any, Final

from aiohttp import web

from authrim.signals._asked import MANAGE, SCOPES, Asked, asked, asked_stream_id
from authrim.signals.receivers import change_stream
from authrim.web.answers import json_answer
from domain.errors import Refusal, invalid_request
from domain.signal.stream import STATUSES, SignalStream, decide_set_status

_LONGEST_REASON: Final = 200

UNUSABLE: Final = invalid_request(
    f"The status is none of {', '.join(STATUSES)}, or the reason is no text of at most {_LONGEST_REASON} characters.",
    section="SSF 1.0 §8.1.2.2",
)


async def read(request: web.Request) -> web.StreamResponse:
    """GET (§8.1.2.1)."""
    ask = await asked(request, *SCOPES)
    if isinstance(ask, web.Response):
        return ask
    stream_id = asked_stream_id(request)
    refusal = stream_id if isinstance(stream_id, Refusal) else ask.stream_refusal(stream_id)
    return await ask.refused(refusal) if refusal is not None else _shown(ask, ask.receiver.stream)


async def update(request: web.Request) -> web.StreamResponse:
    """POST (§8.1.2.2)."""
    ask = await asked(request, MANAGE)
    if isinstance(ask, web.Response):
        return ask
    document = await ask.body()
    refusal = document if isinstance(document, Refusal) else ask.stream_refusal(document.get("stream_id"))
    if isinstance(document, Refusal) or refusal is not None:
        return await ask.refused(refusal or UNUSABLE)
    status, reason = document.get("status"), document.get("reason", "")
    if status not in STATUSES or not _is_reason(reason):
        return await ask.refused(UNUSABLE)
    answer = await change_stream(
        ask.call,
        ask.receiver.client.client_id,
        lambda stream, head, now: decide_set_status(stream, status, reason, head, now),
        stream_id=ask.receiver.stream.stream_id,
    )
    return await ask.refused(answer) if isinstance(answer, Refusal) else _shown(ask, answer)


def _is_reason(reason: Any) -> bool:
    return isinstance(reason, str) and len(reason) <= _LONGEST_REASON and reason.isprintable()


def _shown(ask: Asked, stream: SignalStream) -> web.Response:
    document = {"stream_id": ask.receiver.stream.stream_id, "status": stream.status}
    return json_answer(document | ({"reason": stream.reason} if stream.reason else {}))
