"""A small real server on the HTTP layer, and a client that sends bytes as they are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web

from authrim.store.contract import Overloaded
from authrim.web.errors import json_refusal
from authrim.web.middleware import middleware
from authrim.web.params import read_form, read_params
from authrim.wire.limits import Limits
from authrim.wire.listener import ListeningSite, start_site
from domain.errors import Refusal
from tests.support.patience import PATIENCE

#: The head of a form, but for its length.
FORM = b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
SEEN = web.AppKey("seen", list[str])
"""Every path that reached a handler."""


async def _form(request: web.Request) -> web.Response:
    request.app[SEEN].append(request.path)
    params = await read_form(request)
    if isinstance(params, Refusal):
        return json_refusal(params, error_id="e" * 32)
    answer = {
        "values": dict(params.values),
        "repeats": dict(params.repeats),
        "duplicates": sorted(params.duplicates),
    }
    return web.json_response(answer)


async def _authorize(request: web.Request) -> web.Response:
    request.app[SEEN].append(request.path)
    params = await read_params(request)
    if isinstance(params, Refusal):
        return json_refusal(params, error_id="e" * 32)
    return web.json_response(dict(params.values))


async def _hello(request: web.Request) -> web.Response:
    request.app[SEEN].append(request.path)
    return web.Response(text="hello")


async def _slow(request: web.Request) -> web.Response:
    request.app[SEEN].append(request.path)
    await asyncio.sleep(0.3)
    return web.Response(text="done")


async def _large(request: web.Request) -> web.Response:
    return web.Response(body=bytes(32 * 1024 * 1024))


async def _page(request: web.Request) -> web.Response:
    return web.Response(text="<p>a page", content_type="text/html")


async def _location(request: web.Request) -> web.Response:
    return web.Response(status=303, headers={"Location": "https://rp.example/\r\nSet-Cookie: a=b"})


async def _broken(request: web.Request) -> web.Response:
    raise KeyError("canary-secret")


async def _overloaded(request: web.Request) -> web.Response:
    raise Overloaded


def sample_app() -> web.Application:
    """The routes that the attacks aim at."""
    app = web.Application(middlewares=[middleware()])
    app[SEEN] = []
    app.router.add_post("/form", _form)
    app.router.add_route("*", "/authorize", _authorize, name="authorize")
    app.router.add_get("/hello", _hello)
    app.router.add_get("/slow", _slow)
    app.router.add_get("/large", _large)
    app.router.add_get("/page", _page)
    app.router.add_get("/location", _location)
    app.router.add_get("/broken", _broken)
    app.router.add_get("/overloaded", _overloaded)
    app.router.add_get("/smuggled", _hello)
    return app


@asynccontextmanager
async def serving(app: web.Application, limits: Limits | None = None) -> AsyncIterator[ListeningSite]:
    """The server of ``app`` on a free port of the loopback interface."""
    running = await start_site(app, "127.0.0.1", 0, limits=limits or Limits())
    try:
        yield running
    finally:
        await running.stop(0)


async def talk(port: int, *pieces: bytes, pause: float = 0.02, patience: float = PATIENCE) -> bytes:
    """Send the pieces one after another and return everything that comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for number, piece in enumerate(pieces):
            if number:
                await asyncio.sleep(pause)
            writer.write(piece)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), patience)
    finally:
        writer.close()


async def ask(port: int, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """One whole request and its answer: status, headers by lower-case name, body."""
    head, _, rest = request.partition(b"\r\n")
    answer = await talk(port, head + b"\r\nConnection: close\r\n" + rest)
    return parts(answer)


def parts(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by lower-case name and body of an answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(status_line.split()[1]), {name.lower(): value for name, value in headers.items()}, body


def post(
    path: str, body: bytes, content_type: str = "application/x-www-form-urlencoded", more: str = ""
) -> bytes:
    """The bytes of a POST."""
    framing = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: a\r\n{framing}{more}\r\n".encode() + body


def members(body: bytes) -> dict[str, object]:
    """A JSON object from an answer."""
    return msgspec.json.decode(body, type=dict[str, object])
