"""Somebody else's HTTPS server on loopback, with a certificate of an authority of our own."""

import datetime
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
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)
#: Names that the certificate is for. All are this machine, when somebody resolves them so.
NAMES = ("localhost", "rp.example", "*.rp.example")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Authority:
    """A certificate authority that nobody else trusts, and one server certificate of it."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        certificate = (
            _certificate(name, name, key.public_key())
            .add_extension(constraints, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, SHA256())
        )
        self.ca_file = folder / "authority.pem"
        self.ca_file.write_bytes(certificate.public_bytes(Encoding.PEM))
        self._server = folder / "server.pem"
        server_key = ec.generate_private_key(ec.SECP256R1())
        alternatives: list[x509.GeneralName] = [x509.DNSName(one) for one in NAMES]
        alternatives.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        server = (
            _certificate(x509.Name([]), name, server_key.public_key())
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
            )
            .sign(key, SHA256())
        )
        private = server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._server.write_bytes(private + server.public_bytes(Encoding.PEM))

    def server_context(self) -> ssl.SSLContext:
        """TLS as the server speaks it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._server)
        return context


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 365 * _DAY)
        .not_valid_after(now + 3650 * _DAY)
    )


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
        content_type: str = "application/json",
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
