"""A198: who may read an answer with a script in a browser (Fetch §3.2), over real HTTP."""

from urllib.parse import urlencode

import pytest

from authrim.store.contract import Store
from tests.support.browser import Browser, authorization_query, redeem
from tests.support.running import RunningServer, running_server

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

ALLOW = "Access-Control-Allow-Origin"
OWN, FOREIGN = "https://rp.example", "https://evil.example"


async def test_the_token_endpoint_is_read_by_the_clients_own_origin(
    server: RunningServer, browser: Browser
) -> None:
    """A198: the origins of the client's redirect URIs, never another, never ``null``, never with credentials."""
    spa = await server.client("spa")
    form = {"grant_type": "authorization_code", "client_id": spa.client_id, "code": "x"}
    for origin, allowed in ((OWN, OWN), (FOREIGN, None), ("null", None), (OWN + ".evil.example", None)):
        async with server.http.post(server.url("/token"), data=form, headers={"Origin": origin}) as answer:
            assert answer.status == 400
            assert answer.headers.get(ALLOW) == allowed, origin
            assert answer.headers["Vary"] == "Origin"
            assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_userinfo_and_revocation(server: RunningServer, browser: Browser) -> None:
    """A198: userinfo and revocation follow the same list."""
    spa = await server.client("spa")
    shown, verifier = await browser.authorize(spa)
    shown = await browser.through_pages(shown)
    _, tokens = await redeem(server, spa, shown.parameters["code"], verifier)
    for origin, allowed in ((OWN, OWN), (FOREIGN, None), ("null", None)):
        headers = {"Authorization": f"Bearer {tokens['access_token']}", "Origin": origin}
        async with server.http.get(server.url("/userinfo"), headers=headers) as answer:
            assert (answer.status, answer.headers.get(ALLOW)) == (200, allowed), origin
        form = {"token": "unknown", "client_id": spa.client_id}
        async with server.http.post(server.url("/revoke"), data=form, headers={"Origin": origin}) as answer:
            assert (answer.status, answer.headers.get(ALLOW)) == (200, allowed), origin


async def test_a_refusal_of_userinfo_is_read_by_the_clients_own_origin(
    server: RunningServer, browser: Browser
) -> None:
    """A198: a script may read why userinfo answers its client no (RFC 6750 §3.1), as it may at the other endpoints."""
    tokens = await browser.code_flow(await server.client("spa"), scope="email")
    for origin, allowed in ((OWN, OWN), (FOREIGN, None)):
        headers = {"Authorization": f"Bearer {tokens['access_token']}", "Origin": origin}
        async with server.http.get(server.url("/userinfo"), headers=headers) as answer:
            assert (answer.status, answer.headers.get(ALLOW)) == (403, allowed), origin


async def test_preflights(server: RunningServer) -> None:
    """A198: a preflight of an opaque origin gets nothing; pages and the authorization endpoint have none."""
    for path in ("/token", "/par", "/userinfo", "/revoke", "/jwks", "/.well-known/openid-configuration"):
        for origin, allowed in ((OWN, OWN), ("null", None)):
            async with server.http.options(server.url(path), headers={"Origin": origin}) as answer:
                assert (answer.status, answer.headers.get(ALLOW)) == (204, allowed), path
                assert "Access-Control-Allow-Credentials" not in answer.headers
    for path in ("/authorize", "/introspect"):
        async with server.http.options(server.url(path), headers={"Origin": OWN}) as answer:
            assert (answer.status, answer.headers.get(ALLOW)) == (405, None), path


