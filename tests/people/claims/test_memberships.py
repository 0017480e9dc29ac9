"""Groups and roles over HTTP: released by their scopes alone, in the shape that applications read."""

from typing import Any

import pytest

from authrim.people.claims import claims_of
from authrim.people.erasure import erase_account
from authrim.people.person_claims import set_claim, set_claims
from domain.client.claim_mapping import ClaimMapping
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser, authenticated_post
from tests.support.log import whole_log
from tests.support.running import KnownClient, RunningServer
from tests.support.tokens import verified_claims

API = "https://api.example/"
GROUPS = ("canary-engineering", "canary-on-call")
SCOPE = ("openid", "email", "groups", "roles", "offline_access")


@pytest.fixture
async def member(server: RunningServer) -> RunningServer:
    """A server whose person has groups and a role."""
    for name, values in (("groups", GROUPS), ("roles", ("canary-admin",))):
        changed = await set_claim(
            server.core.store, server.core.private, DEFAULT_TENANT, server.subject, name, list(values)
        )
        assert not isinstance(changed, Refusal)
    return server


async def reader(server: RunningServer, name: str = "reader", **changes: Any) -> KnownClient:
    """A client that reads its ID token, as Kubernetes does."""
    wanted = {"scope": SCOPE, "audiences": (API,), "id_token_claims": "scopes"} | changes
    return await server.client(name, kind="web", **wanted)


async def userinfo(server: RunningServer, token: str) -> dict[str, Any]:
    async with server.http.get(
        server.url("/userinfo"), headers={"Authorization": f"Bearer {token}"}
    ) as answer:
        assert answer.status == 200
        document: dict[str, Any] = await answer.json()
        return document


async def test_the_shape_that_applications_read(member: RunningServer, browser: Browser) -> None:
    """Kubernetes and oauth2-proxy's --allowed-group find an array of strings at the top of the ID token, one audience,
    and a verified address; userinfo says the same."""
    client = await reader(member)
    tokens = await browser.code_flow(client, scope="openid email groups")
    said = await verified_claims(member, tokens["id_token"])
    assert said["groups"] == list(GROUPS)
    assert said["aud"] == client.client_id
    assert said["email_verified"] is True
    told = await userinfo(member, tokens["access_token"])
    assert (told["groups"], "roles" in told) == (list(GROUPS), False)


async def test_no_claim_without_its_scope(member: RunningServer, browser: Browser) -> None:
    """A260, A156: a client that may not have a scope gets no claim of it, whether it asks by the scope or by name; a
    pairwise one learns nothing that would tell who the person is elsewhere."""
    client = await reader(member, "nosy", scope=("openid",), subject_type="pairwise")
    by_name = '{"id_token": {"groups": null, "email": null}, "userinfo": {"roles": null}}'
    tokens = await browser.code_flow(client, scope="openid groups email", claims=by_name)
    assert tokens["scope"] == "openid"
    said = await verified_claims(member, tokens["id_token"])
    told = await userinfo(member, tokens["access_token"])
    assert not {"groups", "roles", "email", "name"} & (said.keys() | told.keys())
    assert said["sub"] == told["sub"] != member.subject


async def test_no_group_in_a_token_for_another_audience(member: RunningServer, browser: Browser) -> None:
    """A261: a resource server finds no group in the access token, and none by introspection."""
    client, api = await reader(member), await member.client("api")
    tokens = await browser.code_flow(client, scope="openid groups roles", resource=API)
    access = await verified_claims(member, tokens["access_token"])
    _, seen = await member.post("/introspect", {"token": tokens["access_token"]}, api.basic)
    assert seen["active"] is True
    assert not {"groups", "roles"} & (access.keys() | seen.keys())


async def test_minimal_is_the_default(member: RunningServer, browser: Browser) -> None:
    """OIDC Core §5.4: the claims of the scopes wait for userinfo, unless the client is registered otherwise."""
    client = await reader(member, "minimal", id_token_claims="minimal")
    tokens = await browser.code_flow(client, scope="openid email groups")
    said = await verified_claims(member, tokens["id_token"])
    assert not {"groups", "email"} & said.keys()
    told = await userinfo(member, tokens["access_token"])
    assert told["groups"] == list(GROUPS)


async def test_less_scope_has_fewer_claims(member: RunningServer, browser: Browser) -> None:
    """RFC 6749 §6: an ID token that is refreshed with less scope says less."""
    client = await reader(member)
    tokens = await browser.code_flow(client, scope="openid email groups offline_access", prompt="consent")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "scope": "openid email"}
    status, refreshed = await authenticated_post(member, client, "/token", form)
    assert status == 200, refreshed
    said = await verified_claims(member, refreshed["id_token"])
    assert (said["email"], "groups" in said) == ("alice@example.com", False)


async def test_mapped_for_one_client(member: RunningServer, browser: Browser) -> None:
    """The ID token and userinfo tell a client its groups as it is registered for, and the next client as ever."""
    mapping = (ClaimMapping("groups", "https://example.com/groups", separator=","),)
    client, other = await reader(member, "mapped", claim_mapping=mapping), await reader(member)
    tokens = await browser.code_flow(client, scope="openid groups")
    for told in (
        await verified_claims(member, tokens["id_token"]),
        await userinfo(member, tokens["access_token"]),
    ):
        assert told["https://example.com/groups"] == ",".join(GROUPS)
        assert "groups" not in told
    tokens = await browser.code_flow(other, scope="openid groups")
    assert (await verified_claims(member, tokens["id_token"]))["groups"] == list(GROUPS)


async def test_consent_names_what_is_released(member: RunningServer, browser: Browser) -> None:
    """The consent page says in words that groups and roles are told."""
    client = await reader(member)
    shown, _ = await browser.authorize(client, scope="openid groups roles", ui_locales="de")
    page = await browser.sign_in(shown)
    assert "Ihre Gruppen sehen" in page.body
    assert "Ihre Rollen sehen" in page.body


async def test_groups_are_kept_as_personal_data(member: RunningServer) -> None:
    """A234: no event holds a group's name, new claims leave groups alone, and an erased person has none."""
    core = member.core
    await set_claims(core.store, core.private, DEFAULT_TENANT, member.subject, {"name": "Alice"})
    kept = await claims_of(core, DEFAULT_TENANT, member.subject, ("name", "groups", "email"))
    assert kept == {"name": "Alice", "groups": list(GROUPS)}
    assert "canary-" not in await whole_log(member)
    await erase_account(core.store, core.private, core.master, DEFAULT_TENANT, member.subject)
    assert await claims_of(core, DEFAULT_TENANT, member.subject, ("groups", "roles")) == {}


async def test_discovery_follows(server: RunningServer) -> None:
    """OpenID Connect Discovery §3: the scopes and the claims are in the metadata."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        document = await answer.json()
    assert {"groups", "roles"} <= set(document["scopes_supported"]) & set(document["claims_supported"])
