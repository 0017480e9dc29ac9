"""Pairwise subjects: one pseudonym a sector, the same wherever the client or an API looks (OIDC Core §8)."""

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from authrim.clients.records import RegistrationContext, create_client, update_client
from authrim.crypto.master import MasterKeys
from authrim.people.pseudonyms import public_subject
from domain.client.client import Client
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.accounts import add_account
from tests.support.browser import Browser
from tests.support.https_site import Site
from tests.support.log import whole_log
from tests.support.running import USUAL, KnownClient, RunningServer
from tests.support.tokens import verified_claims

API = "https://api.example/"


async def pairwise(server: RunningServer, name: str, host: str = "rp.example", **changes: Any) -> KnownClient:
    """A client whose people have a pseudonym for the host."""
    return await server.client(
        name,
        kind="web",
        subject_type="pairwise",
        redirect_uris=(f"https://{host}/{name}",),
        audiences=(API,),
        **changes,
    )


async def subject_of(server: RunningServer, client: KnownClient, browser: Browser | None = None) -> str:
    """Who signs in, as the client's ID token says."""
    tokens = await (browser or Browser(server)).code_flow(client)
    return str((await verified_claims(server, tokens["id_token"]))["sub"])


async def get_json(server: RunningServer, path: str, token: str) -> dict[str, Any]:
    async with server.http.get(server.url(path), headers={"Authorization": f"Bearer {token}"}) as answer:
        assert answer.status == 200
        document: dict[str, Any] = await answer.json()
        return document


async def test_one_pseudonym_wherever_it_is_looked_at(server: RunningServer, browser: Browser) -> None:
    """A156: ID token, access token, userinfo and introspection say the same pseudonym, the refreshed ones too, and
    nothing says the person's own subject or login."""
    client, api = await pairwise(server, "one"), await server.client("api")
    tokens = await browser.code_flow(client, scope="openid offline_access", prompt="consent", resource=API)
    status, refreshed = await server.post(
        "/token", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}, client.basic
    )
    assert status == 200, refreshed
    seen = set()
    for answer in (tokens, refreshed):
        seen.add((await verified_claims(server, answer["id_token"]))["sub"])
        seen.add((await verified_claims(server, answer["access_token"]))["sub"])
        seen.add((await get_json(server, "/userinfo", answer["access_token"]))["sub"])
        for asker in (client, api):
            for kind in ("access_token", "refresh_token"):
                _, active = await server.post("/introspect", {"token": answer[kind]}, asker.basic)
                if active["active"]:
                    seen.add(active["sub"])
    assert len(seen) == 1
    pseudonym = seen.pop()
    assert server.subject not in pseudonym
    assert server.login not in pseudonym
    assert 0 < len(pseudonym) <= 255
    assert pseudonym not in await whole_log(server)


async def test_sectors_cannot_compare_people(server: RunningServer) -> None:
    """A156: clients of one host share the pseudonym, another host has another, others see the subject."""
    first, second = await pairwise(server, "first"), await pairwise(server, "second")
    other, public = await pairwise(server, "third", "other.example"), await server.client("web")
    browser = Browser(server)
    names = [await subject_of(server, client, browser) for client in (first, second, other, public)]
    assert names[0] == names[1]
    assert len(set(names)) == 3
    assert names[3] == server.subject


async def test_another_person_has_another_pseudonym(server: RunningServer) -> None:
    """Two people are two, and each is the same the next time."""
    client = await pairwise(server, "one")
    await add_account(server, "bob")
    bob = Browser(server)
    shown, _ = await bob.authorize(client)
    shown = await bob.sign_in(shown, login="bob")
    alice = await subject_of(server, client)
    assert alice == await subject_of(server, client)
    assert alice != await subject_of(server, client, bob)


async def test_a_service_is_itself(server: RunningServer) -> None:
    """RFC 9068 §2.2: without a person the subject is the client, pairwise or not."""
    client = await pairwise(
        server, "service", grant_types=("client_credentials", "authorization_code"), scope=("openid", "a"),
        default_audience=API,
    )  # fmt: skip
    status, answer = await server.post(
        "/token", {"grant_type": "client_credentials", "scope": "a"}, client.basic
    )
    assert status == 200, answer
    assert (await verified_claims(server, answer["access_token"]))["sub"] == client.client_id


@pytest.mark.parametrize("by", ["id_token_hint", "claims"])
async def test_the_client_asks_for_the_person_it_knows(by: str, server: RunningServer) -> None:
    """OIDC Core §3.1.2.1, §5.5.1: ``id_token_hint`` and ``claims.sub.value`` are in the client's own terms."""
    client = await pairwise(server, "one")
    browser = Browser(server)
    tokens = await browser.code_flow(client)
    pseudonym = (await verified_claims(server, tokens["id_token"]))["sub"]
    asked = {
        "id_token_hint": tokens["id_token"],
        "claims": json.dumps({"id_token": {"sub": {"value": pseudonym}}}),
    }[by]
    shown, _ = await browser.authorize(client, prompt="none", **{by: asked})
    assert "code" in shown.parameters
    # On the sign-in page the same person goes on, and another one does not.
    fresh = Browser(server)
    shown, _ = await fresh.authorize(client, **{by: asked})
    assert "code" in (await fresh.through_pages(shown)).parameters
    await add_account(server, "bob")
    other = Browser(server)
    shown, _ = await other.authorize(client, **{by: asked})
    assert (await other.sign_in(shown, login="bob")).parameters["error"] == "login_required"
    shown, _ = await other.authorize(client, prompt="none", **{by: asked})
    assert shown.parameters["error"] == "login_required"


