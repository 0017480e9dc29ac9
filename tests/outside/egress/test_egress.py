"""The one way out, against real servers on loopback that are allowed, and against addresses that are not."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from authrim.metrics.catalogue import EGRESS, EGRESS_RUNNING
from authrim.outside.addresses import Destinations
from authrim.outside.egress import MAX_URL, Egress, EgressRefused
from tests.support.assertion import claims_for, new_key, present, signed
from tests.support.browser import Browser
from tests.support.https_site import Authority, Site, serving_site
from tests.support.ports import free_port
from tests.support.running import RunningServer


class Names(AbstractResolver):
    """A name service whose owner means ill: each look-up gives the next answer, the last one again and again."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        self.asked.append(host)
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def egress(authority: Authority) -> AsyncIterator[Egress]:
    """Allowed to reach this machine by its name."""
    opened = Egress(("localhost",), ca_file=authority.ca_file, timeout_seconds=2, max_bytes=4096)
    yield opened
    await opened.close()


async def refused(egress: Egress, url: str) -> str:
    """The reason in our own log; what the caller sees is always the same."""
    with structlog.testing.capture_logs() as lines, pytest.raises(EgressRefused) as error:
        await egress.fetch(url)
    assert str(error.value) == "the address could not be fetched"
    assert error.value.__cause__ is None
    assert [line["event"] for line in lines] == ["egress.refused"]
    return str(lines[0]["reason"])


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://10.0.0.1/services/T0/canary?canary#canary", "https://10.0.0.1"),
        ("https://user:canary@rp.example:8443/canary", "https://rp.example:8443"),
        ("https://rp.example:99999999/canary", ""),
        ("canary", ""),
    ],
)
async def test_log_lines_have_no_address_whole(egress: Egress, url: str, origin: str) -> None:
    """Path, query and password of an address may be secrets of whoever gave it to us, as with webhooks: our own log
    names its origin, and the client or the webhook that it belongs to."""
    with structlog.testing.capture_logs() as lines, pytest.raises(EgressRefused):
        await egress.post(url, b"", "text/plain", client="shop")
    assert [(line["event"], line["origin"], line["client"]) for line in lines] == [
        ("egress.refused", origin, "shop")
    ]
    assert "canary" not in repr(lines)


async def test_it_fetches_what_is_allowed(egress: Egress, site: Site) -> None:
    """A document comes with its media type; the request says who asks, what for, and carries nothing else."""
    url = site.serve("/jwks", {"keys": []}, "application/jwk-set+json")
    fetched = await egress.fetch(url + "?a=b", accept="application/jwk-set+json")
    assert (fetched.body, fetched.media_type.essence) == (b'{"keys": []}', "application/jwk-set+json")
    _method, _path, headers, _body = site.seen[0]
    assert headers == {
        "Host": f"localhost:{site.port}",
        "Accept": "application/jwk-set+json",
        "Accept-Encoding": "identity",
        "User-Agent": "authrim",
        "Connection": "close",
    }


async def test_it_posts_and_tells_the_status(egress: Egress, site: Site) -> None:
    """A POST arrives as it was given, and the status is told whatever it is."""
    for status in (200, 204, 400, 401, 500):
        url = site.serve(f"/{status}", b"whatever", status=status)
        assert await egress.post(url, b"a=b", "application/x-www-form-urlencoded", {"X-Own": "1"}) == status
    _method, _path, headers, body = site.seen[0]
    assert (body, headers["Content-Type"], headers["X-Own"]) == (
        b"a=b",
        "application/x-www-form-urlencoded",
        "1",
    )


PRIVATE = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:a00:1::", "3fff::1",
    "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
]


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_of_a_private_address_is_refused(address: str) -> None:
    """A112: no connection is tried, whichever kind of private, embedded or reserved address a name has."""
    egress = Egress(names=Names((address,)))
    assert await refused(egress, "https://rp.example/jwks") == "address"
    await egress.close()


