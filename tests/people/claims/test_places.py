"""Where claims about a person are told: to the client, and to a resource server only what was chosen for it."""

from typing import Any

import pytest

from authrim.people.person_claims import set_claim
from domain.client.claim_mapping import ACCESS_TOKEN, ID_TOKEN, INTROSPECTION, USERINFO, ClaimMapping
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser, authenticated_post, redeem
from tests.support.log import whole_log
from tests.support.resource_servers import resource_server
from tests.support.running import KnownClient, RunningServer
from tests.support.tokens import verified_claims

API = "https://api.example/"
FILES = "https://files.example/"
GROUPS = ["canary-engineering", "canary-on-call"]
SCOPE = ("openid", "email", "groups", "offline_access")
TO_API = ClaimMapping("groups", "memberOf", places=(ACCESS_TOKEN, INTROSPECTION), audiences=(API,))


@pytest.fixture
async def member(server: RunningServer) -> RunningServer:
    """A server whose person has groups."""
    core = server.core
    given = await set_claim(core.store, core.private, DEFAULT_TENANT, server.subject, "groups", GROUPS)
    assert not isinstance(given, Refusal)
    return server


async def app(server: RunningServer, name: str = "app", **changes: Any) -> KnownClient:
    wanted = {"scope": SCOPE, "audiences": (API, FILES), "claim_mapping": (TO_API,)} | changes
    return await server.client(name, kind="web", **wanted)


async def files(server: RunningServer) -> KnownClient:
    return await server.client("files", kind="api", protected_resources=(FILES,))


async def introspected(server: RunningServer, asker: KnownClient, token: str) -> dict[str, Any]:
    _, seen = await server.post("/introspect", {"token": token}, asker.basic)
    assert seen["active"] is True
    return seen


async def test_told_to_the_chosen_resource(member: RunningServer, browser: Browser) -> None:
    """A261: the access token for the chosen audience and its introspection hold the mapped claim and no other; the
    event says which, and no value of it is in the log."""
    client, api = await app(member), await member.client("api")
    tokens = await browser.code_flow(client, scope="openid email groups", resource=API)
    access = await verified_claims(member, tokens["access_token"])
    seen = await introspected(member, api, tokens["access_token"])
    for told in (access, seen):
        assert told["memberOf"] == GROUPS
        assert not {"groups", "email", "name"} & told.keys()
    assert seen["sub"] == access["sub"] == member.subject
    log = await whole_log(member)
    assert '"claims":["groups"]' in log
    assert "canary-" not in log


async def test_told_to_no_other_audience(member: RunningServer, browser: Browser) -> None:
    """A261: no token that another resource server can read holds the claim, be it alone in the audience or beside the
    chosen one; introspection tells each its own."""
    client, api, other = await app(member), await member.client("api"), await files(member)
    for audiences in ([FILES], [API, FILES], []):
        tokens = await flow(member, browser, client, audiences)
        access = await verified_claims(member, tokens["access_token"])
        assert not {"groups", "memberOf"} & access.keys(), audiences
        if FILES in audiences:
            assert "memberOf" not in await introspected(member, other, tokens["access_token"])
        if API in audiences:
            assert (await introspected(member, api, tokens["access_token"]))["memberOf"] == GROUPS


async def flow(
    server: RunningServer, browser: Browser, client: KnownClient, audiences: list[str]
) -> dict[str, Any]:
    """A code flow for several resources (RFC 8707 §2)."""
    tokens = await browser.code_flow(client, scope="openid groups offline_access", prompt="consent")
    form: Any = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"])]
    status, refreshed = await server.post(
        "/token", [*form, *(("resource", one) for one in audiences)], client.basic
    )
    assert status == 200, refreshed
    return refreshed


