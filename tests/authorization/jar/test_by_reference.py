"""Request objects behind a registered ``request_uri`` (RFC 9101 §5.2.2, OIDC Core §6.2), on a real HTTPS server."""

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest

from authrim.crypto.ids import digest
from authrim.store.contract import Store
from tests.support.assertion import new_key
from tests.support.browser import Browser, BrowserPage, authenticated_post, redeem
from tests.support.discovery import openid_metadata
from tests.support.https_site import Authority, Site
from tests.support.log import reason_of
from tests.support.pushed import on_error_page
from tests.support.request_object import object_claims, signed_object, signing_client
from tests.support.running import KnownClient, RunningServer, running_server

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

CALLBACK = "https://rp.example/cb"


@pytest.fixture
async def server(store: Store, authority: Authority) -> AsyncIterator[RunningServer]:
    """A server that takes objects by reference, and may ask this machine for them."""
    async with running_server(
        store, request_objects_by_reference=True, egress_allow=("localhost",), egress_ca_file=authority.ca_file,
        egress_timeout_seconds=2,
    ) as running:  # fmt: skip
        yield running


async def refer(browser: Browser, client: KnownClient, request_uri: str, **beside: str) -> BrowserPage:
    query = {"client_id": client.client_id, "request_uri": request_uri, **beside}
    return await browser.request("GET", browser.server.url("/authorize?") + urlencode(query))


async def reason(browser: Browser, shown: BrowserPage) -> str:
    return await reason_of(browser.server, shown.headers["Authrim-Error-Id"])


async def test_request_uri_signed_rs256(server: RunningServer, browser: Browser, site: Site) -> None:
    """``oidcc-request-uri-signed-rs256``: registered, fetched, verified; the parameters that OpenID Connect wants
    beside it as well are there, and are not what counts."""
    key = new_key("RS256")
    client = await signing_client(
        server, key=key, request_uris=(site.url("/request.jwt"),), request_object_signing_alg="RS256"
    )
    verifier, claims = object_claims(server, client, state="inside", nonce="n" * 43)
    site.serve("/request.jwt", signed_object(claims, key).encode(), "application/oauth-authz-req+jwt")
    beside = {"response_type": "code", "scope": "openid", "redirect_uri": CALLBACK, "state": "outside"}
    shown = await browser.through_pages(await refer(browser, client, site.url("/request.jwt"), **beside))
    assert shown.parameters["state"] == "inside"
    assert (await redeem(server, client, shown.parameters["code"], verifier))[0] == 200
    metadata = await openid_metadata(server)
    assert metadata["request_uri_parameter_supported"] is True
    assert metadata["require_request_uri_registration"] is True


async def test_the_hash_in_the_fragment(server: RunningServer, browser: Browser, site: Site) -> None:
    """OIDC Core §6.2: with the digest of what is there, it is fetched once. Without it the content may change and is
    fetched each time; so it is with another digest, as ``oidcc-request-uri-signed-rs256`` registers."""
    address = site.url("/request.jwt")
    client = await signing_client(server, request_uris=(f"{address}#{digest('as it was registered')}",))
    _, claims = object_claims(server, client)
    token = signed_object(claims)
    site.serve("/request.jwt", token.encode(), "application/jwt")
    for _ in range(3):
        assert "/login/" in (await refer(browser, client, f"{address}#{digest(token)}")).url
    assert site.asked("/request.jwt") == 1
    for _ in range(2):
        assert "/login/" in (await refer(browser, client, address)).url
    assert site.asked("/request.jwt") == 3
    for _ in range(2):
        assert "/login/" in (await refer(browser, client, f"{address}#{digest('another')}")).url
    assert site.asked("/request.jwt") == 5


async def test_only_what_is_registered(server: RunningServer, browser: Browser, site: Site) -> None:
    """A066: nothing is asked for at an address that this very client did not register, byte for byte."""
    client = await signing_client(server, request_uris=(site.url("/request.jwt"),))
    other = await signing_client(server, "other", request_uris=(site.url("/other.jwt"),))
    addresses = [
        site.url("/other.jwt"),
        site.url("/request.jwt?x=1"),
        site.url("/request.jwt/"),
        site.url("/request.jwt", host="127.0.0.1"),
        site.url("/request.jwt").replace("https", "http"),
        "https://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "gopher://localhost:25/x",
        "https://localhost@evil.example/request.jwt",
        "urn:example:request",
        "",
    ]
    for address in addresses[:-1]:
        shown = await refer(browser, client, address)
        assert on_error_page(shown, "invalid_request_uri"), address
        assert await reason(browser, shown) == "request_uri_not_registered"
    assert site.seen == []
    shown = await refer(browser, other, addresses[0], redirect_uri=CALLBACK, state="st")
    assert (shown.parameters["error"], shown.parameters["state"]) == ("invalid_request_uri", "st")


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (404, b"", {}),
        (302, b"", {"Location": "https://localhost:1/secret"}),
        (200, b"x" * 70_000, {}),
        (200, "é".encode(), {}),
    ],
)
async def test_what_cannot_be_fetched(
    server: RunningServer, browser: Browser, site: Site, status: int, body: bytes, headers: dict[str, str]
) -> None:
    """A066: errors, redirects, what is too large or no text: one answer for all, and nobody learns which."""
    client = await signing_client(server, request_uris=(site.url("/r"),))
    site.serve("/r", body, "application/jwt", status, headers)
    shown = await refer(browser, client, site.url("/r"))
    assert on_error_page(shown, "invalid_request_uri")
    assert await reason(browser, shown) == "request_uri_not_fetched"
    assert "localhost:1" not in shown.body


async def test_an_inner_address_of_a_registered_client(
    store: Store, authority: Authority, site: Site
) -> None:
    """A066, A112: an address inside is not asked, though the client registered it: the operator did not allow it."""
    async with running_server(
        store, request_objects_by_reference=True, egress_ca_file=authority.ca_file
    ) as strict:
        client = await signing_client(strict, "strict", request_uris=(site.url("/r"),))
        shown = await refer(Browser(strict), client, site.url("/r"))
    assert on_error_page(shown, "invalid_request_uri")
    assert site.seen == []


async def test_what_is_fetched_is_an_object_like_any(
    server: RunningServer, browser: Browser, site: Site
) -> None:
    """Signature and claims are checked as by value; a reference inside of a push is refused (A069)."""
    client = await signing_client(server, request_uris=(site.url("/r"),))
    _, claims = object_claims(server, client)
    for body in (
        signed_object(claims, new_key()),
        signed_object(claims | {"aud": "https://other.example"}),
        "x",
    ):
        site.serve("/r", body.encode(), "application/jwt")
        assert on_error_page(await refer(browser, client, site.url("/r")), "invalid_request_object")
    status, answer = await authenticated_post(server, client, "/par", {"request_uri": site.url("/r")})
    assert (status, answer["error"]) == (400, "invalid_request")


async def test_off_from_the_start(store: Store, site: Site) -> None:
    """decisions.md 19: without the setting nothing is fetched, and ``request_uri_not_supported`` says so."""
    async with running_server(store, egress_allow=("localhost",)) as usual:
        client = await signing_client(usual, request_uris=(site.url("/r"),))
        shown, _ = await Browser(usual).authorize(client, request_uri=site.url("/r"))
        assert shown.parameters["error"] == "request_uri_not_supported"
        metadata = await openid_metadata(usual)
        assert metadata["request_uri_parameter_supported"] is False
        assert "require_request_uri_registration" not in metadata
    assert site.seen == []
