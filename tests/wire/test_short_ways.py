"""The short ways past aiohttp's router and writer: what they answer, and that aiohttp answers the same."""

import re
from typing import Any

import pytest
from aiohttp import web

from tests.attacks.raw_http import FORM, sample_app, serving, talk

_LAST = b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
_REQUESTS = {
    "exact": b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
    "query": b"GET /hello?a=%2F HTTP/1.1\r\nHost: a\r\n\r\n",
    "escaped": b"GET /hell%6f HTTP/1.1\r\nHost: a\r\n\r\n",
    "slash behind": b"GET /hello/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "slash before": b"GET //hello HTTP/1.1\r\nHost: a\r\n\r\n",
    "up": b"GET /x/../hello HTTP/1.1\r\nHost: a\r\n\r\n",
    "head": b"HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n",
    "another method": b"DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n",
    "small letters": b"get /hello HTTP/1.1\r\nHost: a\r\n\r\n",
    "any method": b"PUT /authorize HTTP/1.1\r\nHost: a\r\n\r\n",
    "behind any": b"GET /authorize?a=b HTTP/1.1\r\nHost: a\r\n\r\n",
    "variable": b"GET /of/somebody HTTP/1.1\r\nHost: a\r\n\r\n",
    "nothing there": b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n",
    "expect": FORM + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\na=b",
    "form": FORM + b"Content-Length: 3\r\n\r\na=b",
    "chunked form": FORM + b"Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n",
    "page": b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n",
    "header with a line end": b"GET /location HTTP/1.1\r\nHost: a\r\n\r\n",
    "failure": b"GET /broken HTTP/1.1\r\nHost: a\r\n\r\n",
    "no body": b"GET /no-body HTTP/1.1\r\nHost: a\r\n\r\n",
    "no content": b"GET /no-content HTTP/1.1\r\nHost: a\r\n\r\n",
    "cookie": b"GET /cookie HTTP/1.1\r\nHost: a\r\n\r\n",
    "compressed": b"GET /compressed HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n",
    "streamed": b"GET /streamed HTTP/1.1\r\nHost: a\r\n\r\n",
    "old version": b"GET /hello HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
}


async def _named(request: web.Request) -> web.Response:
    return web.Response(text=f"{request.match_info['name']} {request.match_info.route.name}")


async def _no_body(_request: web.Request) -> web.Response:
    return web.Response(status=303, headers={"Location": "/hello"})


async def _no_content(_request: web.Request) -> web.Response:
    return web.Response(status=204)


async def _cookie(_request: web.Request) -> web.Response:
    response = web.Response(text="hello")
    response.set_cookie("a", "b")
    return response


async def _compressed(_request: web.Request) -> web.Response:
    response = web.Response(text="hello" * 100)
    response.enable_compression()
    return response


async def _streamed(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"hello")
    return response


def _app() -> web.Application:
    app = sample_app()
    app.router.add_get("/of/{name}", _named, name="of")
    app.router.add_get("/no-body", _no_body)
    app.router.add_get("/no-content", _no_content)
    app.router.add_get("/cookie", _cookie)
    app.router.add_get("/compressed", _compressed)
    app.router.add_get("/streamed", _streamed)
    return app


async def _answers() -> dict[str, bytes]:
    """All that comes back for each request and one more on the same connection, but for times and ids."""
    async with serving(_app()) as running:
        said = {name: await talk(running.port, request, _LAST) for name, request in _REQUESTS.items()}
    return {
        name: re.sub(rb"(Date|Authrim-Error-Id): [^\r]+", rb"\1: x", answer) for name, answer in said.items()
    }


async def test_the_short_ways_answer_as_aiohttp_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A197, A215: whether a request takes the short ways or aiohttp's own, it gets the same bytes, and the next request
    of the connection is answered."""
    short = await _answers()

    class OwnWay:
        def __init__(self, _app: web.Application, otherwise: Any) -> None:
            self.answer = otherwise

    monkeypatch.setattr("authrim.wire.listener.ExactPaths", OwnWay)
    monkeypatch.setattr("authrim.wire._connection.is_whole", lambda *_: False)
    assert short == await _answers()
    assert short["exact"].count(b"HTTP/1.1 200 OK") == 2
    assert short["header with a line end"].startswith(b"HTTP/1.1 500 ")


async def test_an_exact_path_takes_the_short_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request for the exact path of a route goes past aiohttp's router, and its answer past aiohttp's writer."""

    async def never(*_: object) -> web.StreamResponse:
        raise AssertionError("aiohttp's own way")

    app = _app()
    monkeypatch.setattr(type(app.router), "resolve", never)
    monkeypatch.setattr(web.Response, "prepare", never)
    async with serving(app) as running:
        exact = _REQUESTS["exact"]
        answer = await talk(running.port, exact, exact, _LAST.replace(b"hello", b"nothing"))
    assert answer.count(b"HTTP/1.1 200 OK") == 2
