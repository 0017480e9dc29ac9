"""The one way out: every fetch of an address that somebody else has named goes through here (RFC 9101 §10.4.1).

Every address that the host resolves to is checked, the connection goes to a checked address and to no other, no
redirect is followed, and size and time are limited (A112, A113, A114). Whatever goes wrong is one constant error, so
that nobody maps a network by asking; the reason stands in our own log.
"""

import asyncio
import ipaddress
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import aiohttp
import msgspec
import structlog
from aiohttp import hdrs
from aiohttp.abc import AbstractResolver
from yarl import URL

from authrim.outside.addresses import Destinations
from authrim.outside.media_type import JSON, MediaType, is_json, read_media_type
from authrim.outside.names import CheckedNames, NotPermitted, PublicNames
from authrim.outside.shares import Crowded, Party, Shares
from authrim.settings import Settings

T = TypeVar("T")

log = structlog.get_logger(__name__)

MAX_URL: Final = 2048
_HTTPS_PORT: Final = 443
#: Below this are the ports of mail, file and name services, which nobody's keys or logo are behind.
_FIRST_UNPRIVILEGED_PORT: Final = 1024


class EgressRefused(Exception):
    """It was not fetched. Nothing tells why, neither to the caller nor to whoever named the address."""

    def __init__(self) -> None:
        super().__init__("the address could not be fetched")


class EgressCrowded(EgressRefused):
    """Too many fetches of its like are under way. Nobody was asked, so it may be tried again."""


class FetchResult(msgspec.Struct, frozen=True):
    """The body of an answer, and its media type."""

    body: bytes
    media_type: MediaType


