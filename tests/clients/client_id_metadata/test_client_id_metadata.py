"""A client whose ``client_id`` is the address of its metadata document (A120)."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from aiohttp import web

from authrim.clients.part import CLIENTS
from authrim.clients.records import delete_client, disable_client, enable_client, update_client
from authrim.store.contract import Store
from domain.client.client_id_url import problem
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.assertion import ASSERTION_TYPE, claims_for, new_key, public_jwks, signed
from tests.support.browser import Browser, BrowserPage, redeem
from tests.support.https_site import Authority, Site
from tests.support.log import whole_log
from tests.support.nodes import another_node
from tests.support.registration import call
from tests.support.resource_servers import changed, resource_server
from tests.support.running import KnownClient, RunningServer, running_server

PATH = "/client.json"
ONE_STORE = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


@pytest_asyncio.fixture
async def server(store: Store, authority: Authority) -> AsyncIterator[RunningServer]:
    """A server with the draft switched on that may reach the tests' sites."""
    async with running_server(
        store, features_on=("client_id_metadata",), egress_allow=("localhost",), egress_ca_file=authority.ca_file,
        egress_timeout_seconds=2, registrations_per_minute=1000,
    ) as running:  # fmt: skip
        yield running


def forget(server: RunningServer) -> None:
    """As if the documents were old."""
    server.parts[CLIENTS].documents._fresh_until.clear()


def publish(site: Site, path: str = PATH, **members: Any) -> KnownClient:
    """Serve a document; the client that it describes. None leaves a member out."""
    client_id = site.url(path)
    document = {
        "client_id": client_id,
        "client_name": "Tool",
        "redirect_uris": ["https://rp.example/cb"],
    } | members
    site.serve(path, {name: value for name, value in document.items() if value is not None})
    metadata = ClientMetadata(redirect_uris=("https://rp.example/cb",), token_endpoint_auth_method="none")
    return KnownClient(client_id, None, metadata)


async def begin(browser: Browser, client_id: str) -> BrowserPage:
    """An authorization request."""
    query = {
        "client_id": client_id, "redirect_uri": "https://rp.example/cb", "response_type": "code", "scope": "openid",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256",
    }  # fmt: skip
    return await browser.request("GET", browser.server.url("/authorize?") + urlencode(query))


async def test_a_client_that_nobody_registered_is_served(
    server: RunningServer, browser: Browser, site: Site
) -> None:
    """The whole flow; the page says whose address vouches for the name; one fetch for all of it."""
    client = publish(site)
    shown, verifier = await browser.authorize(client)
    assert "Tool (localhost:" in shown.body
    shown = await browser.through_pages(shown)
    status, tokens = await redeem(server, client, shown.parameters["code"], verifier)
    assert status == 200, tokens
    assert (await call(server, "GET", server.url("/userinfo"), tokens["access_token"])).status == 200
    assert site.asked(PATH) == 1
    assert '"source":"metadata_document"' in await whole_log(server)


async def test_an_address_whose_tokens_look_like_id_tokens_is_no_client(
    server: RunningServer, browser: Browser, site: Site
) -> None:
    """A154: access tokens for that resource server would pass for the client's ID tokens (RFC 9068 §5)."""
    client = publish(site)
    await resource_server(server, client.client_id, access_token_typ="JWT")
    assert (await begin(browser, client.client_id)).status == 400
    await changed(server, client.client_id, access_token_typ="at+jwt")
    assert (await begin(browser, client.client_id)).status == 200


async def test_it_is_told_in_the_metadata(server: RunningServer) -> None:
    """client_id_metadata_document_supported."""
    async with server.http.get(server.url("/.well-known/oauth-authorization-server")) as answer:
        assert (await answer.json())["client_id_metadata_document_supported"] is True


@ONE_STORE
async def test_off_by_default(store: Store, authority: Authority, site: Site) -> None:
    """A draft: without features_on nothing is fetched, and such a client is not known."""
    async with running_server(store, egress_allow=("localhost",), egress_ca_file=authority.ca_file) as server:
        assert (await begin(Browser(server), publish(site).client_id)).status == 400
        async with server.http.get(server.url("/.well-known/oauth-authorization-server")) as answer:
            assert "client_id_metadata_document_supported" not in await answer.json()
    assert not site.seen


