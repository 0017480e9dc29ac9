"""``/ssf/streams``: a receiver creates, reads, changes and deletes its stream (SSF 1.0 §8.1.1)."""

from typing import Any, Final

from aiohttp import web

from authrim.core.sealed_rows import erasing_row
from authrim.crypto.ids import new_id
from authrim.signals._asked import MANAGE, SCOPES, Asked, asked, asked_stream_id
from authrim.signals._configuration import Configuration, read_configuration, shown
from authrim.signals.receivers import AUTHORIZATION, OWNER_KIND, Receiver, change_stream
from authrim.web.answers import json_answer
from domain.decision import Decision, refuse
from domain.errors import Refusal
from domain.signal.stream import (
    NOT_FOUND,
    Delivery,
    SignalStream,
    decide_change,
    decide_create,
    decide_delete,
)
from projections.rows import Row

_CREATED: Final = 201
_NO_CONTENT: Final = 204


async def create(request: web.Request) -> web.StreamResponse:
    """POST: a client has one stream."""
    ask = await asked(request, MANAGE)
    if isinstance(ask, web.Response):
        return ask
    document = await ask.body()
    wanted = document if isinstance(document, Refusal) else _wanted(ask, document, None)
    if isinstance(wanted, Refusal):
        return await ask.refused(wanted)
    client_id = ask.receiver.client.client_id
    whose = (client_id, new_id())
    answer = await change_stream(
        ask.call,
        client_id,
        lambda stream, head, now: decide_create(stream, whose, wanted.delivery, head, now),
        lambda: _rows(ask, wanted),
    )
    return await _answered(ask, answer, _CREATED)


async def read(request: web.Request) -> web.StreamResponse:
    """GET: the stream that is named, or without a name all of them, of which there is one at most (§8.1.1.2)."""
    ask = await asked(request, *SCOPES)
    if isinstance(ask, web.Response):
        return ask
    stream_id = asked_stream_id(request)
    if isinstance(stream_id, Refusal):
        return await ask.refused(stream_id)
    if stream_id is None:
        return web.json_response(
            [shown(ask.call.core, ask.receiver)] if ask.receiver.stream.client_id else []
        )
    refusal = ask.stream_refusal(stream_id)
    if refusal is not None:
        return await ask.refused(refusal)
    return json_answer(shown(ask.call.core, ask.receiver))


async def update(request: web.Request) -> web.StreamResponse:
    """PATCH: members that are left out stay (§8.1.1.3)."""
    return await _change(request, keeps=True)


async def replace(request: web.Request) -> web.StreamResponse:
    """PUT: members that are left out are taken away (§8.1.1.4)."""
    return await _change(request, keeps=False)


async def delete(request: web.Request) -> web.StreamResponse:
    """DELETE (§8.1.1.5)."""
    ask = await asked(request, MANAGE)
    if isinstance(ask, web.Response):
        return ask
    stream_id = asked_stream_id(request)
    refusal = (
        stream_id
        if isinstance(stream_id, Refusal)
        else ask.stream_refusal(stream_id) or await ask.change_refusal()
    )
    if refusal is not None:
        return await ask.refused(refusal)
    receiver = ask.receiver
    answer = await change_stream(
        ask.call,
        receiver.client.client_id,
        lambda stream, _head, now: decide_delete(stream, now),
        lambda: _all_erased(receiver),
        stream_id=receiver.stream.stream_id,
    )
    if isinstance(answer, Refusal):
        return await ask.refused(answer)
    return web.Response(status=_NO_CONTENT)


async def _change(request: web.Request, *, keeps: bool) -> web.StreamResponse:
    ask = await asked(request, MANAGE)
    if isinstance(ask, web.Response):
        return ask
    document = await ask.body()
    if isinstance(document, Refusal):
        return await ask.refused(document)
    refusal = ask.stream_refusal(document.get("stream_id"))
    if refusal is not None:
        return await ask.refused(refusal)
    wanted = Configuration(ask.receiver.stream.delivery)

    def decide(stream: SignalStream, _head: int, now: int) -> Decision[SignalStream]:
        """On the stream as it is now: the header of one address is never beside another (A299)."""
        nonlocal wanted
        read = _wanted(ask, document, stream.delivery if keeps else None)
        if isinstance(read, Refusal):
            return refuse(read)
        wanted = read if keeps or read.authorization is not None else Configuration(read.delivery, "")
        return decide_change(stream, wanted.delivery, now)

    answer = await change_stream(
        ask.call,
        ask.receiver.client.client_id,
        decide,
        lambda: _rows(ask, wanted),
        stream_id=ask.receiver.stream.stream_id,
    )
    return await _answered(ask, answer, 200)


def _wanted(ask: Asked, document: dict[str, Any], before: Delivery | None) -> Configuration | Refusal:
    return read_configuration(ask.call.core, ask.receiver, document, before)


async def _all_erased(receiver: Receiver) -> tuple[Row, ...]:
    return (erasing_row(receiver.tenant, OWNER_KIND, receiver.owner),)


async def _rows(ask: Asked, wanted: Configuration) -> tuple[Row, ...]:
    """The sealed row of the header for pushes."""
    receiver, header = ask.receiver, wanted.authorization
    if header is None:
        return ()
    if not header:
        return (erasing_row(receiver.tenant, OWNER_KIND, receiver.owner, AUTHORIZATION),)
    values = {AUTHORIZATION: header.encode()}
    return await ask.call.core.private.more_rows(receiver.tenant, OWNER_KIND, receiver.owner, values)


async def _answered(ask: Asked, answer: SignalStream | Refusal, status: int) -> web.Response:
    if isinstance(answer, Refusal):
        return await ask.refused(answer)
    if not answer.client_id:
        return await ask.refused(NOT_FOUND)
    receiver = Receiver(ask.receiver.tenant, ask.receiver.owner, ask.receiver.client, answer)
    response = json_answer(shown(ask.call.core, receiver))
    response.set_status(status)
    return response
