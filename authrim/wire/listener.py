"""Starts and stops the HTTP listeners: aiohttp's runner over our own ``Connection``, with or without TLS."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import aiohttp.http_parser
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from authrim.wire._connection import Connection
from authrim.wire._exact_paths import ExactPaths
from authrim.wire.endless import ENDLESS
from authrim.wire.gate import GATE
from authrim.wire.limits import LIMITS, Connections, Limits
from authrim.wire.tls import Tls

# Connections that the kernel keeps until they are accepted.
_BACKLOG = 512
# Connections that are accepted in one turn of the event loop, while all other requests wait.
_ACCEPTED_AT_ONCE = 16
_SOCKET_MODE = 0o660
# What is still running when its grace is over is cancelled; this long it may take to notice.
_CANCEL_SECONDS = 0.2


class UnsafeParser(RuntimeError):
    """aiohttp would parse HTTP with its pure Python parser, which has let requests be smuggled (A215)."""


class ListenError(Exception):
    """The address is in use by another process, does not belong to this machine, or is not permitted to this user."""

    def __init__(self, host: str | None, port: int | None, error: OSError) -> None:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror)
        where = str(host) if port is None else f"{host}, port {port}"
        advice = (
            ": stop what listens there, or choose another port" if error.errno == errno.EADDRINUSE else ""
        )
        super().__init__(f"cannot listen on {where}: {why}{advice}")


class _Server(web.Server):
    """Makes a ``Connection`` for every connection."""

    def __init__(
        self, made: web.Server, app: web.Application, connections: Connections, limits: Limits
    ) -> None:
        self._exact = ExactPaths(app, made.request_handler)
        super().__init__(self._exact.answer, request_factory=made.request_factory)
        self._counted = connections
        self._limits = limits
        self._gate = app.get(GATE)

    def __call__(self) -> RequestHandler:
        return Connection(self, self._counted, self._limits, self._exact, self._gate)


class _Runner(web.AppRunner):
    """aiohttp's runner with our server instead of its own."""

    def __init__(self, app: web.Application, limits: Limits) -> None:
        super().__init__(app, shutdown_timeout=_CANCEL_SECONDS)
        self.limits = limits
        self.counted = Connections(limits)

    async def _make_server(self) -> web.Server:
        return _Server(await super()._make_server(), self.app, self.counted, self.limits)


class ListeningSite:
    """A started application and its listeners."""

    def __init__(self, runner: _Runner) -> None:
        self._runner = runner
        self._listeners: list[asyncio.Server] = []

    def protocol_factory(self) -> asyncio.Protocol:
        """A new connection's protocol, for any listener of the event loop."""
        return self._server()

    def measure(self) -> None:
        """Set the gauges of connections."""
        self._runner.counted.measure()

    @property
    def port(self) -> int:
        """The port of the first listener."""
        return int(self._listeners[0].sockets[0].getsockname()[1])

    async def listen(
        self,
        hosts: Sequence[str] | str | None,
        port: int | None,
        *,
        reuse_port: bool = False,
        sock: socket.socket | None = None,
        tls: Tls | None = None,
    ) -> None:
        """Accept connections at addresses, or at ``sock`` when it is given. Where the port is 0, the first address says
        which it is. Raises ListenError."""
        protocols = tls.over(self.protocol_factory) if tls else self.protocol_factory
        if sock is not None:
            await self._listen(protocols, None, port, sock=sock)
            return
        for host in of_both_families((hosts,) if isinstance(hosts, str) else hosts or ()):
            await self._listen(protocols, host, port, host=host, port=port, reuse_port=reuse_port)
            port = port or self.port

    async def _listen(
        self,
        protocols: Callable[[], asyncio.Protocol],
        shown_host: str | None,
        shown_port: int | None,
        **where: Any,
    ) -> None:
        loop = asyncio.get_running_loop()
        try:
            listener = await loop.create_server(protocols, backlog=_ACCEPTED_AT_ONCE, **where)
        except OSError as error:
            raise ListenError(shown_host, shown_port, error) from error
        if not listener.sockets:  # asyncio passes over an address of a family that the kernel does not have
            raise ListenError(shown_host, shown_port, OSError(errno.EAFNOSUPPORT, ""))
        for opened in listener.sockets:
            # asyncio takes its backlog for both numbers. Whoever listens again changes that of the kernel (listen(2)).
            with opened.dup() as same:
                same.listen(_BACKLOG)
        self._listeners.append(listener)

    async def stop(self, grace_seconds: float) -> None:
        """Accept no more, let requests in progress finish within ``grace_seconds``, then close all (F33)."""
        for listener in self._listeners:
            listener.close()
        self._runner.counted.draining = True
        if ENDLESS in self._runner.app:
            self._runner.app[ENDLESS].end()
        for connection in self._server.connections:
            cast(Connection, connection).close_if_idle()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await self._runner.counted.none_left()
        await self._runner.cleanup()

    @property
    def _server(self) -> web.Server:
        return cast(web.Server, self._runner.server)


async def start_site(
    app: web.Application,
    hosts: Sequence[str] | str,
    port: int | None,
    *,
    limits: Limits,
    reuse_port: bool = False,
    sock: socket.socket | None = None,
    tls: Tls | None = None,
) -> ListeningSite:
    """Start ``app`` and listen.

    Raises UnsafeParser without aiohttp's C parser, ListenError when the address cannot be used.
    """
    require_c_parser()
    app[LIMITS] = limits
    runner = _Runner(app, limits)
    await runner.setup()
    running = ListeningSite(runner)
    try:
        await running.listen(hosts, port, reuse_port=reuse_port, sock=sock, tls=tls)
    except ListenError:
        await running.stop(0)
        raise
    return running


def unix_socket(path: Path) -> socket.socket:
    """A Unix socket that a proxy of the same user or group may connect to, once somebody listens on it.

    A socket that an earlier server left behind is replaced. Raises ListenError.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket() and sock.connect_ex(str(path)) == errno.ECONNREFUSED:
            path.unlink()
        sock.bind(str(path))
        path.chmod(_SOCKET_MODE)
    except OSError as error:
        sock.close()
        raise ListenError(str(path), None, error) from error
    return sock


def of_both_families(hosts: Sequence[str]) -> tuple[str, ...]:
    """The addresses to listen on: ``::`` brings ``0.0.0.0`` along, as asyncio gives an IPv6 socket IPv6 alone.
    Where the kernel has no IPv6, every address is one of IPv4."""
    asked = [one.strip("[]") for one in hosts]
    if "::" not in asked:
        return tuple(dict.fromkeys(asked))
    if not _has_ipv6():
        asked.remove("::")
    return tuple(dict.fromkeys((*asked, "0.0.0.0")))  # noqa: S104 - it was asked for


def _has_ipv6() -> bool:
    """Whether this kernel has the family. Containers often run where it is switched off."""
    try:
        socket.socket(socket.AF_INET6).close()
    except OSError as error:
        return error.errno != errno.EAFNOSUPPORT
    return True


def require_c_parser() -> None:
    """Refuse to run on aiohttp's pure Python HTTP parser. Raises UnsafeParser."""
    if aiohttp.http_parser.HttpRequestParser.__module__ != "aiohttp._http_parser":
        raise UnsafeParser(
            "aiohttp runs without its C parser: unset AIOHTTP_NO_EXTENSIONS"
            " and install an aiohttp wheel that is built for this platform"
        )
