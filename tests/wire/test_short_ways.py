"""The short ways past aiohttp's router, writer and loop over requests: what they answer, and that aiohttp answers the
same."""

import asyncio
import re
from importlib import import_module
from typing import Any

import pytest
from aiohttp import web

from authrim.wire.limits import Limits
from tests.attacks.raw_http import FORM, sample_app, serving, talk
from tests.support.patience import PATIENCE

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

        def find(self, _message: object) -> None:
            return None

    monkeypatch.setattr("authrim.wire.listener.ExactPaths", OwnWay)
    monkeypatch.setattr("authrim.wire._connection.is_whole", lambda *_: False)
    assert short == await _answers()
    assert short["exact"].count(b"HTTP/1.1 200 OK") == 2
    assert short["header with a line end"].startswith(b"HTTP/1.1 500 ")


async def test_an_exact_path_takes_the_short_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request for the exact path of a route goes past aiohttp's queue and router, and its answer past aiohttp's
    writer."""

    async def never(*_: object) -> web.StreamResponse:
        raise AssertionError("aiohttp's own way")

    app = _app()
    monkeypatch.setattr(type(app.router), "resolve", never)
    monkeypatch.setattr(web.Response, "prepare", never)
    turns: list[Any] = []
    connection: Any = import_module("authrim.wire._connection").Connection
    begin = connection._begin_turn
    monkeypatch.setattr(connection, "_begin_turn", lambda *of: (turns.append(of), begin(*of)))
    async with serving(app) as running:
        exact = _REQUESTS["exact"]
        answer = await talk(running.port, exact, exact, _LAST.replace(b"hello", b"nothing"))
    assert answer.count(b"HTTP/1.1 200 OK") == len(turns) == 2


async def test_what_comes_behind_a_request_waits_for_it() -> None:
    """RFC 9112 §9.3.2: requests that come while another one is being answered are answered after it, in their order,
    and the connection goes on."""
    slow = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
    async with serving(_app()) as running:
        answer = await talk(
            running.port,
            slow,
            _REQUESTS["exact"],
            _REQUESTS["variable"] + _REQUESTS["form"],
            _REQUESTS["page"],
            b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
            _LAST,
        )
    bodies = [b"done", b"hello", b"somebody of", b'"values"', b"<p>a page", b"hello", b"hello"]
    places = [0]
    for body in bodies:
        places.append(answer.find(body, places[-1]) + len(body))
    assert places == sorted(set(places))
    assert answer.count(b"HTTP/1.1 200 OK") == len(bodies)


async def test_a_client_that_leaves_in_between_leaves_nothing_behind() -> None:
    """A218: a request whose client has gone is handled to its end, and only then its connection's place is free."""
    app = _app()
    ended = asyncio.Event()

    async def noted(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.1)
        ended.set()
        return web.Response(text="late")

    app.router.add_get("/noted", noted)
    async with serving(app, Limits(connections=2)) as running:
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"GET /noted HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.sleep(0.05)
        writer.close()
        await asyncio.sleep(0.02)
        counted = running._runner.counted
        assert (counted._total, ended.is_set()) == (1, False)
        async with asyncio.timeout(PATIENCE):
            await counted.none_left()
        assert ended.is_set()
        assert {task.get_name() for task in asyncio.all_tasks()} == {asyncio.current_task().get_name()}  # type: ignore[union-attr]
