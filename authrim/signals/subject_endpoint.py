"""``/ssf/subjects/…``: of whom a receiver wants to hear (SSF 1.0 §8.1.3).

A stream has everybody whom the receiver's client knows. A subject that is removed is left out from then on. Whether
there is such a person, and whether the client knows them, no answer tells.
"""

from typing import Final

from aiohttp import web

from authrim.signals._asked import MANAGE, asked
from authrim.signals._subjects import hidden_name, read_subject
from authrim.signals.receivers import change_stream
from domain.errors import Refusal
from domain.signal.stream import decide_add_subject, decide_remove_subject

_NO_CONTENT: Final = 204


async def add(request: web.Request) -> web.StreamResponse:
    """POST ``/ssf/subjects/add`` (§8.1.3.2)."""
    return await _change(request, removes=False)


async def remove(request: web.Request) -> web.StreamResponse:
    """POST ``/ssf/subjects/remove`` (§8.1.3.3)."""
    return await _change(request, removes=True)


async def _change(request: web.Request, *, removes: bool) -> web.StreamResponse:
    ask = await asked(request, MANAGE)
    if isinstance(ask, web.Response):
        return ask
    document = await ask.body()
    if isinstance(document, Refusal):
        return await ask.refused(document)
    refusal, subject = ask.stream_refusal(document.get("stream_id")), read_subject(document.get("subject"))
    if refusal is not None:
        return await ask.refused(refusal)
    if isinstance(subject, Refusal):
        return await ask.refused(subject)
    name = hidden_name(ask.call.core, ask.receiver, subject)
    decide = decide_remove_subject if removes else decide_add_subject
    answer = await change_stream(
        ask.call,
        ask.receiver.client.client_id,
        lambda stream, _head, now: decide(stream, name, now),
        stream_id=ask.receiver.stream.stream_id,
    )
    if isinstance(answer, Refusal):
        return await ask.refused(answer)
    return web.Response(status=_NO_CONTENT) if removes else web.Response()
