"""Tokens of one resource server at another, and tokens of one kind as another (docs/rules/attacks/tokens.md)."""

from typing import Any

import pytest

from authrim.crypto import base64url
from authrim.crypto.jws import SigningKey
from domain.stream import DEFAULT_TENANT
from tests.attacks.test_userinfo import Forger, ask, bearer
from tests.support.browser import Browser
from tests.support.logout import log_out
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
from tests.support.running import KnownClient, RunningServer
from tests.support.tokens import OFFLINE, claims_of, refresh

INACTIVE = {"active": False}
only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def seen(server: RunningServer, asker: KnownClient, token: str) -> dict[str, Any]:
    """What introspection says."""
    status, answer = await server.post("/introspect", {"token": token}, asker.basic)
    assert status == 200
    return answer


@only_sqlite
async def test_an_id_token_is_no_access_token(server: RunningServer, browser: Browser) -> None:
    """A154, RFC 9068 §5: also where access tokens have the typ of ID tokens, and all claims of one are in the other."""
    await resource_server(server, access_token_typ="JWT")
    web = await server.client("web", audiences=(API,), id_token_claims="scopes")
    tokens = await browser.code_flow(web, scope="openid profile email", resource=API)
    assert (await seen(server, web, tokens["access_token"]))["active"] is True
    assert (await ask(server, headers=bearer(tokens["access_token"])))[0] == 200
    assert await seen(server, web, tokens["id_token"]) == INACTIVE
    assert (await ask(server, headers=bearer(tokens["id_token"])))[:2] == (401, "invalid_token")
    forger, access, identity = (
        Forger(server),
        claims_of(tokens["access_token"]),
        claims_of(tokens["id_token"]),
    )
    halves: list[dict[str, Any]] = [
        {**identity, "jti": access["jti"]},
        {**identity, "grant_id": access["grant_id"]},
        {**identity, "grant_id": [access["grant_id"]], "jti": access["jti"]},
        {**identity, "grant_id": f"{access['grant_id']}:{access['jti']}", "jti": "*"},
    ]
    for claims in halves:
        assert await seen(server, web, forger.sign(claims, "JWT")) == INACTIVE


@only_sqlite
async def test_an_access_token_is_no_id_token(server: RunningServer, browser: Browser) -> None:
    """A154, RFC 9068 §5: with typ JWT it is no hint, be its audience the client itself: neither for a silent sign-in
    nor for a logout."""
    web = await server.client("web", client_name="Hinted", audiences=(API,))
    await resource_server(server, access_token_typ="JWT")
    tokens = await browser.code_flow(web, resource=API)
    claims = claims_of(tokens["access_token"])
    as_its_own = Forger(server).sign({**claims, "aud": web.client_id}, "JWT")
    for hint in (tokens["access_token"], as_its_own):
        shown, _ = await browser.authorize(web, prompt="none", id_token_hint=hint)
        assert shown.parameters["error"] == "invalid_request"
        asked = await log_out(browser, id_token_hint=hint, client_id=web.client_id)
        assert 'id="logout-yes"' in asked.body
        assert web.metadata.client_name not in asked.body
    shown, _ = await browser.authorize(web, prompt="none", id_token_hint=tokens["id_token"])
    assert "code" in shown.parameters


@only_sqlite
@pytest.mark.parametrize(("issued_as", "sent_as"), [("at+jwt", "JWT"), ("JWT", "at+jwt"), ("JWT", None)])
async def test_a_token_has_the_typ_that_it_was_issued_with(
    server: RunningServer, issued_as: str, sent_as: str | None
) -> None:
    """A154: its very claims under another typ, signed by us, are no access token."""
    await resource_server(server, access_token_typ=issued_as)
    service = await server.client("service")
    token = (await service_token(server, service))["access_token"]
    forger = Forger(server)
    assert (await seen(server, service, forger.sign(claims_of(token), issued_as)))["active"] is True
    assert await seen(server, service, forger.sign(claims_of(token), sent_as)) == INACTIVE