async def test_no_claim_without_its_scope(member: RunningServer, browser: Browser) -> None:
    """A260: a mapping releases nothing: without the scope, and after a refresh with less of it, resource servers are
    told nothing."""
    client, api = await app(member), await member.client("api")
    tokens = await browser.code_flow(client, scope="openid email", resource=API)
    assert "memberOf" not in await verified_claims(member, tokens["access_token"])
    assert "memberOf" not in await introspected(member, api, tokens["access_token"])
    tokens = await browser.code_flow(
        client, scope="openid groups offline_access", resource=API, prompt="consent"
    )
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "scope": "openid"}
    status, refreshed = await authenticated_post(member, client, "/token", form)
    assert status == 200
    assert "memberOf" not in await verified_claims(member, refreshed["access_token"])
    assert "memberOf" not in await introspected(member, api, refreshed["access_token"])


async def test_requested_for_userinfo_alone(member: RunningServer, browser: Browser) -> None:
    """A260, OIDC Core §5.5: a claim that was requested by name for userinfo is told there, and to no resource server,
    because the token's scope does not release it."""
    client, api = await app(member), await member.client("api")
    tokens = await browser.code_flow(
        client, scope="openid", resource=API, claims='{"userinfo": {"groups": null}}'
    )
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    async with member.http.get(member.url("/userinfo"), headers=headers) as answer:
        assert (await answer.json())["groups"] == GROUPS
    assert "memberOf" not in await verified_claims(member, tokens["access_token"])
    assert "memberOf" not in await introspected(member, api, tokens["access_token"])


async def test_one_client_chooses_for_itself_alone(member: RunningServer, browser: Browser) -> None:
    """A261: what one client chose for the API does not put claims into another client's tokens."""
    client, api = await app(member, "plain", claim_mapping=()), await member.client("api")
    tokens = await browser.code_flow(client, scope="openid groups", resource=API)
    access = await verified_claims(member, tokens["access_token"])
    seen = await introspected(member, api, tokens["access_token"])
    assert not {"groups", "memberOf"} & (access.keys() | seen.keys())


async def test_opaque_tokens(member: RunningServer, browser: Browser) -> None:
    """The resource server of an opaque token learns the claim by introspection; so does its own client."""
    client, api = await app(member, "opaque", access_token_format="opaque"), await member.client("api")
    tokens = await browser.code_flow(client, scope="openid groups", resource=API)
    assert (await introspected(member, api, tokens["access_token"]))["memberOf"] == GROUPS
    assert (await introspected(member, client, tokens["access_token"]))["memberOf"] == GROUPS


async def test_registered_resource_server(member: RunningServer, browser: Browser) -> None:
    """A261: a registered resource server that introspects by its own client is told what was chosen for its URI, and
    another one nothing, of the very same token."""
    asker = await member.client("asker", kind="api", may_introspect=False, protected_resources=())
    other = await member.client("other", kind="api", may_introspect=False, protected_resources=())
    await resource_server(member, API, introspection_clients=(asker.client_id,))
    await resource_server(member, FILES, introspection_clients=(other.client_id,))
    client = await app(member)
    tokens = await flow(member, browser, client, [API, FILES])
    assert (await introspected(member, asker, tokens["access_token"]))["memberOf"] == GROUPS
    assert "memberOf" not in await introspected(member, other, tokens["access_token"])
    assert "memberOf" not in await verified_claims(member, tokens["access_token"])


async def test_nothing_in_the_browser(member: RunningServer, browser: Browser) -> None:
    """A261: an access token that comes through the browser's history says nothing of the person."""
    client = await app(
        member, "hybrid", response_types=("code token",),
        grant_types=("authorization_code", "implicit"), default_audience=API,
    )  # fmt: skip
    shown, verifier = await browser.authorize(
        client, scope="openid groups", response_type="code token", nonce="n"
    )
    shown = await browser.through_pages(shown)
    assert "memberOf" not in await verified_claims(member, shown.parameters["access_token"])
    status, tokens = await redeem(member, client, shown.parameters["code"], verifier)
    assert status == 200, tokens
    assert (await verified_claims(member, tokens["access_token"]))["memberOf"] == GROUPS