@pytest.mark.parametrize("address", PRIVATE)
async def test_one_bad_address_among_good_ones_is_refused(address: str) -> None:
    """A112: every resolved address is checked, not the first alone."""
    egress = Egress(names=Names(("8.8.8.8", address)))
    assert await refused(egress, "https://rp.example/jwks") == "address"
    await egress.close()


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_reached(address: str) -> None:
    """The list refuses nothing that belongs to the public internet."""
    assert Destinations().permit("rp.example", address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0",
        "10.0.0.1", "169.254.169.254", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[fe80::1]",
        "127.0.0.1.", "0x7f.0.0.0x1", "[::ffff:7f00:1]", "00000177.0.0.1", "127.00.00.01", "1.1.1.1.1",
        "localhost", "localhost.", "LOCALHOST",
    ],
)  # fmt: skip
async def test_every_spelling_of_an_address_is_seen(host: str, site: Site) -> None:
    """A112: decimal, octal, hexadecimal and short spellings of this machine are refused before any connection."""
    egress = Egress(timeout_seconds=2)
    reason = await refused(egress, f"https://{host}:{site.port}/")
    assert reason in {"address", "url_malformed", "name_unknown"}
    assert site.seen == []
    await egress.close()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://localhost/", "scheme"),
        ("file:///etc/passwd", "url_authority"),
        ("gopher://localhost:7000/", "scheme"),
        ("ftp://localhost:7000/", "scheme"),
        ("//localhost/", "scheme"),
        ("localhost", "url_authority"),
        ("https:///path", "url_authority"),
        ("https://user@localhost/", "url_authority"),
        ("https://user:password@localhost/", "url_authority"),
        ("https://@localhost/", "url_authority"),
        ("https://rp.example#@localhost/", "url_fragment"),
        ("https://localhost/#fragment", "url_fragment"),
        ("https://localhost:22/", "port"),
        ("https://localhost:80/", "port"),
        ("https://localhost:0/", "port"),
        ("https://localhost:65536/", "url_malformed"),
        ("https://localhost\\@rp.example/", "url_malformed"),
        ("https://local host/", "url_malformed"),
        ("https://localhost/\r\nX-Header: 1", "url_malformed"),
        ("https://localhost/\t", "url_malformed"),
        ("https://lоcalhost/", "url_malformed"),
        ("https://[::1/", "url_malformed"),
        ("https://localhost/" + "a" * MAX_URL, "url_malformed"),
    ],
)
async def test_only_plain_https_urls(url: str, reason: str, egress: Egress) -> None:
    """A066, A116: no other scheme, no user, no fragment, no port of another service, nothing that parsers dispute."""
    assert await refused(egress, url) == reason


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int, egress: Egress, site: Site) -> None:
    """A113: a redirect is a failure, for GET and POST, and its target is never asked."""
    target = site.serve("/target", {})
    url = site.serve("/redirect", b"", status=status, headers={"Location": target})
    assert await refused(egress, url) == f"status_{status}"
    with pytest.raises(EgressRefused):
        await egress.post(url, b"", "text/plain")
    assert site.asked("/target") == 0


async def test_a_name_that_is_rebound_gains_nothing(authority: Authority, site: Site) -> None:
    """A114: the address that was checked is the one that is connected to: a name is looked up once a fetch."""
    names = Names(("8.8.8.8",), ("127.0.0.1",))
    egress = Egress(ca_file=authority.ca_file, timeout_seconds=2, names=names)
    url = site.url("/jwks", "rp.example")
    await refused(egress, url)
    assert names.asked == ["rp.example"]
    assert await refused(egress, url) == "address"
    assert site.seen == []
    await egress.close()


async def test_the_pinned_connection_keeps_its_name(authority: Authority, site: Site) -> None:
    """A114: certificate and Host are those of the name, wherever the connection goes."""
    names = Names(("127.0.0.1",))
    egress = Egress(("127.0.0.0/8",), ca_file=authority.ca_file, names=names)
    site.serve("/jwks", {})
    await egress.fetch(site.url("/jwks", "rp.example"))
    assert site.seen[0][2]["Host"] == f"rp.example:{site.port}"
    assert await refused(egress, site.url("/jwks", "other.example")) == "certificate_refused"
    await egress.close()


async def test_what_the_network_does_has_a_word(egress: Egress) -> None:
    """A304: why nothing came is a word of ours, and no name of a class."""
    assert await refused(egress, f"https://localhost:{free_port()}/") == "connection_refused"
    assert await refused(egress, "https://nobody.invalid/") == "name_unknown"


async def test_an_unknown_authority_is_not_trusted(site: Site) -> None:
    """Without the extra authority the same server is refused."""
    egress = Egress(("localhost",), timeout_seconds=2)
    site.serve("/", {})
    assert await refused(egress, site.url("/")) == "certificate_refused"
    assert site.seen == []
    await egress.close()


async def test_plain_http_is_for_developers(authority: Authority) -> None:
    """http reaches nothing but this machine, when it is allowed and the server is a developer's."""
    developer = Egress(("localhost", "rp.example"), plain_http=True, timeout_seconds=2)
    async with serving_site(None) as site:
        site.serve("/", {})
        assert (await developer.fetch(site.url("/"))).body == b"{}"
        assert await refused(developer, site.url("/", "rp.example")) == "scheme"
        assert await refused(developer, site.url("/", "127.0.0.1")) == "address"
        for other in (Egress(("localhost",)), Egress(plain_http=True)):
            assert await refused(other, site.url("/")) in {"scheme", "address"}
            await other.close()
        assert len(site.seen) == 1
    await developer.close()