async def test_a_preflight_takes_headers_of_an_applications_own(server: RunningServer) -> None:
    """A198: what a library adds, such as ``MCP-Protocol-Version``, stops no request; the star is for no credentials."""
    asked = {
        "Origin": OWN,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "mcp-protocol-version",
    }
    for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/token"):
        async with server.http.options(server.url(path), headers=asked) as answer:
            allowed = answer.headers["Access-Control-Allow-Headers"].split(", ")
            assert (answer.status, "*" in allowed, "Authorization" in allowed) == (204, True, True), path
            assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_errors_before_a_client_is_known_are_for_every_origin(server: RunningServer) -> None:
    """A198: of an unknown client, a dead token, a wrong method: a script reads why, and what it needs to go on."""
    form = {"grant_type": "authorization_code", "client_id": "nobody", "code": "x"}
    attempts = [
        ("POST", "/token", {"data": form}, 401),
        ("POST", "/token", {"json": form}, 415),
        ("GET", "/token", {}, 405),
        ("POST", "/par", {"data": form}, 401),
        ("POST", "/revoke", {"data": form}, 401),
        ("GET", "/userinfo", {}, 401),
        ("GET", "/userinfo", {"headers": {"Authorization": "Bearer dead"}}, 401),
        ("GET", "/userinfo?access_token=x", {}, 400),
        ("POST", "/jwks", {}, 405),
    ]
    for method, path, sent, status in attempts:
        headers = {"Origin": FOREIGN} | sent.pop("headers", {})
        async with server.http.request(method, server.url(path), headers=headers, **sent) as answer:
            assert (answer.status, answer.headers.get(ALLOW)) == (status, "*"), (method, path)
            exposed = answer.headers["Access-Control-Expose-Headers"]
            assert "WWW-Authenticate" in exposed
            assert "DPoP-Nonce" in exposed
            assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_errors_elsewhere_are_for_nobody(server: RunningServer) -> None:
    """A198: an unknown path, a page's error and introspection stay closed to scripts."""
    for method, path in (("GET", "/nothing"), ("GET", "/authorize"), ("POST", "/introspect")):
        async with server.http.request(method, server.url(path), headers={"Origin": FOREIGN}) as answer:
            assert (answer.status >= 400, answer.headers.get(ALLOW)) == (True, None), path


async def test_a_registration_is_read_by_whoever_made_it(store: Store) -> None:
    """A198: a client in a browser may register itself where that is open; no cookie counts there."""
    async with running_server(store, registration="open") as server:
        document = {"redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": "none"}
        for sent, status in ((document, 201), ({"redirect_uris": ["javascript:x"]}, 400)):
            headers = {"Origin": FOREIGN}
            async with server.http.post(server.url("/register"), json=sent, headers=headers) as answer:
                assert (answer.status, answer.headers.get(ALLOW)) == (status, "*")


async def test_public_documents_are_for_everyone(server: RunningServer) -> None:
    """A198: discovery and keys are the same for all, and say in every answer that they vary by origin."""
    for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks"):
        for headers, allowed in (({"Origin": FOREIGN}, "*"), ({"Origin": "null"}, None), ({}, None)):
            async with server.http.get(server.url(path), headers=headers) as answer:
                assert (answer.status, answer.headers.get(ALLOW)) == (200, allowed), path
                assert answer.headers["Vary"] == "Origin"


async def test_pages_are_never_read_from_elsewhere(server: RunningServer, browser: Browser) -> None:
    """A198: the authorization endpoint and the pages behind it carry no such header for anybody."""
    web = await server.client("web")
    _, query = authorization_query(web)
    url = server.url("/authorize?") + urlencode(query)
    shown, _ = await browser.authorize(web)
    cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
    for target in (url, shown.url):
        headers = cookies | {"Origin": OWN}
        async with server.http.get(target, headers=headers, allow_redirects=False) as answer:
            assert answer.status in (200, 303)
            assert not [name for name in answer.headers if name.startswith("Access-Control-")]


async def test_an_origin_is_compared_as_browsers_spell_it(server: RunningServer) -> None:
    """A198: a redirect URI with the usual port or capitals has the origin that its browser sends, which has neither."""
    client = await server.client("spelled", kind="spa", redirect_uris=("https://RP.example:443/cb",))
    form = {"grant_type": "authorization_code", "client_id": client.client_id, "code": "x"}
    headers = {"Origin": "https://rp.example"}
    async with server.http.post(server.url("/token"), data=form, headers=headers) as answer:
        assert answer.headers[ALLOW] == "https://rp.example"
