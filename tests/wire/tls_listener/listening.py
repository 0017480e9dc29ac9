"""A TLS listener with a small application, and a client for it."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from authrim.wire.limits import Limits
from authrim.wire.listener import ListeningSite, start_site
from authrim.wire.tls import CLIENT_CERTIFICATES, Tls
from tests.attacks.raw_http import parts, sample_app
from tests.support.certificates import Authority, IssuedCertificate, pem

ROOT = Authority()


SERVER = ROOT.server()


HELLO = b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


CERTIFICATE = b"GET /certificate HTTP/1.1\r\nHost: a\r\n\r\n"


async def _certificate(request: web.Request) -> web.Response:
    assert request.transport is not None
    shown = request.transport.get_extra_info(CLIENT_CERTIFICATES)
    return web.json_response(
        {"scheme": request.scheme, "shown": [hashlib.sha256(one).hexdigest() for one in shown]}
    )


async def _sum(request: web.Request) -> web.Response:
    digest = hashlib.sha256()
    async for piece in request.content.iter_any():
        digest.update(piece)
        await asyncio.sleep(0)
    return web.Response(text=digest.hexdigest())


def app() -> web.Application:
    """The sample application with two more routes."""
    made = sample_app()
    made.router.add_get("/certificate", _certificate)
    made.router.add_post("/sum", _sum)
    return made


@asynccontextmanager
async def listening(
    tmp_path: Path,
    limits: Limits | None = None,
    *,
    ask_clients: bool = False,
    server: IssuedCertificate = SERVER,
) -> AsyncIterator[ListeningSite]:
    """The application behind TLS on a free port."""
    certificate, key = server.write(tmp_path, "server")
    tls = Tls(certificate, key, ask_clients=ask_clients)
    running = await start_site(app(), "127.0.0.1", 0, limits=limits or Limits(), tls=tls)
    try:
        yield running
    finally:
        await running.stop(0)


def trusting(tmp_path: Path, client: IssuedCertificate | None = None) -> ssl.SSLContext:
    """A client that trusts our authority, with a certificate of its own or without."""
    context = ssl.create_default_context(cadata=pem(ROOT.certificate))
    if client is not None:
        context.load_cert_chain(*client.write(tmp_path, "client"))
    return context


async def ask(
    port: int, context: ssl.SSLContext, request: bytes = HELLO
) -> tuple[int, dict[str, str], bytes]:
    """One request on a connection of its own."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="localhost"
    )
    try:
        writer.write(request)
        if b"Connection: close" in request:
            return parts(await reader.read())
        head = await reader.readuntil(b"\r\n\r\n")
        _, headers, _ = parts(head)
        return parts(head + await reader.readexactly(int(headers["content-length"])))
    finally:
        writer.close()
