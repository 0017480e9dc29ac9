"""Each setting of a resource server, in a token over HTTP, read by libraries that resource servers use."""

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from authrim.store.contract import Store
from tests.support.browser import Browser
from tests.support.nodes import another_node
from tests.support.resource_servers import (
    API,
    FILES,
    changed,
    decrypted,
    encryption_key,
    resource_server,
    retired,
    service_token,
)
from tests.support.running import RunningServer, running_server
from tests.support.tokens import OFFLINE, claims_of, refresh

ALGORITHMS = ("ES256", "RS256")


async def key_set(server: RunningServer) -> dict[str, Any]:
    async with server.http.get(server.url("/jwks")) as answer:
        document: dict[str, Any] = await answer.json()
        return document


async def read_by_joserfc(server: RunningServer, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims."""
    read = jwt.decode(token, KeySet.import_key_set(await key_set(server)), algorithms=[*ALGORITHMS])
    return dict(read.header), dict(read.claims)


@pytest.mark.parametrize("typ", ["at+jwt", "JWT"])
async def test_the_typ(server: RunningServer, typ: str) -> None:
    """RFC 9068 §2.1: ``at+jwt`` unless the resource server wants ``JWT``; introspection knows either."""
    await resource_server(server, access_token_typ=typ)
    token = (await service_token(server, await server.client("service")))["access_token"]
    header, claims = await read_by_joserfc(server, token)
    assert (header["typ"], claims["aud"]) == (typ, API)
    service = await server.client("service")
    assert (await server.post("/introspect", {"token": token}, service.basic))[1]["active"] is True


async def test_the_format(server: RunningServer, browser: Browser) -> None:
    """The resource server decides, not the client: opaque for one, a JWT for the other, out of one grant."""
    await resource_server(server, API, access_token_format="opaque")
    await resource_server(server, FILES, access_token_format="jwt")
    web = await server.client("web", audiences=(API, FILES), access_token_format="opaque")
    first = await browser.code_flow(web, **OFFLINE, resource=API)
    assert first["access_token"].startswith("at.")
    _, seen = await server.post("/introspect", {"token": first["access_token"]}, web.basic)
    assert (seen["active"], seen["aud"]) == (True, [API, server.issuer])
    for_both = await browser.code_flow(web, **OFFLINE, resource=FILES)
    assert claims_of(for_both["access_token"])["aud"] == [FILES, server.issuer]


async def test_the_lifetime(server: RunningServer) -> None:
    """In the token and beside it; a token without that audience lives as before."""
    await resource_server(server, access_token_lifetime=77)
    service = await server.client("service", audiences=(API, FILES))
    answer = await service_token(server, service)
    claims = claims_of(answer["access_token"])
    assert claims["exp"] - claims["iat"] == answer["expires_in"] == 77
    assert (await service_token(server, service, resource=FILES))["expires_in"] == 600


async def test_the_signing_algorithm(server: RunningServer) -> None:
    """The key that the server holds for it signs, and its published half verifies."""
    await resource_server(server, access_token_signing_alg="RS256")
    service = await server.client("service", access_token_signing_alg="ES256")
    header, _claims = await read_by_joserfc(server, (await service_token(server, service))["access_token"])
    assert header["alg"] == "RS256"


async def test_the_scope(server: RunningServer, browser: Browser) -> None:
    """A252, RFC 8707 §2.2: each token holds what its audience understands, and the answer says so."""
    await resource_server(server, API, scope=("api.read",))
    await resource_server(server, FILES, scope=("files.read",))
    scope = ("openid", "profile", "offline_access", "api.read", "files.read")
    web = await server.client("web", audiences=(API, FILES), scope=scope)
    tokens = await browser.code_flow(web, scope=" ".join(scope), prompt="consent", resource=API)
    assert tokens["scope"] == "openid profile offline_access api.read"
    assert claims_of(tokens["access_token"])["scope"] == tokens["scope"]
    service = await server.client("service", audiences=(API, FILES), scope=("api.read", "files.read"))
    assert (await service_token(server, service, resource=FILES))["scope"] == "files.read"
    form = {"grant_type": "client_credentials", "resource": FILES, "scope": "api.read"}
    status, refused = await server.post("/token", form, service.basic)
    assert (status, refused["error"]) == (400, "invalid_scope")


async def test_the_encryption(server: RunningServer, browser: Browser) -> None:
    """RFC 9068 §6: only the resource server reads the token; introspection, userinfo and revocation know it still."""
    key = encryption_key()
    await resource_server(
        server,
        access_token_encryption_alg="ECDH-ES",
        access_token_encryption_enc="A256GCM",
        jwks={"keys": [key.as_dict(private=False)]},
    )
    web = await server.client("web", audiences=(API,))
    token = (await browser.code_flow(web, resource=API))["access_token"]
    assert token.count(".") == 4
    header, claims = await read_by_joserfc(server, decrypted(token, key))
    assert (header["typ"], claims["aud"]) == ("at+jwt", [API, server.issuer])
    assert (await server.post("/introspect", {"token": token}, web.basic))[1]["active"] is True
    bearer = {"Authorization": f"Bearer {token}"}
    async with server.http.get(server.url("/userinfo"), headers=bearer) as answer:
        assert (await answer.json())["sub"] == server.subject
    assert (await server.post("/revoke", {"token": token}, web.basic))[0] == 200
    for one in (token, decrypted(token, key)):
        assert (await server.post("/introspect", {"token": one}, web.basic))[1] == {"active": False}


async def test_any_client(server: RunningServer) -> None:
    """A client that lists nothing gets a token where the resource server takes every client, and nowhere else."""
    await resource_server(server, API, any_client=True)
    await resource_server(server, FILES)
    service = await server.client("service", audiences=(), default_audience=None)
    assert claims_of((await service_token(server, service, resource=API))["access_token"])["aud"] == API
    form = {"grant_type": "client_credentials", "resource": FILES}
    status, refused = await server.post("/token", form, service.basic)
    assert (status, refused["error"]) == (400, "invalid_target")


async def test_introspection(server: RunningServer) -> None:
    """A131: the resource server asks by its own client, which needs no other permission; it sees its own alone."""
    asker = await server.client("api", may_introspect=False, protected_resources=())
    await resource_server(server, API, introspection_clients=(asker.client_id,))
    await resource_server(server, FILES)
    service = await server.client("service", audiences=(API, FILES))
    own = (await service_token(server, service, resource=API))["access_token"]
    others = (await service_token(server, service, resource=FILES))["access_token"]
    assert (await server.post("/introspect", {"token": own}, asker.basic))[1]["active"] is True
    assert (await server.post("/introspect", {"token": others}, asker.basic))[1] == {"active": False}


async def test_a_change_is_for_the_next_token(server: RunningServer, browser: Browser) -> None:
    """What was issued stays as it is, and a refresh gives a token of the new form; a retired one gives none (A253)."""
    await resource_server(server)
    web = await server.client("web", audiences=(API,))
    tokens = await browser.code_flow(web, **OFFLINE, resource=API)
    await changed(server, access_token_typ="JWT", access_token_lifetime=55)
    assert (await server.post("/introspect", {"token": tokens["access_token"]}, web.basic))[1]["active"]
    status, fresh = await refresh(server, web, tokens["refresh_token"])
    assert (status, fresh["expires_in"]) == (200, 55)
    assert (await read_by_joserfc(server, fresh["access_token"]))[0]["typ"] == "JWT"
    assert (await server.post("/introspect", {"token": fresh["access_token"]}, web.basic))[1]["active"]
    await retired(server)
    status, refused = await refresh(server, web, fresh["refresh_token"])
    assert (status, refused["error"]) == (400, "invalid_target")
    assert (await server.post("/introspect", {"token": fresh["access_token"]}, web.basic))[1]["active"]


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_a_restart_knows_them(store: Store) -> None:
    """The settings come from the rows of the store, and those from the log."""
    async with running_server(store) as server:
        await resource_server(server, access_token_lifetime=33, scope=("reports.read",))
        service = await server.client("service")
        async with another_node(server) as other:
            answer = await service_token(other, service)
    assert (answer["expires_in"], answer["scope"]) == (33, "reports.read")