@pytest.mark.parametrize(
    ("mapping", "claim", "told"),
    [
        ((), "groups", GROUPS),
        ((ClaimMapping("groups", prefix="oidc:"),), "groups", [f"oidc:{one}" for one in GROUPS]),
        ((ClaimMapping("groups", "memberOf"),), "memberOf", GROUPS),
        ((ClaimMapping("groups", separator=","),), "groups", ",".join(GROUPS)),
    ],
    ids=["as they are", "with a prefix", "under another name", "as one string"],
)
async def test_kubernetes_and_oauth2_proxy(
    member: RunningServer, browser: Browser, mapping: tuple[ClaimMapping, ...], claim: str, told: Any
) -> None:
    """Kubernetes (``--oidc-groups-claim``, ``--oidc-groups-prefix``) and oauth2-proxy (``--oidc-groups-claim``,
    ``--allowed-group``) find the groups at the top of the ID token, as an array of strings or one string, beside one
    audience, a verified address, and the claims that they check."""
    client = await app(member, "cluster", id_token_claims="scopes", claim_mapping=mapping)
    tokens = await browser.code_flow(client, scope="openid email groups", nonce="n")
    said = await verified_claims(member, tokens["id_token"])
    assert said[claim] == told
    assert (said["iss"], said["aud"], said["nonce"]) == (member.issuer, client.client_id, "n")
    assert (said["email"], said["email_verified"]) == ("alice@example.com", True)
    assert claim == "groups" or "groups" not in said


async def test_a_form_for_each_place(member: RunningServer, browser: Browser) -> None:
    """A mapping holds in its places: the ID token has the prefix that its reader wants, userinfo the plain names."""
    mapping = (
        ClaimMapping("groups", prefix="oidc:", places=(ID_TOKEN,)),
        ClaimMapping("groups", "roles_of", places=(USERINFO,)),
        TO_API,
    )
    client = await app(member, "each", id_token_claims="scopes", claim_mapping=mapping)
    tokens = await browser.code_flow(client, scope="openid groups", resource=API)
    said = await verified_claims(member, tokens["id_token"])
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    async with member.http.get(member.url("/userinfo"), headers=headers) as answer:
        told = await answer.json()
    assert said["groups"] == [f"oidc:{one}" for one in GROUPS]
    assert (told["roles_of"], "groups" in told) == (GROUPS, False)
    assert (await verified_claims(member, tokens["access_token"]))["memberOf"] == GROUPS


async def test_a_resource_server_chooses_for_all_clients(member: RunningServer, browser: Browser) -> None:
    """A254: it names the claim once; tokens of every client and introspection hold it for this audience, when the scope
    releases it, and no other audience reads it."""
    asker, other = (
        await member.client("api", protected_resources=(), may_introspect=False),
        await files(member),
    )
    await resource_server(
        member, API, claims=("groups",), scope=("read",), introspection_clients=(asker.client_id,)
    )
    plain = await app(member, "plain", claim_mapping=(), scope=(*SCOPE, "read"))
    tokens = await browser.code_flow(plain, scope="read groups", resource=API)
    assert tokens["scope"] == "read groups"
    for told in (
        await verified_claims(member, tokens["access_token"]),
        await introspected(member, asker, tokens["access_token"]),
    ):
        assert told["groups"] == GROUPS
        assert not {"email", "name"} & told.keys()
    for audiences in ([FILES], [API, FILES]):
        both = await flow(member, browser, plain, audiences)
        assert "groups" not in await verified_claims(member, both["access_token"])
        assert "groups" not in await introspected(member, other, both["access_token"])
    without = await browser.code_flow(plain, scope="read email", resource=API)
    assert "groups" not in await verified_claims(member, without["access_token"])
    assert "groups" not in await introspected(member, asker, without["access_token"])