@ONE_STORE
async def test_switched_off_again(server: RunningServer, browser: Browser, site: Site) -> None:
    """Where documents are not looked at any more, nobody vouches for the clients of before, at either endpoint."""
    client = publish(site)
    assert (await begin(browser, client.client_id)).status == 200
    async with another_node(server, features_on=()) as without:
        assert (await begin(Browser(without), client.client_id)).status == 400
        form = {"grant_type": "authorization_code", "code": "x", "client_id": client.client_id}
        status, answer = await without.post("/token", form)
        assert (status, answer["error"]) == (401, "invalid_client")


@ONE_STORE
async def test_switched_off_again_ends_the_tokens_of_before(
    server: RunningServer, browser: Browser, site: Site
) -> None:
    """Where nobody vouches for a client any more, its access tokens are not active: neither at userinfo nor for the
    resource server that introspects them."""
    tokens = await browser.code_flow(publish(site))
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    async with server.http.get(server.url("/userinfo"), headers=bearer) as answer:
        assert answer.status == 200
    async with another_node(server, features_on=()) as without:
        async with without.http.get(without.url("/userinfo"), headers=bearer) as answer:
            assert answer.status == 401
        api = await without.client("api")
        _, told = await without.post("/introspect", {"token": tokens["access_token"]}, api.basic)
        assert told == {"active": False}


async def test_a_client_with_keys(server: RunningServer, browser: Browser, site: Site) -> None:
    """private_key_jwt with the keys of the document."""
    key = new_key()
    client = publish(site, token_endpoint_auth_method="private_key_jwt", jwks=public_jwks(key))
    shown, verifier = await browser.authorize(client)
    code = (await browser.through_pages(shown)).parameters["code"]
    status, _ = await redeem(server, client, code, verifier)
    assert status == 401
    assertion = signed(key, claims_for(server, client))
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    shown, verifier = await browser.authorize(client)
    status, tokens = await redeem(server, client, shown.parameters["code"], verifier, **form)
    assert status == 200, tokens


async def test_a_document_that_changes(server: RunningServer, browser: Browser, site: Site) -> None:
    """Fetched again when it is old; what it said before appends nothing, and a new address voids consents (A206)."""
    client = publish(site)
    await browser.code_flow(client)
    forget(server)
    shown, _ = await browser.authorize(client)
    assert "code" in shown.parameters
    assert (site.asked(PATH), (await whole_log(server)).count("client.updated")) == (2, 0)
    publish(site, redirect_uris=["https://rp.example/cb", "https://rp.example/more"])
    forget(server)
    shown, _ = await browser.authorize(client)
    assert "/consent/" in shown.url
    assert (await whole_log(server)).count('"consents_void":true') == 1


async def test_a_document_that_is_gone(server: RunningServer, browser: Browser, site: Site) -> None:
    """Nobody vouches for the client any more, so it begins nothing; it comes back with its document."""
    client = publish(site)
    await browser.code_flow(client)
    answer = site.answers.pop(PATH)
    forget(server)
    assert (await begin(browser, client.client_id)).status == 400
    site.answers[PATH] = answer
    assert (await begin(browser, client.client_id)).location is not None


async def test_an_administrator_has_the_last_word(
    server: RunningServer, browser: Browser, site: Site
) -> None:
    """Disabled, it stays so whatever its document says, and its tokens are inactive; deleted, it never comes back."""
    client = publish(site)
    tokens = await browser.code_flow(client)
    store = server.core.store
    await disable_client(store, DEFAULT_TENANT, client.client_id, "test")
    publish(site, client_name="New")
    forget(server)
    assert (await begin(browser, client.client_id)).status == 400
    assert (await call(server, "GET", server.url("/userinfo"), tokens["access_token"])).status == 401
    await enable_client(store, DEFAULT_TENANT, client.client_id)
    await server.core.configuration.catch_up()
    assert (await begin(browser, client.client_id)).location is not None
    await delete_client(store, DEFAULT_TENANT, client.client_id)
    forget(server)
    assert (await begin(browser, client.client_id)).status == 400


