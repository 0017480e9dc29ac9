"""Outgoing requests. Every request to an address that somebody else chose goes through here (RFC 9101 §10.4.1).

Every address that the host resolves to is checked, and the connection goes to one of the checked addresses. Redirects
are not followed, and size and time are limited (A112, A113, A114). Every failure raises the same error, so that nobody
can map a network with it; the reason is in the server's own log.
"""

import asyncio
import ipaddress
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
import structlog
from yarl import URL

from authrim.metrics import catalogue as metrics
from authrim.metrics.failures import word_of
from authrim.outside._response_body import read_body
from authrim.outside.addresses import Destinations, NotPermitted
from authrim.outside.media_type import JSON, MediaType, is_json, read_media_type
from authrim.outside.shares import NoFreePlace, Party, Shares
from authrim.settings import Settings

if TYPE_CHECKING:
    # A command that sends nothing, as most do, is not to wait for it.
    import aiohttp
    from aiohttp.abc import AbstractResolver

T = TypeVar("T")

Around = Callable[[str, str], AbstractContextManager[Mapping[str, str]]]
"""Surrounds each request: from its method and the origin of its address to the headers that are sent with it."""

log = structlog.get_logger(__name__)

_CONTENT_TYPE: Final = "Content-Type"

MAX_URL: Final = 2048
_HTTPS_PORT: Final = 443
#: Lower ports belong to mail, file and name services. No client serves its keys or its logo there.
_FIRST_UNPRIVILEGED_PORT: Final = 1024


class EgressRefused(Exception):
    """The request failed. The error does not say why, neither to the caller nor to whoever chose the address."""

    def __init__(self) -> None:
        super().__init__("the address could not be fetched")


class EgressOverloaded(EgressRefused):
    """Too many similar requests are in progress. Nothing was sent, so the caller may try again."""


class FetchResult(msgspec.Struct, frozen=True):
    """The body of a response, and its media type."""

    body: bytes
    media_type: MediaType


class Exchange(msgspec.Struct, frozen=True):
    """The status, the media type and the body of a response."""

    status: int
    media_type: str
    body: bytes


class _Outcome:
    """What became of a request. One that nothing else became of was cancelled."""

    word = "cancelled"

    @property
    def counted(self) -> str:
        """As it is counted: a status that somebody else chose is one of a few kinds (A304)."""
        status = self.word.removeprefix("status_")
        return f"status_{status[0]}xx" if status != self.word else self.word