async def test_size_is_limited(egress: Egress, site: Site) -> None:
    """An answer is cut off at the limit, whether it announces its size or not."""
    site.serve("/announced", b"a" * 5000)

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        for _ in range(1000):
            await answer.write(b"a" * 1024)
        return answer

    site.answers["/endless"] = endless
    assert await refused(egress, site.url("/announced")) == "too_large"
    assert await refused(egress, site.url("/endless")) == "too_large"
    assert len((await egress.fetch(site.url("/announced"), limit=5000)).body) == 5000


async def test_compressed_answers_are_refused(egress: Egress, site: Site) -> None:
    """What unfolds is not read at all."""
    bomb = gzip.compress(b"a" * 10_000_000)
    site.serve("/bomb", bomb[:4000], headers={"Content-Encoding": "gzip"})
    assert await refused(egress, site.url("/bomb")) == "compressed"


@pytest.mark.parametrize("status", [204, 304, 400, 404, 500])
async def test_only_200_is_a_document(status: int, egress: Egress, site: Site) -> None:
    """Another status is no document."""
    site.serve("/", b"", status=status)
    assert await refused(egress, site.url("/")) == f"status_{status}"


async def test_time_is_limited_as_a_whole(authority: Authority, site: Site) -> None:
    """F36: a server that sends a byte now and then does not hold a fetch for longer than its time."""

    async def drip(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        for _ in range(100):
            await answer.write(b"a")
            await asyncio.sleep(0.05)
        return answer

    site.answers["/drip"] = drip
    egress = Egress(("localhost",), ca_file=authority.ca_file, timeout_seconds=0.3)
    assert await refused(egress, site.url("/drip")) == "timed_out"
    await egress.close()


async def test_a_request_that_is_cancelled_was_not_answered(egress: Egress, site: Site) -> None:
    """What nobody waits for any more is counted as cancelled, and is no longer in progress."""
    arrived = asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        arrived.set()
        await asyncio.sleep(1)
        return web.Response()

    def counted() -> dict[str, float]:
        return {word: EGRESS.series.get(("GET", word), 0) for word in ("answered", "cancelled")}

    site.answers["/hang"], before = hang, counted()
    fetching = asyncio.create_task(egress.fetch(site.url("/hang")))
    await arrived.wait()
    fetching.cancel()
    await asyncio.wait([fetching])
    assert counted() == {"answered": before["answered"], "cancelled": before["cancelled"] + 1}
    egress.measure()
    assert EGRESS_RUNNING.series == {(): 0}


async def test_a_name_service_that_is_away(authority: Authority) -> None:
    """F36: a look-up that never answers ends with the fetch's time."""

    class SilentNames(Names):
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
            await asyncio.sleep(60)
            return []

    egress = Egress(timeout_seconds=0.1, names=SilentNames(()))
    assert await refused(egress, "https://rp.example/") == "timed_out"
    await egress.close()


async def test_networks_and_hosts_are_allowed_apart(authority: Authority, site: Site, tmp_path: Path) -> None:
    """An allowed host may have any address; an allowed network is open to any host; the rest stays closed."""
    site.serve("/", {})
    by_network = Egress(("127.0.0.1/32",), ca_file=authority.ca_file)
    assert (await by_network.fetch(site.url("/", "127.0.0.1"))).body == b"{}"
    by_host = Egress(("rp.example",), ca_file=authority.ca_file, names=Names(("127.0.0.1",)))
    assert (await by_host.fetch(site.url("/", "rp.example"))).body == b"{}"
    assert await refused(by_host, site.url("/", "a.rp.example")) == "address"
    for egress in (by_network, by_host):
        await egress.close()


async def test_signing_in_needs_no_network(outgoing_server: RunningServer, site: Site) -> None:
    """F36: while nothing outside answers, people sign in and get their tokens as ever."""
    never = asyncio.Event()

    async def silent(_request: web.Request) -> web.StreamResponse:
        await never.wait()
        return web.Response()

    site.answers["/jwks"] = silent
    service = await outgoing_server.client(
        "service", token_endpoint_auth_method="private_key_jwt", jwks_uri=site.url("/jwks")
    )
    assertion = signed(new_key(), claims_for(outgoing_server, service))
    waiting = asyncio.create_task(present(outgoing_server, assertion))
    browser, client = Browser(outgoing_server), await outgoing_server.client("web")
    assert "id_token" in await browser.code_flow(client)
    assert not waiting.done()
    never.set()
    assert await waiting == (401, "invalid_client")