async def test_the_subject_itself_is_nobody_to_a_pairwise_client(server: RunningServer) -> None:
    """A156: what another client may know of the person does not work as a hint, so it proves nothing."""
    client = await pairwise(server, "one")
    browser = Browser(server)
    await browser.code_flow(client)
    claims = json.dumps({"id_token": {"sub": {"value": server.subject}}})
    shown, _ = await browser.authorize(client, prompt="none", claims=claims)
    assert shown.parameters["error"] == "login_required"


async def test_a_new_master_key_changes_no_pseudonym(server: RunningServer) -> None:
    """A156: the salt is the oldest master key's, so it stays when another key becomes current."""
    client = await pairwise(server, "one")
    before = await subject_of(server, client)
    registered = await server.core.configuration.client(DEFAULT_TENANT, client.client_id)
    assert registered is not None
    rotated = replace(server.core, master=MasterKeys([bytes([7]) * 32, b"test" * 8]))
    assert public_subject(rotated, DEFAULT_TENANT, registered, server.subject) == before


async def register(server: RunningServer, **changes: Any) -> Client | Refusal:
    """Register as an administrator does, with everything fetched."""
    created = await create_client(
        server.core.store,
        DEFAULT_TENANT,
        msgspec.structs.replace(USUAL["web"], subject_type="pairwise", **changes),
        means=RegistrationContext(fetching=server.fetching, development=True),
    )
    return created if isinstance(created, Refusal) else created.client


URIS = ("https://a.example/cb", "https://b.example/cb")


async def test_a_sector_with_a_document(outgoing_server: RunningServer, site: Site) -> None:
    """``oidcc-registration-sector-uri``: the document is fetched and names every redirect URI."""
    site.serve("/sector", [*URIS, "https://c.example/cb"])
    client = await register(outgoing_server, redirect_uris=URIS, sector_identifier_uri=site.url("/sector"))
    assert isinstance(client, Client)
    assert site.asked("/sector") == 1


@pytest.mark.parametrize(
    "document", [[URIS[0]], [*URIS, 5], {}, "text", {"redirect_uris": [*URIS]}, None], ids=json.dumps
)
async def test_a_document_that_does_not_vouch(
    document: Any, outgoing_server: RunningServer, site: Site
) -> None:
    """``oidcc-registration-sector-bad``, A118: a document without a redirect URI, or of another shape, is refused."""
    site.serve("/sector", document)
    refusal = await register(outgoing_server, redirect_uris=URIS, sector_identifier_uri=site.url("/sector"))
    assert isinstance(refusal, Refusal)
    assert refusal.error == "invalid_client_metadata"


@pytest.mark.parametrize("how", ["redirect", "missing", "garbage", "duplicate"])
async def test_a_document_that_cannot_be_had(how: str, outgoing_server: RunningServer, site: Site) -> None:
    """A118, A113: a redirect, another status and what is no JSON are refused, all in the same words."""
    target = site.serve("/target", list(URIS))
    match how:
        case "redirect":
            site.serve("/sector", b"", status=302, headers={"Location": target})
        case "garbage":
            site.serve("/sector", b"<html>")
        case "duplicate":
            site.serve("/sector", b'{"a": 1, "a": 2}')
    refusal = await register(outgoing_server, redirect_uris=URIS, sector_identifier_uri=site.url("/sector"))
    assert isinstance(refusal, Refusal)
    assert refusal.error_description == (
        "sector_identifier_uri could not be read. Publish the document there first."
    )
    assert site.asked("/target") == 0


async def test_an_update_is_vouched_for_again(outgoing_server: RunningServer, site: Site) -> None:
    """A118: what the document does not list cannot be added later, and a sector that withdrew stays closed."""
    site.serve("/sector", list(URIS))
    client = await register(
        outgoing_server, redirect_uris=URIS[:1], sector_identifier_uri=site.url("/sector")
    )
    assert isinstance(client, Client)

    async def update(**changes: Any) -> object:
        return await update_client(
            outgoing_server.core.store,
            DEFAULT_TENANT,
            client.client_id,
            changes,
            means=RegistrationContext(development=True, fetching=outgoing_server.fetching),
        )

    assert isinstance(await update(redirect_uris=("https://evil.example/cb",)), Refusal)
    assert not isinstance(await update(redirect_uris=URIS), Refusal)
    site.serve("/sector", ["https://c.example/cb"])
    assert isinstance(await update(client_name="Another name"), Refusal)


async def test_nothing_is_vouched_for_without_a_fetch(outgoing_server: RunningServer, site: Site) -> None:
    """Fail closed: where nothing can be fetched, a sector with a document cannot be registered."""
    site.serve("/sector", list(URIS))
    refusal = await create_client(
        outgoing_server.core.store,
        DEFAULT_TENANT,
        msgspec.structs.replace(USUAL["web"], redirect_uris=URIS, sector_identifier_uri=site.url("/sector")),
        means=RegistrationContext(development=True),
    )
    assert isinstance(refusal, Refusal)
    assert site.seen == []


async def test_discovery_says_so(server: RunningServer) -> None:
    """Both kinds of subject are advertised (OIDC Discovery §3)."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        assert (await answer.json())["subject_types_supported"] == ["public", "pairwise"]
