"""Revocation: whose token, what goes with it, and what is said when it cannot be done (A135 to A138)."""

from contextlib import closing
from typing import Any

import psycopg2
import pytest

from tests.postgres_cluster import Cluster
from tests.support.browser import Browser, authenticated_post
from tests.support.running import KnownClient, RunningServer
from tests.support.tokens import is_active

OFFLINE = {"scope": "openid offline_access", "prompt": "consent"}

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def revoke(
    server: RunningServer, client: KnownClient, token: str, **more: str
) -> tuple[int, dict[str, Any]]:
    return await authenticated_post(server, client, "/revoke", {"token": token, **more})


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
async def test_another_clients_token_is_not_revoked(
    server: RunningServer, browser: Browser, token_format: str
) -> None:
    """A135: a confidential client is refused, a public one is answered 200 and nothing, and the token lives."""
    web = await server.client("web", access_token_format=token_format)
    other, spa = await server.client("other", kind="web"), await server.client("spa")
    tokens = await browser.code_flow(web, **OFFLINE)
    for token in (tokens["access_token"], tokens["refresh_token"]):
        status, answer = await revoke(server, other, token)
        assert (status, answer["error"]) == (400, "invalid_request")
        assert await revoke(server, spa, token) == (200, {})
        assert await is_active(server, web, token)


@only_sqlite
async def test_who_does_not_authenticate_revokes_nothing(server: RunningServer, browser: Browser) -> None:
    """A135: a confidential client's token is not revoked in its name without its secret."""
    web = await server.client("web")
    tokens = await browser.code_flow(web, **OFFLINE)
    for form in ({}, {"client_id": web.client_id}, {"client_id": web.client_id, "client_secret": "x"}):
        status, answer = await server.post("/revoke", {"token": tokens["refresh_token"], **form})
        assert (status, answer["error"]) == (401, "invalid_client")
    assert await is_active(server, web, tokens["refresh_token"])


async def test_what_is_no_token_is_answered_200(server: RunningServer, browser: Browser) -> None:
    """A136: unknown, damaged or long revoked: 200 and an empty object, whatever the hint."""
    web = await server.client("web")
    tokens = await browser.code_flow(web, **OFFLINE)
    grant_id = tokens["refresh_token"].split(".")[1]
    garbage = [
        "x",
        "a.b.c",
        f"rt.{grant_id}.{'A' * 48}",
        f"at.{grant_id}.{'A' * 43}",
        tokens["id_token"],
        "x" * 60_000,
    ]
    for token in garbage:
        for hint in ({}, {"token_type_hint": "access_token"}, {"token_type_hint": "nonsense"}):
            assert await revoke(server, web, token, **hint) == (200, {})
    assert await is_active(server, web, tokens["access_token"])
    assert await is_active(server, web, tokens["refresh_token"])
    for _ in range(2):
        assert await revoke(server, web, tokens["refresh_token"]) == (200, {})
    status, answer = await authenticated_post(server, web, "/revoke", {})
    assert (status, answer["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("hint", ["", "access_token", "refresh_token", "nonsense"])
@only_sqlite
async def test_a_wrong_hint_revokes_all_the_same(server: RunningServer, browser: Browser, hint: str) -> None:
    """A136: the hint may be wrong; what is presented is revoked."""
    web = await server.client("web")
    tokens = await browser.code_flow(web, **OFFLINE)
    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert await revoke(server, web, token, token_type_hint=hint) == (200, {})
        assert not await is_active(server, web, token)


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
@pytest.mark.parametrize("which", ["newest", "older"])
async def test_a_refresh_token_takes_the_grant_along(
    server: RunningServer, browser: Browser, token_format: str, which: str
) -> None:
    """A137: with any refresh token of the grant, the newest or one before, every token of it is over."""
    web = await server.client("web", access_token_format=token_format)
    first = await browser.code_flow(web, **OFFLINE)
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    _, second = await authenticated_post(server, web, "/token", form)
    presented = second if which == "newest" else first
    assert await revoke(server, web, presented["refresh_token"]) == (200, {})
    for token in (first["access_token"], second["access_token"], second["refresh_token"]):
        assert not await is_active(server, web, token)
    form = {"grant_type": "refresh_token", "refresh_token": second["refresh_token"]}
    status, answer = await authenticated_post(server, web, "/token", form)
    assert (status, answer["error"]) == (400, "invalid_grant")


async def test_an_access_token_goes_alone(server: RunningServer, browser: Browser) -> None:
    """A137: revoking one access token leaves the grant's other tokens as they are."""
    web = await server.client("web")
    first = await browser.code_flow(web, **OFFLINE)
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    _, second = await authenticated_post(server, web, "/token", form)
    assert await revoke(server, web, first["access_token"]) == (200, {})
    assert not await is_active(server, web, first["access_token"])
    assert await is_active(server, web, second["access_token"])
    assert await is_active(server, web, second["refresh_token"])


@pytest.mark.parametrize("store_place", ["postgres"], indirect=True)
async def test_what_cannot_be_recorded_is_not_said_to_be_done(
    server: RunningServer, browser: Browser, cluster: Cluster, postgres_dsn: str
) -> None:
    """A138: while nothing can be written the answer is 503 with Retry-After; afterwards the token still lives."""
    web = await server.client("web")
    tokens = await browser.code_flow(web, **OFFLINE)
    with closing(psycopg2.connect(postgres_dsn)) as holder:
        holder.cursor().execute("SELECT 1 FROM authrim.head FOR UPDATE")
        form = {"token": tokens["refresh_token"]}
        async with server.http.post(server.url("/revoke"), data=form, headers=web.basic) as answer:
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert (await answer.json())["error"] == "temporarily_unavailable"
    assert await is_active(server, web, tokens["refresh_token"])
    assert await revoke(server, web, tokens["refresh_token"]) == (200, {})
    assert not await is_active(server, web, tokens["refresh_token"])


@only_sqlite
@pytest.mark.parametrize("kind", ["web", "spa"])
async def test_the_answer_is_json(server: RunningServer, browser: Browser, kind: str) -> None:
    """A136: an empty JSON object, for a known token as for none: clients that read every answer as JSON (simple-oauth2,
    @fastify/oauth2) failed on an answer without a body, which RFC 7009 §2.2 lets us choose."""
    client = await server.client(kind)
    tokens = await browser.code_flow(client, **OFFLINE)
    for token in (tokens["refresh_token"], "unknown"):
        form = {"token": token, "client_id": client.client_id}
        headers = client.basic if kind == "web" else None
        async with server.http.post(server.url("/revoke"), data=form, headers=headers) as response:
            assert (response.status, response.content_type) == (200, "application/json")
            assert await response.read() == b"{}"
