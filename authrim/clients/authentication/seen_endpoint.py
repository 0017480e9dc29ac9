"""POST ``/doctor``: tells ``authrim doctor`` what the server saw of its request, and nobody else anything (A307)."""

import asyncio
from typing import Final

import msgspec
from aiohttp import hdrs, web

from authrim import __version__
from authrim.clients.authentication.shown_certificate import presented_certificate
from authrim.core.doctor_ticket import HEADER, use_ticket
from authrim.core.seen_request import (
    MALFORMED,
    MOST_PADDING,
    PADDING_HEADER,
    AskedOfServer,
    SeenRequest,
    hashed_settings,
)
from authrim.crypto.ids import new_id
from authrim.web.call import core_of
from authrim.web.errors import json_refusal
from authrim.web.json_body import read_json_object
from authrim.web.middleware import client_address
from authrim.web.params import raw_query
from authrim.web.proxies import PROXIES
from authrim.wire.forwarded import NO_PROXIES, is_in
from domain.errors import Refusal, invalid_request

_ASKED_UNREADABLE: Final = invalid_request("The question cannot be read.")


async def seen(request: web.Request) -> web.StreamResponse:
    """What the server saw. Without a ticket there is nothing at this address."""
    core = core_of(request)
    tickets = request.headers.getall(HEADER, ())
    ticket = tickets[0] if len(tickets) == 1 else ""
    key_id = await use_ticket(core.store, core.master, core.issuer, ticket, core.now())
    if key_id is None:
        raise web.HTTPNotFound
    document = await read_json_object(request, with_query=True)
    if isinstance(document, Refusal):
        return json_refusal(document, error_id=new_id())
    try:
        asked = msgspec.convert(document, AskedOfServer)
    except msgspec.ValidationError:
        return json_refusal(_ASKED_UNREADABLE, error_id=new_id())
    settings = await asyncio.to_thread(hashed_settings, core.settings, core.master, key_id)
    body = msgspec.json.encode(_seen_of(request, asked, settings))
    padding = "x" * max(0, min(asked.answer_bytes, MOST_PADDING))
    headers = {PADDING_HEADER: padding} if padding else {}
    return web.Response(body=body, content_type="application/json", headers=headers)


def _seen_of(request: web.Request, asked: AskedOfServer, settings: dict[str, str]) -> SeenRequest:
    proxies, peer = request.app.get(PROXIES, NO_PROXIES), request.remote or ""
    name = request.get_extra_info("peername")
    shown = presented_certificate(request)
    return SeenRequest(
        version=__version__,
        now=float(core_of(request).now()),
        source=client_address(request),
        peer=peer,
        peer_port=name[1] if isinstance(name, tuple) else 0,
        peer_is_proxy=is_in(peer, proxies.networks) or (proxies.by_socket and not peer),
        forwarded_for=tuple(request.headers.getall(hdrs.X_FORWARDED_FOR, ())),
        host=request.headers.get(hdrs.HOST, ""),
        secure=request.secure,
        client_certificate=MALFORMED if isinstance(shown, Refusal) else shown.x5t_s256 if shown else "",
        headers=tuple(dict.fromkeys(name.lower() for name in request.headers)),
        query_bytes=len(raw_query(request)),
        body_bytes=len(asked.padding),
        settings=settings,
    )
