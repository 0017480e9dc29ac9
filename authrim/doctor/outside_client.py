"""Asks the server from outside, as its clients do: by the issuer's name, with verified TLS, without redirects."""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
import msgspec
from aiohttp import hdrs
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDictProxy, istr
from yarl import URL

#: Headers by their names.
Headers = Mapping[str, str] | Mapping[istr, str]

#: Seconds for one request.
TIMEOUT: Final = 10.0
#: The most bytes of an answer that are read.
_MOST: Final = 1024 * 1024


class NoAnswer(Exception):
    """There was no answer, or none that could be read. The text says why, in words of ours."""


class Answer(msgspec.Struct, frozen=True):
    """An answer. ``port`` is our own one of the connection."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    port: int

    @property
    def is_json(self) -> bool:
        """Whether it says that it is JSON."""
        return self.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip() == "application/json"


class OutsideClient:
    """Sends requests, each over a connection of its own."""

    def __init__(self, address: str | None = None, ca_file: Path | None = None) -> None:
        """``address``: where every host is, in place of what DNS says. ``ca_file``: authorities beside the system's.
        Raises OSError when the file cannot be used."""
        self._address = address
        self._ca_file = ca_file
        self._trusting = self._context()

    async def get(self, url: str, headers: Headers | None = None) -> Answer:
        """GET. Raises NoAnswer."""
        return await self.request(hdrs.METH_GET, url, headers=headers)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Headers | None = None,
        body: bytes | None = None,
        certificate: Path | None = None,
    ) -> Answer:
        """One request. ``certificate``: a PEM file with the certificate, and its key, that is shown when the server
        asks for one. Raises NoAnswer."""
        port = 0

        async def sent(_session: Any, _context: SimpleNamespace, _params: Any) -> None:
            nonlocal port
            # Of several addresses that were tried at once (RFC 8305), those that came too late are closed by now.
            port = next((one.getsockname()[1] for one in reversed(sockets) if one.fileno() >= 0), 0)

        sockets: list[socket.socket] = []

        def make_socket(info: Any) -> socket.socket:
            sockets.append(socket.socket(info[0], info[1], info[2]))
            sockets[-1].setblocking(False)
            return sockets[-1]

        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(sent)
        connector = aiohttp.TCPConnector(
            ssl=self._trusting if certificate is None else self._context(certificate),
            resolver=None if self._address is None else _OneAddress(self._address),
            socket_factory=make_socket,
            force_close=True,
        )
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        jar = aiohttp.DummyCookieJar()
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector, timeout=timeout, trace_configs=[trace], cookie_jar=jar
                ) as session,
                session.request(
                    method, URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
                ) as answer,
            ):
                content = await answer.content.read(_MOST) if answer.content_length != 0 else b""
                while len(content) < _MOST and (more := await answer.content.read(_MOST - len(content))):
                    content += more
                return Answer(answer.status, answer.headers, content, port)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NoAnswer(why(error)) from None

    async def connect(self, host: str, port: int, address: str | None = None) -> None:
        """Open a TCP connection and close it. Raises NoAnswer."""
        try:
            await reach(address or self._address or host, port)
        except OSError as error:
            raise NoAnswer(why(error)) from None

    def _context(self, certificate: Path | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._ca_file is not None:
            context.load_verify_locations(self._ca_file)
        if certificate is not None:
            context.load_cert_chain(certificate)
        return context


class _OneAddress(AbstractResolver):
    """Every host has this address."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The address, whatever is asked for."""
        del family
        kind = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=self._address, port=port, family=kind, proto=0, flags=flags)
        ]

    async def close(self) -> None:
        """There is nothing to close."""


async def reach(host: str, port: int, context: ssl.SSLContext | None = None) -> None:
    """Open a connection and close it. ``context``: with TLS. Raises OSError."""
    async with asyncio.timeout(TIMEOUT):
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    writer.close()


def why(error: BaseException) -> str:
    """Why nobody answered, in words that quote nothing of what was sent."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return _untrusted(error.certificate_error)
        case ssl.SSLCertVerificationError():
            return _untrusted(error)
        case aiohttp.ClientConnectorDNSError():
            return "the host has no address"
        case aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return "TLS failed: nobody speaks TLS there, or none that both sides accept"
        case aiohttp.ClientConnectorError():
            return why(error.os_error)
        case TimeoutError():
            return "no answer in time"
        case ConnectionRefusedError():
            return "nobody listens there"
        case ConnectionResetError() | BrokenPipeError() | aiohttp.ServerDisconnectedError():
            return "the connection was cut"
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
            return "the answer is not HTTP that can be read"
        case socket.gaierror():
            return "the host has no address"
        case OSError() if error.strerror:
            return error.strerror.lower()
    return f"no answer to be understood ({type(error).__name__})"


def _untrusted(error: BaseException) -> str:
    reason = getattr(error, "verify_message", "")
    return f"the certificate is not trusted: {reason}" if reason else "the certificate is not trusted"
