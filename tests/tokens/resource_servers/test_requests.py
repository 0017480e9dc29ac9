"""How clients ask for the tokens of resource servers: at each endpoint where ``resource`` may be (RFC 8707 §2)."""

import pytest

from authrim.clients.part import CLIENTS
from authrim.store.contract import Store
from domain.client.metadata import ClientMetadata
from domain.grant.events import CodeRedeemed
from tests.support.browser import Browser, authorization_query, redeem
from tests.support.https_site import Site
from tests.support.log import count_events
from tests.support.registration import MINIMAL, register
from tests.support.resource_servers import API, FILES, decrypted, encryption_key, resource_server
from tests.support.running import KnownClient, RunningServer, running_server
from tests.support.tokens import OFFLINE, claims_of, refresh

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def test_one_grant_gives_each_resource_server_its_own_token(
    server: RunningServer, browser: Browser
) -> None:
    """RFC 8707 §2.2, A251: asked for together and agreed to together, then a token for each, in its own form."""
    await resource_server(server, API, access_token_typ="JWT", scope=("api.read",))
    await resource_server(server, FILES, access_token_format="opaque", scope=("files.read",))
    scope = "profile offline_access api.read files.read"
    web = await server.client("web", audiences=(API, FILES), scope=tuple(scope.split()))
    verifier, parameters = authorization_query(web, scope=scope, prompt="consent")
    query = [*parameters.items(), ("resource", API), ("resource", FILES)]
    status, pushed = await server.post("/par", query, web.basic)
    assert status == 201, pushed
    shown, _ = await browser.authorize(web, request_uri=pushed["request_uri"])
    code = (await browser.through_pages(shown)).parameters["code"]
    status, refused = await redeem(server, web, code, verifier)
    assert (status, refused["error"]) == (400, "invalid_target")
    status, first = await redeem(server, web, code, verifier, resource=API)
    assert (status, first["scope"], claims_of(first["access_token"])["aud"]) == (200, "api.read", API)
    status, second = await refresh(server, web, first["refresh_token"], resource=FILES)
    assert (status, second["scope"]) == (200, "files.read")
    assert second["access_token"].startswith("at.")
    status, refused = await refresh(server, web, second["refresh_token"], resource="https://else.example/")
    assert (status, refused["error"]) == (400, "invalid_target")


async def test_the_implicit_flow_keeps_to_the_settings(server: RunningServer, browser: Browser) -> None:
    """OIDC Core §3.2: a token that comes through the browser is made for its resource server as every other is."""
    key = encryption_key()
    await resource_server(
        server, access_token_lifetime=50, scope=("api.read",), access_token_typ="JWT",
        access_token_encryption_alg="ECDH-ES", jwks={"keys": [key.as_dict(private=False)]},
    )  # fmt: skip
    web = await server.client(
        "web", audiences=(API,), scope=("openid", "api.read"), grant_types=("authorization_code", "implicit"),
        response_types=("code", "id_token token"),
    )  # fmt: skip
    shown, _ = await browser.authorize(
        web, response_type="id_token token", scope="openid api.read", nonce="n", resource=API
    )
    answer = (await browser.through_pages(shown)).parameters
    assert (answer["expires_in"], answer["scope"]) == ("50", "openid api.read")
    assert claims_of(decrypted(answer["access_token"], key))["scope"] == "openid api.read"
    _, seen = await server.post("/introspect", {"token": answer["access_token"]}, web.basic)
    assert (seen["active"], seen["aud"]) == (True, [API, server.issuer])


async def test_without_the_key_nothing_is_sent_and_nothing_used_up(
    outgoing_server: RunningServer, site: Site
) -> None:
    """F30: a resource server that wants its tokens encrypted gets none in clear; the code is good for another try."""
    server, key = outgoing_server, encryption_key()
    browser = Browser(server)
    await resource_server(server, access_token_encryption_alg="ECDH-ES", jwks_uri=site.url("/jwks"))
    web = await server.client("web", audiences=(API,))
    shown, verifier = await browser.authorize(web, **OFFLINE, resource=API)
    code = (await browser.through_pages(shown)).parameters["code"]
    status, refused = await redeem(server, web, code, verifier)
    assert (status, refused["error"]) == (503, "temporarily_unavailable")
    assert await count_events(server, code, CodeRedeemed) == 0
    site.serve("/jwks", {"keys": [key.as_dict(private=False)]})
    server.parts[CLIENTS].keys._held.clear()
    status, tokens = await redeem(server, web, code, verifier)
    assert status == 200
    assert API in claims_of(decrypted(tokens["access_token"], key))["aud"]


async def test_a_client_that_registered_itself(store: Store) -> None:
    """A039, RFC 8707 §2: it lists no audience, and gets tokens where the resource server takes every client alone."""
    async with running_server(
        store, registration="open", registration_scope=("openid", "api.read")
    ) as server:
        await resource_server(server, API, any_client=True, scope=("api.read",))
        await resource_server(server, FILES)
        answer = await register(server, MINIMAL | {"scope": "openid api.read"})
        client = KnownClient(
            answer.body["client_id"], answer.body["client_secret"],
            ClientMetadata(redirect_uris=tuple(MINIMAL["redirect_uris"])),
        )  # fmt: skip
        tokens = await Browser(server).code_flow(client, scope="api.read", resource=API)
        assert (claims_of(tokens["access_token"])["aud"], tokens["scope"]) == (API, "api.read")
        refused, _ = await Browser(server).authorize(client, scope="api.read", resource=FILES)
        assert "invalid_target" in (refused.body + str(refused.location))