class Egress:
    """Fetches and posts. ``close`` it when it is done."""

    def __init__(
        self,
        allowed: tuple[str, ...] = (),
        *,
        ca_file: Path | None = None,
        timeout_seconds: float = 5.0,
        max_bytes: int = 262_144,
        plain_http: bool = False,
        names: AbstractResolver | None = None,
    ) -> None:
        """``allowed``: hosts and networks beside the public ones. ``ca_file``: more trusted authorities (PEM).
        ``plain_http``: http to loopback hosts that are allowed, for development. ``names``: who resolves host names."""
        self._destinations = Destinations(allowed)
        self._ca_file = ca_file
        self._timeout = timeout_seconds
        self._max_bytes = max_bytes
        self._plain_http = plain_http
        self._names = names or PublicNames()
        self._shares = Shares()
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()

    @classmethod
    def from_settings(cls, settings: Settings) -> "Egress":
        """The way out as it is configured."""
        return cls(
            settings.egress_allow,
            ca_file=settings.egress_ca_file,
            timeout_seconds=settings.egress_timeout_seconds,
            max_bytes=settings.egress_max_bytes,
            plain_http=settings.development,
        )

    async def fetch(
        self,
        url: str,
        *,
        accept: str = JSON,
        is_expected: Callable[[MediaType], bool] = is_json,
        limit: int | None = None,
        client: str = "",
    ) -> FetchResult:
        """What a GET of ``url`` is answered with, when that is 200, of an expected type and at most ``limit`` bytes
        (None: the setting). A page that somebody can write to is no key set, whatever stands in it. ``client``: whose
        share of the places it takes.

        Raises EgressRefused, and EgressCrowded.
        """
        most = self._max_bytes if limit is None else limit

        async def read(answer: aiohttp.ClientResponse) -> FetchResult:
            if answer.status != 200:
                raise NotPermitted(f"status_{answer.status}")
            kind = read_media_type(answer.headers.getall(hdrs.CONTENT_TYPE, ()))
            if not is_expected(kind):
                raise NotPermitted("media_type")
            return FetchResult(await _body(answer, most), kind)

        return await self._ask(hdrs.METH_GET, url, {hdrs.ACCEPT: accept}, None, read, client)

    async def post(
        self,
        url: str,
        body: bytes,
        content_type: str,
        headers: Mapping[str, str] | None = None,
        *,
        client: str = "",
    ) -> int:
        """The status that a POST is answered with; the rest of the answer is not read. ``client``: whose share of the
        places it takes.

        Raises EgressRefused, also for a redirect, and EgressCrowded.
        """

        async def read(answer: aiohttp.ClientResponse) -> int:
            if 300 <= answer.status < 400:
                raise NotPermitted(f"status_{answer.status}")
            return answer.status

        sent = {**(headers or {}), hdrs.CONTENT_TYPE: content_type}
        return await self._ask(hdrs.METH_POST, url, sent, body, read, client)

    def is_crowded(self, url: str, client: str = "") -> bool:
        """Whether asking there for this client would be refused at once, before anything is made to be sent."""
        try:
            return self._shares.is_crowded(_party(self._checked(url), client))
        except NotPermitted:
            return False

    async def close(self) -> None:
        """Leave no connection and no thread behind."""
        if self._session is not None:
            await self._session.close()
        await self._names.close()

    async def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        read: Callable[[aiohttp.ClientResponse], Awaitable[T]],
        client: str = "",
    ) -> T:
        try:
            target = self._checked(url)
            # Whoever waited for a place has at least half of the time left to ask.
            async with (
                asyncio.timeout(self._timeout),
                self._shares.place(_party(target, client), self._timeout / 2),
            ):
                session = await self._open_session()
                async with session.request(
                    method, target, headers=headers, data=body, allow_redirects=False
                ) as answer:
                    return await read(answer)
        except Crowded:
            log.warning("egress.crowded", url=url.partition("?")[0][:MAX_URL])
            raise EgressCrowded from None
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            # Without the query, which may hold what is secret between two others.
            log.warning("egress.refused", url=url.partition("?")[0][:MAX_URL], reason=_reason(error))
            raise EgressRefused from None

    def _checked(self, url: str) -> URL:
        """``url``, taken apart once, by the same library that connects. Raises NotPermitted."""
        if (
            len(url) > MAX_URL
            or not url.isascii()
            or not url.isprintable()
            or any(c in url for c in ' \\"<>')
        ):
            raise NotPermitted("url_malformed")
        try:
            parsed = URL(url, encoded=True)
            host, port = parsed.raw_host, parsed.port
        except ValueError:
            raise NotPermitted("url_malformed") from None
        if (
            not host
            or parsed.raw_user is not None
            or parsed.raw_password is not None
            or "@" in parsed.raw_authority
        ):
            raise NotPermitted("url_authority")
        if "#" in url:
            raise NotPermitted("url_fragment")
        self._check_scheme(parsed.scheme, host)
        if port is None or (port != _HTTPS_PORT and port < _FIRST_UNPRIVILEGED_PORT):
            raise NotPermitted("port")
        if _looks_like_address(host) and not self._destinations.permit(host, host):
            raise NotPermitted("address")
        return parsed

    def _check_scheme(self, scheme: str, host: str) -> None:
        """https, and nothing else but what a developer allows on the own machine."""
        if scheme == "https":
            return
        loopback = host == "localhost" or (_looks_like_address(host) and _is_loopback(host))
        if scheme != "http" or not self._plain_http or not loopback:
            raise NotPermitted("scheme")

    async def _open_session(self) -> aiohttp.ClientSession:
        async with self._opening:
            if self._session is None:
                # Reading the system's authorities takes 30 ms.
                context = await asyncio.to_thread(_tls, self._ca_file)
                connector = aiohttp.TCPConnector(
                    ssl=context,
                    resolver=CheckedNames(self._names, self._destinations),
                    use_dns_cache=False,
                    force_close=True,
                    limit=0,  # the shares are the limit
                )
                self._session = aiohttp.ClientSession(
                    connector=connector,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=None, sock_read=None),
                    headers={hdrs.USER_AGENT: "authrim", hdrs.ACCEPT_ENCODING: "identity"},
                    trust_env=False,
                )
            return self._session


def _party(target: URL, client: str) -> Party:
    return Party(f"{target.raw_host}:{target.port}", client)


def _looks_like_address(host: str) -> bool:
    """What connectors and resolvers take for an address without asking anybody, in any of its old spellings:
    decimal, octal, hexadecimal, with fewer parts (WHATWG URL: a host whose last label is a number)."""
    last = host.rstrip(".").rpartition(".")[2]
    return ":" in host or last.isdigit() or last.lower().startswith("0x")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


async def _body(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """The body, counted while it comes. One that is compressed would unfold to a size that nobody announced."""
    if answer.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise NotPermitted("compressed")
    if (answer.content_length or 0) > most:
        raise NotPermitted("too_large")
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > most:
            raise NotPermitted("too_large")
    return bytes(body)


def _reason(error: Exception) -> str:
    """The reason that we gave, also from inside of aiohttp's own exceptions; else the kind of the error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NotPermitted):
            return str(cause)
        cause = cause.__cause__ or getattr(cause, "os_error", None)
    return type(error).__name__
