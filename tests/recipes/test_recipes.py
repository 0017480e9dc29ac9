"""Every recipe of ``authrim/recipes/``: what ``client create --for`` makes and prints works as it is."""

import asyncio
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from authrim.recipes.catalog import products, recipe
from domain.client.metadata import ClientMetadata
from tests.support.browser import Browser
from tests.support.command_line import CommandLine
from tests.support.running import MASTER_KEY, KnownClient, RunningServer
from tests.support.tokens import claims_of, refresh, verified_claims

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

#: Texts of a recipe ask for these by names of their own, or leave them to the reader.
_NOT_WRITTEN = {"openid", "offline_access"}


@pytest.fixture
def authrim(server: RunningServer, store_place: Path) -> CommandLine:
    """The command line of the running server."""
    return CommandLine(
        {
            "AUTHRIM_ISSUER": server.issuer,
            "AUTHRIM_DEVELOPMENT": "true",
            "AUTHRIM_DATABASE": str(store_place),
            "AUTHRIM_MASTER_KEYS": MASTER_KEY,
            "AUTHRIM_SIGNING_ALGORITHMS": "ES256,RS256",
        }
    )


async def made(authrim: CommandLine, server: RunningServer, product: str) -> tuple[KnownClient, str]:
    """The client that the recipe makes, and all the texts that are printed for it."""
    url = ("--url", recipe(product).url) if recipe(product).needs_url else ()
    created = await asyncio.to_thread(authrim.json, "client", "create", "--for", product, *url)
    await server.core.configuration.catch_up()
    fields = {name: value for name, value in created.items() if value is not None}
    metadata = msgspec.convert(fields | {"scope": created["scope"].split()}, ClientMetadata)
    texts = "\n".join(snippet["text"] for snippet in created["recipe"]["snippets"])
    return KnownClient(created["client_id"], created.get("client_secret"), metadata), texts


def of_kind(grant: str) -> list[str]:
    return [name for name in products() if recipe(name).client["grant_types"][0] == grant]


@pytest.mark.parametrize("product", products())
async def test_texts_are_filled(server: RunningServer, authrim: CommandLine, product: str) -> None:
    """What is printed names the issuer, the client, its secret and scopes, and leaves no place open."""
    client, texts = await made(authrim, server, product)
    assert server.issuer in texts
    assert client.client_id in texts or recipe(product).kind == "api"
    assert client.secret is None or client.secret in texts
    assert not re.search(r"@[a-z_]+@|\b(?:CLIENT_ID|CLIENT_SECRET|RANDOM)\b", texts)
    for scope in set(client.metadata.scope) - _NOT_WRITTEN:
        assert scope in texts


@pytest.mark.parametrize("product", of_kind("authorization_code"))
async def test_people_sign_in(
    server: RunningServer, authrim: CommandLine, browser: Browser, product: str
) -> None:
    """The client gets through the code flow with its scopes, learns name, email and groups where the product looks
    for them, refreshes where it may, and logs out to its own address."""
    await asyncio.to_thread(authrim.run, "account", "set-groups", "alice", "engineering")
    client, _ = await made(authrim, server, product)
    scope = client.metadata.scope
    audience = {"resource": client.metadata.audiences[0]} if client.metadata.audiences else {}
    tokens = await browser.code_flow(client, scope=" ".join(scope), **audience)
    access_token = await verified_claims(server, tokens["access_token"])
    assert access_token["aud"] == (client.metadata.audiences or (server.issuer,))[0]
    assert ("refresh_token" in tokens) == ("refresh_token" in client.metadata.grant_types)
    if "refresh_token" in tokens:
        assert (await refresh(server, client, tokens["refresh_token"]))[0] == 200
    if "openid" in scope:
        await _learns_of_the_person(server, client, tokens)
        await _logs_out(server, browser, client, tokens)


async def _learns_of_the_person(server: RunningServer, client: KnownClient, tokens: dict[str, Any]) -> None:
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    async with server.http.get(server.url("/userinfo"), headers=bearer) as answer:
        userinfo = await answer.json()
    in_id_token = claims_of(tokens["id_token"])
    wanted = {"email": "alice@example.com", "groups": ["engineering"]}
    if "profile" in client.metadata.scope:
        wanted["name"] = "Alice Maria Example"
    for name, value in wanted.items():
        assert userinfo[name] == value
        assert in_id_token.get(name) == (value if client.metadata.id_token_claims == "scopes" else None)


async def _logs_out(
    server: RunningServer, browser: Browser, client: KnownClient, tokens: dict[str, Any]
) -> None:
    for address in client.metadata.post_logout_redirect_uris:
        query = f"id_token_hint={tokens['id_token']}&post_logout_redirect_uri={address}"
        shown = await browser.request("GET", server.url(f"/logout?{query}"))
        assert shown.location == address


@pytest.mark.parametrize("product", of_kind("client_credentials"))
async def test_callers_of_an_api_get_tokens(
    server: RunningServer, authrim: CommandLine, product: str
) -> None:
    """The client gets a JWT whose issuer, audience and scope are what the API checks."""
    client, texts = await made(authrim, server, product)
    form = {"grant_type": "client_credentials", "scope": " ".join(client.metadata.scope)}
    status, tokens = await server.post("/token", form, client.basic)
    assert status == 200, tokens
    claims = await verified_claims(server, tokens["access_token"])
    assert (claims["iss"], claims["aud"]) == (server.issuer, recipe(product).url)
    assert claims["scope"].split() == list(client.metadata.scope)
    assert claims["aud"] in texts
