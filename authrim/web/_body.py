"""Reads a request body within the limits of size and time: no sender holds memory or a connection (A217, A218)."""

import asyncio

from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from authrim.web.overload import let_in
from authrim.web.request_facts import facts_of
from authrim.wire.limits import LIMITS, spread
from domain.errors import Refusal, invalid_request


async def read_body(request: web.Request) -> bytes | Refusal:
    """The whole body, or a refusal with status 413 (too large), 408 (too late) or 400 (malformed framing). It is read
    once, however often it is asked for."""
    facts = facts_of(request)
    if facts.body is None:
        facts.body = await _read(request)
    return facts.body


async def _read(request: web.Request) -> bytes | Refusal:
    limits = request.app[LIMITS]
    content = request.content
    if content.is_eof():
        # The usual case: the body came with the head, so there is nothing to wait for.
        return _within(content.read_nowait(), limits.body_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(spread(limits.body_seconds)):
            while chunk := await content.readany():
                body += chunk
                if len(body) > limits.body_bytes:
                    break
    except TimeoutError:
        return Refusal("invalid_request", "The body came too slowly.", section="RFC 9110 §15.5.9", status=408)
    except RequestPayloadError:
        return invalid_request("The body is malformed.", section="RFC 9112 §7.1")
    let_in(request)
    return _within(bytes(body), limits.body_bytes)


def _within(body: bytes, most: int) -> bytes | Refusal:
    if len(body) <= most:
        return body
    return Refusal(
        "invalid_request",
        "The body is too large.",
        hint=f"At most {most} bytes are read.",
        section="RFC 9110 §15.5.14",
        status=413,
    )
