"""Ready answers: what the connection says of public documents without making a request."""

import re
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from authrim.core.signing_keys import rotate_key
from authrim.metrics.catalogue import REQUESTS
from authrim.metrics.snapshot import take
from authrim.server.app import make_app
from authrim.wire.limits import Limits
from domain.stream import DEFAULT_TENANT
from tests.attacks.raw_http import serving, talk
from tests.support.running import RunningServer

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

_LAST = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
_PATHS = ("/jwks", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
_PARENT = "4bf92f3577b34da6a3ce929d0e0e4736"


def _requests() -> dict[str, bytes]:
    asked = {path: f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for path in _PATHS}
    jwks = asked["/jwks"]
    return asked | {
        "query": jwks.replace(b"/jwks", b"/jwks?a=b"),
        "head": jwks.replace(b"GET", b"HEAD"),
        "post": jwks.replace(b"GET", b"POST"),
        "origin": jwks.replace(b"Host: a", b"Host: a\r\nOrigin: https://rp.example"),
        "old version": jwks.replace(b"1.1", b"1.0").replace(b"Host: a", b"Connection: keep-alive"),
        "expect": jwks.replace(b"Host: a", b"Host: a\r\nExpect: 100-continue"),
        "body": jwks.replace(b"Host: a", b"Host: a\r\nContent-Length: 1") + b"x",
        "escaped": jwks.replace(b"/jwks", b"/jwk%73"),
        "three at once": jwks * 3,
    }


@web.middleware
async def _around(request: web.Request, handler: Any) -> web.StreamResponse:
    answer: web.StreamResponse = await handler(request)
    return answer


async def _answers(app: web.Application) -> dict[str, bytes]:
    async with serving(app) as running:
        said = {name: await talk(running.port, sent, sent, _LAST) for name, sent in _requests().items()}
    return {
        name: re.sub(rb"(Date|Authrim-Error-Id): [^\r]+|\"error_id\":\"\w+\"", rb"\1: x", answer)
        for name, answer in said.items()
    }


async def test_a_ready_answer_is_the_one_that_would_be_made(server: RunningServer) -> None:
    """A197, A215: public documents have the same bytes whether the answer is ready or made, and the connection goes on
    behind them."""
    ready = await _answers(make_app(server.parts, Limits()))
    assert ready == await _answers(make_app(server.parts, Limits(), [_around]))
    for path in _PATHS:
        assert ready[path].count(b"HTTP/1.1 200 OK") == 3
        assert ready[path].count(b"X-Content-Type-Options: nosniff") == 3


async def test_no_request_is_made_for_a_ready_answer(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A304, A305: a ready answer is counted under the name of its route, and its line has the caller's trace."""

    def count() -> float:
        return take(0).counters[REQUESTS.name].get(("jwks", "GET", "200"), 0)

    def never(*_: object) -> None:
        raise AssertionError("a request was made")

    monkeypatch.setattr("authrim.wire._connection.Connection._begin_turn", never)
    monkeypatch.setattr("authrim.wire._connection.Connection._answer", never)
    parent = f"traceparent: 00-{_PARENT}-00f067aa0ba902b7-01"
    asked = f"GET /jwks HTTP/1.1\r\nHost: a\r\n{parent}\r\n\r\n".encode()
    with capture_logs() as lines:
        async with serving(make_app(server.parts, Limits())) as running:
            before = count()
            answer = await talk(running.port, asked, asked, _LAST.replace(b"/health/live", b"/jwks"))
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert count() == before + 2
    told = [line for line in lines if line["event"] == "request"]
    assert [(line["trace_id"], line["route"], line["status"]) for line in told] == [
        (_PARENT, "jwks", 200)
    ] * 2


async def test_a_new_key_is_in_the_next_answer(server: RunningServer) -> None:
    """A176: what is ready is never older than the keys: a rotated key is in the very next answer."""
    core, asked = server.core, _requests()["/jwks"]
    async with serving(make_app(server.parts, Limits())) as running:
        before = await talk(running.port, asked, _LAST)
        made = await rotate_key(core.store, core.private, core.configuration, DEFAULT_TENANT, "ES256")
        after = await talk(running.port, asked, _LAST)
    kid = getattr(made, "kid").encode()  # noqa: B009
    assert kid not in before
    assert kid in after