@ONE_STORE
async def test_a202_a_document_takes_nothing_back_from_an_administrator(
    server: RunningServer, browser: Browser, site: Site
) -> None:
    """A202: what an administrator restricted stays though the document leaves it out; one that asks for more by name is
    nobody's any more, and what it takes up beside that is asked about."""
    client = publish(site)
    assert (await begin(browser, client.client_id)).status == 200
    await update_client(
        server.core.store, DEFAULT_TENANT, client.client_id,
        {"scope": ("openid",), "dpop_bound_access_tokens": True, "skip_consent": True},
    )  # fmt: skip
    publish(site, client_name="New", token_endpoint_auth_method="none")
    forget(server)
    assert (await begin(browser, client.client_id)).status == 200
    found = await server.core.configuration.client(DEFAULT_TENANT, client.client_id)
    assert found is not None
    assert (found.metadata.client_name, found.metadata.scope) == ("New", ("openid",))
    assert found.metadata.dpop_bound_access_tokens
    assert found.metadata.skip_consent
    publish(site, scope="openid email")
    forget(server)
    assert (await begin(browser, client.client_id)).status == 400


@ONE_STORE
async def test_a_client_keeps_the_profile_that_it_has(
    server: RunningServer, browser: Browser, site: Site
) -> None:
    """What a document leaves out is as the client's own profile has it, whatever new clients get by then."""
    key = new_key()
    client = publish(site, jwks=public_jwks(key), token_endpoint_auth_method="private_key_jwt")
    assert (await begin(browser, client.client_id)).status == 200
    changes = {
        "profile": "fapi2-security", "dpop_bound_access_tokens": True, "grant_types": ("authorization_code",),
        "id_token_signed_response_alg": "ES256", "access_token_signing_alg": "ES256",
    }  # fmt: skip
    updated = await update_client(server.core.store, DEFAULT_TENANT, client.client_id, changes)
    assert not isinstance(updated, Refusal), updated
    publish(site, jwks=public_jwks(key), client_name="New")
    forget(server)
    await begin(browser, client.client_id)
    found = await server.core.configuration.client(DEFAULT_TENANT, client.client_id)
    assert found is not None
    assert (found.metadata.client_name, found.metadata.profile) == ("New", "fapi2-security")
    assert found.metadata.token_endpoint_auth_method == "private_key_jwt"


@pytest.mark.parametrize(
    "client_id",
    [
        "http://rp.example/c.json", "https://rp.example", "https://rp.example/c#f", "https://u:p@rp.example/c",
        "https://u@rp.example/c", "https://rp.example/a/../c", "https://rp.example/./c", "https://rp.example/%2e%2e/c",
        "https://rp.example/%2E/c", "https://rp.example/a/..", "https:///c", "https://rp.example\\@evil.example/c",
        "https://rp.example./c", "https://rp.exаmple/c", "https://rp.example/c d", "https://rp.example:0/c",
        "HTTPS://rp.example/c", "https://rp.example/" + "x" * 500, "ftp://rp.example/c", "javascript:x", "",
    ],
)  # fmt: skip
def test_a120_addresses_that_are_none(client_id: str) -> None:
    """A120: https, a path, no fragment, no user information, no dot segments, nothing that could be read twice."""
    assert problem(client_id)


def test_a120_addresses_that_are_good() -> None:
    """A port, a query and a bare slash are allowed."""
    for client_id in ("https://rp.example/", "https://rp.example:8443/c.json", "https://rp.example/c?v=1"):
        assert problem(client_id) == ""


