"""A client that changes its sector, or how it knows people, gets no new name of a person for an old grant
(OIDC Core §8), nor another audience or binding for it."""

from typing import Any

import msgspec
import pytest

from authrim.clients.records import update_client
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.people.pairwise.test_pairwise import API, get_json, pairwise, subject_of
from tests.support.browser import Browser, redeem
from tests.support.dpop import dpop, proof_key
from tests.support.nodes import another_node
from tests.support.running import KnownClient, RunningServer
from tests.support.tokens import verified_claims

OFFLINE = {"scope": "openid offline_access", "prompt": "consent"}
MOVES: dict[str, dict[str, Any]] = {
    "another host": {"redirect_uris": ("https://victim.example/cb",)},
    "no pseudonyms any more": {"subject_type": "public"},
}


async def changed(server: RunningServer, client: KnownClient, **changes: Any) -> None:
    """An administrator changes the client."""
    updated = await update_client(server.core.store, DEFAULT_TENANT, client.client_id, changes)
    assert not isinstance(updated, Refusal), updated.error_description
    await server.core.configuration.catch_up()


@pytest.mark.parametrize("move", MOVES)
async def test_what_was_given_before_is_over(server: RunningServer, browser: Browser, move: str) -> None:
    """A156: after the change the old access token is inactive at userinfo and at introspection, on every node, and the
    old refresh token is refused: nothing is told under the new name."""
    client, api = await pairwise(server, "one"), await server.client("api")
    tokens = await browser.code_flow(client, **OFFLINE)
    await changed(server, client, **MOVES[move])
    async with another_node(server) as node:
        for place in (server, node):
            headers = {"Authorization": f"Bearer {tokens['access_token']}"}
            async with place.http.get(place.url("/userinfo"), headers=headers) as answer:
                assert answer.status == 401
            for token in ("access_token", "refresh_token"):
                for asker in (client, api):
                    answered = await place.post("/introspect", {"token": tokens[token]}, asker.basic)
                    assert answered == (200, {"active": False})
            form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
            status, refused = await place.post("/token", form, client.basic)
            assert (status, refused["error"]) == (400, "invalid_grant")


async def test_a_waiting_code_comes_to_nothing(server: RunningServer, browser: Browser) -> None:
    """A206: a code that was given out before the change is not redeemed after it."""
    client = await pairwise(server, "one")
    shown, verifier = await browser.authorize(client)
    code = (await browser.through_pages(shown)).parameters["code"]
    await changed(server, client, redirect_uris=("https://victim.example/cb",))
    status, refused = await redeem(server, client, code, verifier)
    assert (status, refused["error"]) == (400, "invalid_grant")


async def test_people_are_asked_again(server: RunningServer, browser: Browser) -> None:
    """The standing consent was for the old name: the consent page is shown once more, whoever changed the client."""
    client = await pairwise(server, "one")
    await browser.code_flow(client)
    before = await subject_of(server, client, browser)
    await changed(server, client, redirect_uris=("https://rp.example/one", "https://rp.example/two"))
    assert await subject_of(server, client, browser) == before  # the same sector: nothing ends
    await changed(server, client, redirect_uris=("https://victim.example/cb",))
    moved = KnownClient(
        client.client_id,
        client.secret,
        msgspec.structs.replace(client.metadata, redirect_uris=("https://victim.example/cb",)),
    )
    shown, _ = await browser.authorize(moved)
    assert "/consent/" in shown.url


async def test_a_grant_keeps_its_audience(server: RunningServer, browser: Browser) -> None:
    """RFC 8707 §2: whom the tokens of a grant are for when nobody names a resource is fixed with the grant."""
    client = await server.client("web", default_audience=API, audiences=(API, "https://other.example/"))
    tokens = await browser.code_flow(client, **OFFLINE)
    await changed(server, client, default_audience="https://other.example/")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    _, refreshed = await server.post("/token", form, client.basic)
    assert (await verified_claims(server, refreshed["access_token"]))["aud"] == (
        await verified_claims(server, tokens["access_token"])
    )["aud"]


async def test_a_grant_keeps_its_sender_constraint(server: RunningServer, browser: Browser) -> None:
    """RFC 9449 §5.2: tokens of a grant that had to be bound are bound, also when the client need not bind its new
    ones."""
    key = proof_key()
    client = await server.client("web", dpop_bound_access_tokens=True)
    shown, verifier = await browser.authorize(client, **OFFLINE)
    code = (await browser.through_pages(shown)).parameters["code"]
    status, tokens = await redeem(server, client, code, verifier, {"DPoP": dpop(server, key)})
    assert status == 200, tokens
    await changed(server, client, dpop_bound_access_tokens=False)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    status, refused = await server.post("/token", form, client.basic)
    assert (status, refused["error"]) == (400, "invalid_dpop_proof")
    status, refreshed = await server.post("/token", form, client.basic | {"DPoP": dpop(server, key)})
    assert (status, refreshed["token_type"]) == (200, "DPoP")


async def test_userinfo_tells_the_old_name_before(server: RunningServer, browser: Browser) -> None:
    """What did not change ends nothing: another redirect URI of the same host leaves token and name as they were."""
    client = await pairwise(server, "one")
    tokens = await browser.code_flow(client)
    before = await get_json(server, "/userinfo", tokens["access_token"])
    await changed(server, client, redirect_uris=("https://rp.example/one", "https://rp.example/two"))
    assert await get_json(server, "/userinfo", tokens["access_token"]) == before
