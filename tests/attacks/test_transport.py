"""A215 to A218, F23, F27 and F33: what happens below HTTP's meaning, over real sockets and raw bytes."""

import asyncio
import contextlib
import ipaddress
import os
import subprocess
import sys
import time

import msgspec
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from authrim.wire.forwarded import Proxies, behind_proxies, source_of
from authrim.wire.limits import Limits
from authrim.wire.listener import start_site
from tests.attacks.raw_http import FORM, SEEN, ask, parts, post, sample_app, serving, talk
from tests.support.patience import LATER, PATIENCE

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"

AMBIGUOUS = {
    "CL.TE": FORM + b"Content-Length: 6\r\n" + CHUNKED + b"0\r\n\r\n" + SMUGGLED,
    "TE.CL": FORM
    + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n"
    + SMUGGLED
    + b"0\r\n\r\n",
    "two lengths": FORM + b"Content-Length: 0\r\nContent-Length: 36\r\n\r\n" + SMUGGLED,
    "one length twice": FORM + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\na=b" + SMUGGLED,
    "list of lengths": FORM + b"Content-Length: 3, 3\r\n\r\na=b" + SMUGGLED,
    "signed length": FORM + b"Content-Length: +3\r\n\r\na=b" + SMUGGLED,
    "hexadecimal length": FORM + b"Content-Length: 0x3\r\n\r\na=b" + SMUGGLED,
    "unicode digit in length": FORM + "Content-Length: \uff13\r\n\r\na=b".encode() + SMUGGLED,
    "underscore in length": FORM + b"Content-Length: 1_0\r\n\r\na=b" + SMUGGLED,
    "unknown coding": FORM + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "no coding beside a length": FORM + b"Transfer-Encoding:\r\nContent-Length: 3\r\n\r\na=b" + SMUGGLED,
    "no coding twice": FORM
    + b"Transfer-Encoding: \r\nTransfer-Encoding:\t\r\nContent-Length: 3\r\n\r\na=b"
    + SMUGGLED,
    "chunked is not last": FORM + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two codings": FORM + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "coding twice": FORM + b"Transfer-Encoding: chunked\r\n" + CHUNKED + b"0\r\n\r\n" + SMUGGLED,
    "space before colon": FORM + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "folded header": FORM + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "vertical tab": FORM + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "kelvin sign": FORM + "Transfer-Encoding: chun\u212aed\r\n\r\n0\r\n\r\n".encode() + SMUGGLED,
    "long s in a name": FORM + "Tran\u017ffer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode() + SMUGGLED,
    "chunked in HTTP/1.0": FORM.replace(b"1.1", b"1.0") + CHUNKED + b"0\r\n\r\n" + SMUGGLED,
    "chunked in HTTP/1.0 that is kept": FORM.replace(b"1.1", b"1.0")
    + b"Connection: keep-alive\r\n"
    + CHUNKED
    + b"3\r\na=b\r\n0\r\n\r\n"
    + SMUGGLED,
    "bare LF": b"POST /form HTTP/1.1\nHost: a\nContent-Length: 0\n\n" + SMUGGLED,
    "bare CR": FORM + b"X: a\rContent-Length: 36\r\n\r\n" + SMUGGLED,
    "NUL in a header": FORM + b"X: a\0b\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
    "LF in a chunk extension": FORM + CHUNKED + b"2;a\nxx\r\n0\r\n\r\n" + SMUGGLED,
    "LF after a chunk size": FORM + CHUNKED + b"3\na=b\n0\n\n" + SMUGGLED,
    "hexadecimal prefix": FORM + CHUNKED + b"0x3\r\na=b\r\n0\r\n\r\n" + SMUGGLED,
    "space after a chunk size": FORM + CHUNKED + b"3 \r\na=b\r\n0\r\n\r\n" + SMUGGLED,
    "negative chunk": FORM + CHUNKED + b"-3\r\na=b\r\n0\r\n\r\n" + SMUGGLED,
    "unicode digit in a chunk size": FORM + CHUNKED + "\uff13\r\na=b\r\n0\r\n\r\n".encode() + SMUGGLED,
    "chunk size overflow": FORM + CHUNKED + b"10000000000000003\r\na=b\r\n0\r\n\r\n" + SMUGGLED,
    "no CRLF after a chunk": FORM + CHUNKED + b"3\r\na=bX0\r\n\r\n" + SMUGGLED,
    "framing in trailers": FORM + CHUNKED + b"3\r\na=b\r\n0\r\nContent-Length: 99\r\n\r\n" + SMUGGLED,
    "two hosts": b"GET /smuggled HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no host": b"GET /smuggled HTTP/1.1\r\n\r\n",
    **{
        f"host {host}": b"GET /smuggled HTTP/1.1\r\nHost: " + host.encode() + b"\r\n\r\n"
        for host in ("a b", "a/b", "a@b", "a:b", "[::1", "::1", "\xe4.example", "a\\b", "a?b")
    },
    "absolute form": b"GET http://b/smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    "authority form": b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "fragment": b"GET /smuggled#a HTTP/1.1\r\nHost: a\r\n\r\n",
    "space before a name": b"GET /smuggled HTTP/1.1\r\n Host: a\r\n\r\n",
    "HTTP/0.9": b"GET /smuggled\r\n\r\n",
    "HTTP/2 as a version": b"GET /smuggled HTTP/2.0\r\nHost: a\r\n\r\n",
    "HTTP/2 with a body": FORM.replace(b"1.1", b"2.0") + b"Content-Length: 3\r\n\r\na=b" + SMUGGLED,
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS record": b"\x16\x03\x01\x02\x00\x01\x00",
}