class Egress:
    """Sends GET and POST requests. Call ``close`` at the end."""

    def __init__(
        self,
        allowed: tuple[str, ...] = (),
        *,
        ca_file: Path | None = None,
        timeout_seconds: float = 5.0,
        max_bytes: int = 262_144,
        plain_http: bool = False,
        names: "AbstractResolver | None" = None,
    ) -> None:
        """``allowed``: hosts and networks besides the public ones. ``ca_file``: more trusted authorities (PEM).
        ``plain_http``: permit http to allowed loopback hosts, for development. ``names``: the resolver."""
        self._destinations = Destinations(allowed)
        self._ca_file = ca_file
        self._timeout = timeout_seconds
        self._max_bytes = max_bytes
        self._plain_http = plain_http
        self._names = names
        self._shares = Shares()
        self._in_progress = 0
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()
        #: Somebody who watches the requests may put himself here.
        self.around: Around = _nothing_around

    @classmethod
    def from_settings(cls, settings: Settings) -> "Egress":
        """Create it from the settings."""
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
        """GET ``url``. The response must have status 200, an expected type and at most ``limit`` bytes (None: the
        setting). The type matters because a page that anybody can write to must not pass for a key set. ``client``
        is the client whose share of the places the request uses.

        Raises EgressRefused, and EgressOverloaded.
        """
        most = self._max_bytes if limit is None else limit

        async def read(answer: "aiohttp.ClientResponse") -> FetchResult:
            if answer.status != 200:
                raise NotPermitted(f"status_{answer.status}")
            kind = read_media_type(answer.headers.getall(_CONTENT_TYPE, ()))
            if not is_expected(kind):
                raise NotPermitted("media_type")
            return FetchResult(await read_body(answer, most), kind)

        return await self._ask("GET", url, {"Accept": accept}, None, read, client)

    async def post(
        self,
        url: str,
        body: bytes,
        content_type: str,
        headers: Mapping[str, str] | None = None,
        *,
        client: str = "",
    ) -> int:
        """POST ``body`` and return the status of the response; the rest of it is not read. ``client`` is the client
        whose share of the places the request uses.

        Raises EgressRefused, also for a redirect, and EgressOverloaded.
        """

        async def read(answer: "aiohttp.ClientResponse") -> int:
            if 300 <= answer.status < 400:
                raise NotPermitted(f"status_{answer.status}")
            return answer.status

        sent = {**(headers or {}), _CONTENT_TYPE: content_type}
        return await self._ask("POST", url, sent, body, read, client)

    async def exchange(self, url: str, body: bytes, content_type: str, limit: int) -> Exchange:
        """POST ``body``; the response, of at most ``limit`` bytes. Raises EgressRefused and EgressOverloaded."""

        async def read(answer: "aiohttp.ClientResponse") -> Exchange:
            if 300 <= answer.status < 400:
                raise NotPermitted(f"status_{answer.status}")
            kind = read_media_type(answer.headers.getall(_CONTENT_TYPE, ()))
            return Exchange(answer.status, kind.essence, await read_body(answer, limit))

        return await self._ask("POST", url, {_CONTENT_TYPE: content_type}, body, read)

    def permits(self, url: str) -> bool:
        """Whether requests to ``url`` may be sent at all. Where its host leads is judged at each of them."""
        try:
            self._checked(url)
        except NotPermitted:
            return False
        return True

    def is_crowded(self, url: str, client: str = "") -> bool:
        """Whether a request to ``url`` for this client would be refused at once, before the caller builds it."""
        try:
            return self._shares.is_crowded(_party(self._checked(url), client))
        except NotPermitted:
            return False

    def measure(self) -> None:
        """Set the gauge of requests in progress."""
        metrics.EGRESS_RUNNING.set(self._in_progress)

    async def close(self) -> None:
        """Close all connections and the resolver."""
        if self._session is not None:
            await self._session.close()
        if self._names is not None:
            await self._names.close()

    async def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        read: "Callable[[aiohttp.ClientResponse], Awaitable[T]]",
        client: str = "",
    ) -> T:
        import aiohttp

        origin = _origin(url)
        with self.around(method, origin) as more, self._counted(method) as outcome:
            try:
                target = self._checked(url)
                # A request that waited for a place still has at least half of the time.
                async with (
                    asyncio.timeout(self._timeout),
                    self._shares.place(_party(target, client), self._timeout / 2),
                ):
                    session = await self._open_session()
                    async with session.request(
                        method, target, headers={**headers, **more}, data=body, allow_redirects=False
                    ) as answer:
                        result = await read(answer)
                        outcome.word = "answered"
                        return result
            except NoFreePlace:
                outcome.word = "crowded"
                log.warning("egress.crowded", origin=origin, client=client)
                raise EgressOverloaded from None
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                outcome.word = _reason(error)
                log.warning("egress.refused", origin=origin, client=client, reason=outcome.word)
                raise EgressRefused from None

    @contextmanager
    def _counted(self, method: str) -> Iterator[_Outcome]:
        """Count a request and what became of it."""
        began, outcome = perf_counter(), _Outcome()
        self._in_progress += 1
        try:
            yield outcome
        finally:
            self._in_progress -= 1
            metrics.EGRESS.add(method, outcome.counted)
            metrics.EGRESS_SECONDS.observe(perf_counter() - began)

    def _checked(self, url: str) -> URL:
        """Parse ``url`` once, with the library that also connects, and check it. Raises NotPermitted."""
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
        """Permit https, and http to a loopback host when the server runs for development."""
        if scheme == "https":
            return
        loopback = host == "localhost" or (_looks_like_address(host) and _is_loopback(host))
        if scheme != "http" or not self._plain_http or not loopback:
            raise NotPermitted("scheme")

    async def _open_session(self) -> "aiohttp.ClientSession":
        async with self._opening:
            if self._session is None:
                import aiohttp

                from authrim.outside.names import FilteringResolver, SystemResolver

                self._names = self._names or SystemResolver()
                # Reading the certificate authorities of the system takes 30 ms.
                context = await asyncio.to_thread(_tls, self._ca_file)
                connector = aiohttp.TCPConnector(
                    ssl=context,
                    resolver=FilteringResolver(self._names, self._destinations),
                    use_dns_cache=False,
                    force_close=True,
                    limit=0,  # the shares are the limit
                )
                self._session = aiohttp.ClientSession(
                    connector=connector,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=None, sock_read=None),
                    headers={"User-Agent": "authrim", "Accept-Encoding": "identity"},
                    trust_env=False,
                )
            return self._session


@contextmanager
def _nothing_around(_method: str, _origin: str) -> Iterator[Mapping[str, str]]:
    yield {}


def _origin(url: str) -> str:
    """What a log line says of an address: the rest of it may be a secret of whoever gave it to us, as the path of a
    webhook often is."""
    try:
        return str(URL(url[:MAX_URL], encoded=True).origin())
    except ValueError:
        return ""


def _party(target: URL, client: str) -> Party:
    return Party(f"{target.raw_host}:{target.port}", client)


def _looks_like_address(host: str) -> bool:
    """Whether connectors and resolvers read the host as an address, without a look-up, in any of the old spellings:
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


def _reason(error: Exception) -> str:
    """The reason of a NotPermitted, also when aiohttp wrapped it; otherwise a word for the error, or for the one of the
    system behind it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NotPermitted):
            return str(cause)
        cause = cause.__cause__ or getattr(cause, "os_error", None)
    behind = getattr(error, "os_error", None)
    return word_of(behind if isinstance(behind, ConnectionRefusedError) else error)