BAD_DOCUMENTS: list[dict[str, Any]] = [
    {"client_id": None}, {"client_id": "https://evil.example/c"}, {"client_id": 1},
    {"token_endpoint_auth_method": "client_secret_basic"}, {"token_endpoint_auth_method": "client_secret_post"},
    {"token_endpoint_auth_method": "client_secret_jwt"}, {"client_secret": "x"},
    {"client_secret_expires_at": 0},
    {"token_endpoint_auth_method": "private_key_jwt"}, {"jwks": {"keys": [new_key().as_dict(private=True)]}},
    {"redirect_uris": ["http://rp.example/cb"]}, {"redirect_uris": []}, {"redirect_uris": "https://rp.example/cb"},
    {"sector_identifier_uri": "https://rp.example/s"},
    {"scope": "openid admin"}, {"skip_consent": True}, {"profile": "oidc"}, {"grant_types": ["client_credentials"]},
]  # fmt: skip


@ONE_STORE
async def test_a120_documents_that_are_refused(server: RunningServer, browser: Browser, site: Site) -> None:
    """A120, A202: another client_id, shared secrets, private keys, what only an administrator sets: an error page."""
    for number, members in enumerate(BAD_DOCUMENTS):
        client = publish(site, f"/{number}.json", **members)
        shown = await begin(browser, client.client_id)
        assert (shown.status, shown.location) == (400, None), members
    assert ":client:" not in await whole_log(server)


@ONE_STORE
async def test_a120_answers_that_are_refused(server: RunningServer, browser: Browser, site: Site) -> None:
    """A112, A120: a redirect, another status, another type, no JSON, members twice, too large: an error page."""
    good = b'{"client_id": "%s", "redirect_uris": ["https://rp.example/cb"]}' % site.url(PATH).encode()
    publish(site, "/other.json")

    async def redirect(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": site.url("/other.json")})

    def serve(body: bytes, content_type: str = "application/json", status: int = 200) -> None:
        site.serve(PATH, body, content_type, status)

    site.answers[PATH] = redirect
    assert (await begin(browser, site.url(PATH))).status == 400
    assert site.asked("/other.json") == 0
    for body, content_type, status in (
        (good, "text/html", 200), (good, "application/json", 404), (good, "text/x+json", 200),
        (b"[]", "application/json", 200),
        (b"{", "application/json", 200), (good[:-1] + b', "client_id": "x"}', "application/json", 200),
        (good + b" " * 20_000, "application/json", 200),
    ):  # fmt: skip
        serve(body, content_type, status)
        assert (await begin(browser, site.url(PATH))).status == 400, (body[:50], content_type, status)
    serve(good, "application/oauth-client+json")
    assert (await begin(browser, site.url(PATH))).status == 200


@ONE_STORE
async def test_a120_addresses_of_the_inside_are_not_reached(
    store: Store, authority: Authority, site: Site
) -> None:
    """A112: what the egress guard does not let through is a client that nobody knows."""
    async with running_server(
        store, features_on=("client_id_metadata",), egress_ca_file=authority.ca_file
    ) as server:
        for client_id in (publish(site).client_id, "https://169.254.169.254/latest", "https://[::1]/c"):
            assert (await begin(Browser(server), client_id)).status == 400
    assert not site.seen


@ONE_STORE
async def test_a201_nobody_makes_us_fetch_without_end(store: Store, authority: Authority, site: Site) -> None:
    """A201: fetches are counted by source, failed ones too."""
    async with running_server(
        store, features_on=("client_id_metadata",), egress_allow=("localhost",), egress_ca_file=authority.ca_file,
        registrations_per_minute=2,
    ) as server:  # fmt: skip
        for number in range(4):
            await begin(Browser(server), site.url(f"/{number}"))
    assert len(site.seen) == 2


async def test_at_the_token_endpoint(server: RunningServer, site: Site) -> None:
    """An unknown client's document is fetched there too; a code that is none is invalid_grant, and no more is told."""
    client = publish(site)
    form = {"grant_type": "authorization_code", "code": "x", "client_id": client.client_id}
    assert (await server.post("/token", form))[1]["error"] == "invalid_grant"
    form["client_id"] = site.url("/missing.json")
    assert (await server.post("/token", form))[0] == 401