@pytest.mark.parametrize("request_bytes", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
async def test_ambiguous_framing_is_refused_and_closed(request_bytes: bytes) -> None:
    """A215: whatever two servers could frame differently gets one 400, 501 or 505, and the connection ends."""
    app = sample_app()
    async with serving(app) as running:
        answer = await talk(running.port, request_bytes)
    status, _, body = parts(answer)
    assert status in (400, 501, 505)
    assert answer.count(b"HTTP/") == 1
    assert app[SEEN] == []
    assert b"smuggled" not in body


async def test_malformed_chunk_ends_a_body_that_is_being_read() -> None:
    """A215: a bad chunk that comes after its head is refused at once, not after the body's deadline."""
    async with serving(sample_app(), Limits(body_seconds=LATER)) as running:
        answer = await talk(
            running.port, FORM + CHUNKED + b"3\r\na=b\r\n", b"2;a\nxx\r\n0\r\n\r\n" + SMUGGLED
        )
    assert parts(answer)[0] == 400
    assert answer.count(b"HTTP/") == 1


async def test_chunk_extension_does_not_reach_the_form() -> None:
    """A215: a well-formed chunk extension is skipped and the body is what its chunks say."""
    request = FORM + b"Connection: close\r\n" + CHUNKED + b"3;x=y\r\na=b\r\n0\r\n\r\n"
    async with serving(sample_app()) as running:
        status, _, body = parts(await talk(running.port, request))
    assert status == 200
    assert msgspec.json.decode(body)["values"] == {"a": "b"}


def test_start_is_refused_without_the_c_parser() -> None:
    """A215: with AIOHTTP_NO_EXTENSIONS the server says what to do and does not start."""
    program = (
        "import asyncio; from aiohttp import web; from authrim.wire.limits import Limits;"
        "from authrim.wire.listener import start_site;"
        "asyncio.run(start_site(web.Application(), '127.0.0.1', 0, limits=Limits()))"
    )
    environment = {**os.environ, "AIOHTTP_NO_EXTENSIONS": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)
    assert done.returncode != 0
    assert b"UnsafeParser" in done.stderr
    assert b"unset AIOHTTP_NO_EXTENSIONS" in done.stderr


async def test_replies_and_log_lines_never_echo_the_input() -> None:
    """A215, A226: the parser's own errors quote the request; neither the reply nor our log line does."""
    requests = (
        b"GET /hello HTTP/1.1\r\nHost: a\r\nX: " + b"canary" * 3000 + b"\r\n\r\n",
        b"GET /" + b"canary" * 4000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"canary /hello HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /hello HTTP/1.1\r\nHost: a\r\nExpect: canary\r\n\r\n",
        b"GET http://canary/ HTTP/1.1\r\nHost: a\r\n\r\n",
    )
    async with serving(sample_app()) as running:
        with capture_logs() as lines:
            answers = [await talk(running.port, request) for request in requests]
    assert [parts(answer)[0] for answer in answers] == [431, 414, 400, 417, 400]
    assert len(lines) == len(requests)
    assert "canary" not in repr(answers) + repr(lines)


async def test_compressed_body_is_refused() -> None:
    """A216: a request with Content-Encoding gets 415, so nothing is ever decompressed."""
    async with serving(sample_app()) as running:
        answer = await talk(
            running.port, post("/form", b"\x1f\x8b" + bytes(100), more="Content-Encoding: gzip\r\n")
        )
    assert parts(answer)[0] == 415


async def test_headers_beyond_the_total_are_refused() -> None:
    """A217: many small headers are counted together, whether they come at once or in pieces: 431."""
    lines = [b"X%d: %s\r\n" % (number, b"a" * 1000) for number in range(45)]
    head = b"GET /hello HTTP/1.1\r\nHost: a\r\n"
    app = sample_app()
    async with serving(app) as running:
        at_once = await talk(running.port, head + b"".join(lines[:20]) + b"\r\n")
        # Whoever goes on sending may see the connection reset before the reply; the log line is certain.
        with capture_logs() as logged, contextlib.suppress(ConnectionError):
            await talk(running.port, head, *lines, pause=0.001)
    assert parts(at_once)[0] == 431
    assert [(line["event"], line["status"]) for line in logged] == [("request.cut", 431)]
    assert app[SEEN] == []


async def test_body_over_the_limit_is_refused() -> None:
    """A217: 64 KiB pass; one byte more gets 413, announced by Content-Length or hidden in tiny chunks."""
    fits = b"a=" + b"b" * 65534
    chunks = b"4000\r\n" + b"b" * 0x4000 + b"\r\n"
    async with serving(sample_app(), Limits(linger_seconds=0.1)) as running:
        assert (await ask(running.port, post("/form", fits)))[0] == 200
        assert (await ask(running.port, post("/form", fits + b"b")))[0] == 413
        request = FORM + b"Connection: close\r\n" + CHUNKED
        assert parts(await talk(running.port, request, *[chunks] * 5))[0] == 413


async def test_tiny_chunks_cost_linear_time() -> None:
    """A217: a body of 20,000 one-byte chunks is read in well under a second of CPU time."""
    request = FORM + b"Connection: close\r\n" + CHUNKED + b"1\r\na\r\n" * 20000 + b"0\r\n\r\n"
    async with serving(sample_app()) as running:
        began = time.process_time()
        status, _, _ = parts(await talk(running.port, request))
    assert status == 200
    assert time.process_time() - began < 1.5


PROXY = Proxies((ipaddress.ip_network("10.0.0.0/8"),), depth=2)


@pytest.mark.parametrize(
    ("peer", "forwarded", "source"),
    [
        ("192.0.2.1", ["198.51.100.7, 10.0.0.2"], "192.0.2.1"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9", "198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("::ffff:10.0.0.1", ["198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["2001:db8::1, 10.0.0.2"], "2001:db8::/64"),
        ("10.0.0.1", ["canary, 10.0.0.2"], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.2"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
    ],
)
def test_forwarded_addresses_are_believed_as_far_as_our_proxies(
    peer: str, forwarded: list[str], source: str
) -> None:
    """A225: what a client puts into X-Forwarded-For itself never becomes its address."""
    assert source_of(behind_proxies(peer, forwarded, PROXY)) == source


async def test_slow_connections_do_not_slow_others() -> None:
    """F23: with 300 half-open heads waiting, honest requests are answered, and wait for none of them."""
    async with serving(sample_app(), Limits(header_seconds=LATER)) as running:
        slow = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(300)]
        for _, writer in slow:
            writer.write(b"GET /hello HTTP/1.1\r\nX: ")
        for _ in range(20):
            assert (await ask(running.port, b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"))[0] == 200
        for _, writer in slow:
            writer.close()


SMALL_SERVER = """
import asyncio, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from aiohttp import web
from authrim.wire.limits import Limits
from authrim.wire.listener import start_site

async def hello(request):
    open("/dev/null").close()
    return web.Response(text="hello")

async def main():
    app = web.Application()
    app.router.add_get("/hello", hello)
    limits = Limits(connections_per_address=0, header_seconds=30)
    running = await start_site(app, "127.0.0.1", 0, limits=limits)
    print(running.port, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_exhausted_descriptors_turn_connections_away_and_recover() -> None:
    """F27: with 64 descriptors and 100 connections, those beyond the cap get 503, and the server recovers."""
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", SMALL_SERVER, stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        port = int(await server.stdout.readline())
        held = []
        for number in range(100):
            held.append(await asyncio.open_connection("127.0.0.1", port))
            if number < 90:
                held[-1][1].write(b"GET /hello HTTP/1.1\r\n")  # what is idle would make room
            await asyncio.sleep(0.002)
        reader, writer = held[0]
        writer.write(b"Host: a\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        assert (await held[-1][0].read()).startswith(b"HTTP/1.1 503 ")
        for _, writer in held:
            writer.close()
        await asyncio.sleep(0.1)
        assert (await ask(port, b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"))[0] == 200
    finally:
        server.kill()
        await server.wait()


async def test_stop_finishes_what_is_in_progress() -> None:
    """F33: on a stop the request in progress is answered, idle connections close, new ones are not taken."""
    app = sample_app()
    running = await start_site(app, "127.0.0.1", 0, limits=Limits(keep_alive_seconds=LATER))
    port = running.port
    idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", port)
    busy = asyncio.create_task(talk(port, b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"))
    await asyncio.sleep(0.1)
    await asyncio.wait_for(running.stop(grace_seconds=LATER), PATIENCE)
    status, headers, body = parts(await busy)
    assert (status, body, headers["connection"]) == (200, b"done", "close")
    assert await idle_reader.read() == b""
    idle_writer.close()
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_stop_does_not_wait_longer_than_its_grace() -> None:
    """F33: a request that outlasts the grace is ended."""

    async def endless(_request: web.Request) -> web.Response:
        await asyncio.sleep(LATER)
        return web.Response()

    app = web.Application()
    app.router.add_get("/", endless)
    running = await start_site(app, "127.0.0.1", 0, limits=Limits())
    asked = asyncio.create_task(talk(running.port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
    await asyncio.sleep(0.1)
    await asyncio.wait_for(running.stop(grace_seconds=0.2), PATIENCE)
    assert await asked == b""