@only_sqlite
async def test_a_token_of_another_form_is_none(server: RunningServer) -> None:
    """A154: the id of an opaque token in a JWT, signed by us, is no token; nor is the id of a JWT in an opaque one."""
    await resource_server(server, access_token_format="opaque")
    service = await server.client("service", audiences=(API, FILES))
    opaque = (await service_token(server, service))["access_token"]
    told = await seen(server, service, opaque)
    claims = {**told, "jti": told["jti"], "grant_id": opaque.split(".")[1]}
    signer: SigningKey = Forger(server).key
    assert signer.alg == "ES256"
    for typ in ("at+jwt", "JWT"):
        assert await seen(server, service, Forger(server).sign(claims, typ)) == INACTIVE
    jwt = (await service_token(server, service, resource=FILES))["access_token"]
    grant_id, token_id = claims_of(jwt)["grant_id"], claims_of(jwt)["jti"]
    for secret in (token_id, token_id.ljust(43, "A")):
        assert await seen(server, service, f"at.{grant_id}.{secret}") == INACTIVE


async def test_a_resource_server_learns_nothing_of_the_tokens_of_another(server: RunningServer) -> None:
    """A131: by introspection it sees those of its own audience alone, whatever their form."""
    key = encryption_key()
    own = await server.client("own", kind="api", may_introspect=False, protected_resources=())
    other = await server.client("other", kind="api", may_introspect=False, protected_resources=())
    await resource_server(
        server, API, introspection_clients=(own.client_id,), access_token_encryption_alg="ECDH-ES",
        jwks={"keys": [key.as_dict(private=False)]},
    )  # fmt: skip
    await resource_server(server, FILES, introspection_clients=(other.client_id,))
    service = await server.client("service", audiences=(API, FILES))
    token = (await service_token(server, service, resource=API))["access_token"]
    for one in (token, decrypted(token, key)):
        assert (await seen(server, own, one))["aud"] == API
        assert await seen(server, other, one) == INACTIVE


@only_sqlite
async def test_resources_of_different_forms_get_no_token_together(
    server: RunningServer, browser: Browser
) -> None:
    """A251: refused at the token endpoint, and each resource server has tokens of its own all the same."""
    await resource_server(server, API, access_token_typ="JWT")
    await resource_server(server, FILES, access_token_format="opaque")
    service = await server.client("service", audiences=(API, FILES))
    form = [("grant_type", "client_credentials"), ("resource", API), ("resource", FILES)]
    status, refused = await server.post("/token", form, service.basic)
    assert (status, refused["error"]) == (400, "invalid_target")
    assert "one resource" in refused["error_description"]
    for uri in (API, FILES):
        assert (
            await seen(server, service, (await service_token(server, service, resource=uri))["access_token"])
        )["aud"] == uri


@only_sqlite
async def test_a_broken_encrypted_token_is_inactive(server: RunningServer) -> None:
    """A128, A172: an encrypted token counts as the whole string that was sent, and in no other spelling."""
    key = encryption_key()
    await resource_server(
        server, access_token_encryption_alg="ECDH-ES", jwks={"keys": [key.as_dict(private=False)]}
    )
    service = await server.client("service")
    token = (await service_token(server, service))["access_token"]
    assert (await seen(server, service, token))["active"] is True
    header, _none, iv, text, tag = token.split(".")
    other = base64url.encode(b"\x00" * 16)
    for broken in (
        f"{header}..{iv}.{text}.{other}", f"{header}..{other}.{text}.{tag}", f"{header}...{text}.{tag}",
        f"{token}=", f"{token} ", token[:-1], "....", f"{header}....", "a.b.c.d.é", "x" * 60_000 + "....",
    ):  # fmt: skip
        assert await seen(server, service, broken) == INACTIVE, broken[:40]


async def test_no_node_issues_for_a_resource_server_that_is_retired(
    server: RunningServer, browser: Browser
) -> None:
    """A253, F31: another node that has not heard of it yet refuses all the same: its append says what it knew."""
    await resource_server(server, scope=("reports.read",))
    service = await server.client("service")
    web = await server.client("web", audiences=(API,))
    async with another_node(server) as other:
        old = await browser.code_flow(web, scope=OFFLINE["scope"], prompt="consent", resource=API)
        assert (await service_token(other, service))["scope"] == "reports.read"
        await changed(server, access_token_lifetime=60)
        assert (await service_token(other, service))["expires_in"] == 60
        await retired(server)
        form = {"grant_type": "client_credentials"}
        status, refused = await other.post("/token", form, service.basic)
        assert (status, refused["error"]) == (400, "invalid_target")
        status, refused = await refresh(other, web, old["refresh_token"])
        assert (status, refused["error"]) == (400, "invalid_target")
    shown, _ = await browser.authorize(web, resource=API)
    assert shown.parameters["error"] == "invalid_target"
    assert server.core.configuration.resources(DEFAULT_TENANT)[API].status == "retired"
