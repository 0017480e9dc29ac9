"""Somebody else's HTTPS server on loopback, with a certificate of an authority of our own."""

import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509

from tests.support import certificates

#: Tests move the clock.
_YEARS = (-365 * certificates.DAY, 3650 * certificates.DAY)
#: Names that the certificate is for. All are this machine, when somebody resolves them so.
NAMES = ("localhost", "rp.example", "*.rp.example")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Authority:
    """A certificate authority that nobody else trusts, and one server certificate of it."""

    def __init__(self, folder: Path) -> None:
        authority = certificates.Authority("Test authority", path_length=0, valid=_YEARS)
        names: list[x509.GeneralName] = [x509.DNSName(one) for one in NAMES]
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        server = authority.issue("localhost", names, usage=certificates.SERVER_AUTH, valid=_YEARS)
        self.ca_file = folder / "authority.pem"
        self.ca_file.write_text(certificates.pem(authority.certificate))
        self._server = folder / "server.pem"
        self._server.write_text(server.key_pem() + server.pem)

    def server_context(self) -> ssl.SSLContext:
        """TLS as the server speaks it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._server)
        return context


@dataclass
class Site:
    """What it answers by path, and what it was asked."""

    port: int
    scheme: str = "https"
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    answers: dict[str, Handler] = field(default_factory=dict)

    def url(self, path: str, host: str = "localhost") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def serve(
        self,
        path: str,
        body: Any,
        content_type: str | None = "application/json",
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> str:
        """Answer so from now on; the URL. What is not bytes is sent as JSON."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def answer(_request: web.Request) -> web.StreamResponse:
            return web.Response(body=sent, content_type=content_type, status=status, headers=headers)

        self.answers[path] = answer
        return self.url(path)

    def asked(self, path: str) -> int:
        """How often it was asked for this path."""
        return sum(seen == path for _method, seen, _headers, _body in self.seen)


@asynccontextmanager
async def serving_site(authority: Authority | None) -> AsyncIterator[Site]:
    """A site until the block ends; plain HTTP without an authority."""
    site = Site(0, "https" if authority else "http")

    async def answer(request: web.Request) -> web.StreamResponse:
        site.seen.append((request.method, request.path, dict(request.headers), await request.read()))
        handler = site.answers.get(request.path)
        return web.Response(status=404) if handler is None else await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    context = authority.server_context() if authority else None
    listener = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await listener.start()
    site.port = runner.addresses[0][1]
    try:
        yield site
    finally:
        await runner.cleanup()
