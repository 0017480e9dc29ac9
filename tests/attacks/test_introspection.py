"""Introspection: who may ask, what about, and that every path gives one answer (A129 to A134).

The rules are in docs/rules/attacks/tokens.md.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from authrim.clients.records import delete_client, disable_client
from authrim.people.accounts import disable_account
from authrim.people.erasure import erase_account
from authrim.people.sessions.end import end_sessions
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser, authenticated_post
from tests.support.running import KnownClient, RunningServer

INACTIVE = {"active": False}

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def introspect(server: RunningServer, asker: KnownClient, token: str, **more: str) -> dict[str, Any]:
    status, answer = await server.post("/introspect", {"token": token, **more}, asker.basic)
    assert status == 200
    return answer


async def userinfo_status(server: RunningServer, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    async with server.http.get(server.url("/userinfo"), headers=headers) as answer:
        return answer.status


async def refresh_status(server: RunningServer, client: KnownClient, token: str) -> int:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return (await authenticated_post(server, client, "/token", form))[0]


async def _nothing(_server: RunningServer, _client: KnownClient, _tokens: dict[str, Any]) -> None:
    pass


async def _revoke_access(server: RunningServer, client: KnownClient, tokens: dict[str, Any]) -> None:
    assert (await server.post("/revoke", {"token": tokens["access_token"]}, client.basic))[0] == 200


async def _revoke_grant(server: RunningServer, client: KnownClient, tokens: dict[str, Any]) -> None:
    assert (await server.post("/revoke", {"token": tokens["refresh_token"]}, client.basic))[0] == 200


async def _disable_client(server: RunningServer, client: KnownClient, _tokens: dict[str, Any]) -> None:
    assert not isinstance(
        await disable_client(server.core.store, DEFAULT_TENANT, client.client_id, "test"), Refusal
    )
    await server.core.configuration.catch_up()


async def _delete_client(server: RunningServer, client: KnownClient, _tokens: dict[str, Any]) -> None:
    assert not isinstance(await delete_client(server.core.store, DEFAULT_TENANT, client.client_id), Refusal)
    await server.core.configuration.catch_up()


async def _disable_account(server: RunningServer, _client: KnownClient, _tokens: dict[str, Any]) -> None:
    assert not isinstance(
        await disable_account(server.core.store, DEFAULT_TENANT, server.subject, "test"), Refusal
    )


async def _erase_account(server: RunningServer, _client: KnownClient, _tokens: dict[str, Any]) -> None:
    core = server.core
    erased = await erase_account(core.store, core.private, core.master, DEFAULT_TENANT, server.subject)
    assert not isinstance(erased, Refusal)


async def _end_session(server: RunningServer, _client: KnownClient, _tokens: dict[str, Any]) -> None:
    assert await end_sessions(server.core.store, DEFAULT_TENANT, server.subject, "test")


async def _wait_until_over(_server: RunningServer, _client: KnownClient, tokens: dict[str, Any]) -> None:
    await asyncio.sleep(tokens["expires_in"] + 0.1)


End = Callable[[RunningServer, KnownClient, dict[str, Any]], Awaitable[None]]

#: How a grant can end, and what is still alive then: access token, refresh token; offline grants outlive sessions.
WAYS: dict[str, tuple[End, bool, bool]] = {
    "nothing happened": (_nothing, True, True),
    "access token revoked": (_revoke_access, False, True),
    "refresh token revoked": (_revoke_grant, False, False),
    "client disabled": (_disable_client, False, False),
    "client deleted": (_delete_client, False, False),
    "account disabled": (_disable_account, False, False),
    "account erased": (_erase_account, False, False),
    "session ended": (_end_session, True, True),
    "expired": (_wait_until_over, False, False),
}


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
@pytest.mark.parametrize(("end", "access_lives", "refresh_lives"), WAYS.values(), ids=WAYS)
async def test_all_paths_agree(
    server: RunningServer,
    browser: Browser,
    token_format: str,
    end: End,
    access_lives: bool,
    refresh_lives: bool,
) -> None:
    """A129: however a grant ends, introspection, userinfo and refresh say the same from that moment on."""
    short = {"access_token_lifetime": 2, "refresh_token_lifetime": 2} if end is _wait_until_over else {}
    client = await server.client("web", access_token_format=token_format, **short)
    watcher = await server.client("api", may_introspect=True, protected_resources=(server.issuer,))
    tokens = await browser.code_flow(client, scope="openid offline_access", prompt="consent")
    assert (await introspect(server, watcher, tokens["access_token"]))["active"]
    await end(server, client, tokens)
    seen = await introspect(server, watcher, tokens["access_token"])
    assert seen["active"] is access_lives
    assert access_lives or seen == INACTIVE
    assert await userinfo_status(server, tokens["access_token"]) == (200 if access_lives else 401)
    _, answer = await server.post("/introspect", {"token": tokens["refresh_token"]}, client.basic)
    assert answer.get("active", False) is refresh_lives
    assert (await refresh_status(server, client, tokens["refresh_token"]) == 200) is refresh_lives


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
async def test_the_end_of_a_session_ends_what_hangs_on_it(
    server: RunningServer, browser: Browser, token_format: str
) -> None:
    """A129: a grant without offline access ends with its session, on every path."""
    client = await server.client("web", access_token_format=token_format)
    watcher = await server.client("api", may_introspect=True, protected_resources=(server.issuer,))
    with_openid = await browser.code_flow(client, scope="openid")
    plain = await browser.code_flow(client, scope="profile")
    assert "refresh_token" not in with_openid
    assert await userinfo_status(server, with_openid["access_token"]) == 200
    assert (await introspect(server, client, plain["refresh_token"]))["active"]
    await _end_session(server, client, plain)
    assert await userinfo_status(server, with_openid["access_token"]) == 401
    for token in (with_openid["access_token"], plain["access_token"]):
        assert await introspect(server, watcher, token) == INACTIVE
    assert await introspect(server, client, plain["refresh_token"]) == INACTIVE
    assert await refresh_status(server, client, plain["refresh_token"]) == 400


@only_sqlite
async def test_who_does_not_authenticate_learns_nothing(server: RunningServer, browser: Browser) -> None:
    """A130: without client authentication, as a public client, or with a bearer token: 401 and no answer."""
    web, spa = await server.client("web"), await server.client("spa")
    tokens = await browser.code_flow(web)
    token = tokens["access_token"]
    for form, headers in (
        ({"token": token}, None),
        ({"token": token, "client_id": spa.client_id}, None),
        ({"token": token, "client_id": web.client_id}, None),
        ({"token": token}, {"Authorization": f"Bearer {token}"}),
    ):
        status, answer = await server.post("/introspect", form, headers)
        assert (status, answer["error"]) == (401, "invalid_client")
        assert "active" not in answer


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
async def test_a_token_for_somebody_else_is_inactive(server: RunningServer, token_format: str) -> None:
    """A131: who is neither its client nor its audience gets the two words of an unknown token."""
    service = await server.client("service", access_token_format=token_format)
    audience = await server.client("api")
    other_resource = await server.client(
        "rs2", kind="api", may_introspect=True, protected_resources=("https://other.example/",)
    )
    no_resource = await server.client("web")
    status, answer = await server.post("/token", {"grant_type": "client_credentials"}, service.basic)
    assert status == 200
    for asker in (audience, service):
        seen = await introspect(server, asker, answer["access_token"])
        assert (seen["active"], seen["aud"], seen["client_id"]) == (
            True,
            "https://api.example/",
            service.client_id,
        )
    for asker in (other_resource, no_resource):
        assert await introspect(server, asker, answer["access_token"]) == INACTIVE


async def test_a_refresh_token_is_shown_to_its_client_alone(server: RunningServer, browser: Browser) -> None:
    """A131: a resource server that may introspect learns nothing of refresh tokens."""
    web = await server.client("web")
    watcher = await server.client("api", may_introspect=True, protected_resources=(server.issuer,))
    tokens = await browser.code_flow(web, scope="openid offline_access", prompt="consent")
    seen = await introspect(server, web, tokens["refresh_token"])
    assert (seen["active"], seen["sub"]) == (True, server.subject)
    assert "token_type" not in seen
    assert await introspect(server, watcher, tokens["refresh_token"]) == INACTIVE


@only_sqlite
async def test_the_hint_changes_nothing(server: RunningServer) -> None:
    """RFC 7662 §2.1: a wrong or unknown token_type_hint still finds the token."""
    service = await server.client("service")
    _, answer = await server.post("/token", {"grant_type": "client_credentials"}, service.basic)
    for hint in ("access_token", "refresh_token", "nonsense"):
        assert (await introspect(server, service, answer["access_token"], token_type_hint=hint))["active"]


@only_sqlite
async def test_tokens_come_in_the_form_alone(server: RunningServer) -> None:
    """A132: a GET, a token in the query or given twice is refused before it is looked at."""
    service = await server.client("service")
    _, answer = await server.post("/token", {"grant_type": "client_credentials"}, service.basic)
    token = answer["access_token"]
    query = f"/introspect?token={token}"
    async with server.http.get(server.url(query), headers=service.basic) as got:
        assert got.status == 405
    for path, form in (
        (query, {"token": token}),
        (query, {}),
        ("/introspect", [("token", token)] * 2),
        ("/introspect", {}),
    ):
        status, refused = await server.post(path, form, service.basic)
        assert (status, refused["error"]) == (400, "invalid_request")


async def test_guessed_tokens_are_inactive(server: RunningServer) -> None:
    """A132, A128: whatever is presented that was not given out is inactive, in the same two words."""
    service = await server.client("service", access_token_format="opaque")
    _, answer = await server.post("/token", {"grant_type": "client_credentials"}, service.basic)
    token = answer["access_token"]
    assert (await introspect(server, service, token))["active"]
    kind, grant_id, secret = token.split(".")
    flipped = ("A" if secret[0] != "A" else "B") + secret[1:]
    guesses = [
        token[:-1], f"{token}x", f"{kind}.{grant_id}.{flipped}", f"{kind}.{grant_id}.", f"{kind}.{grant_id}.*",
        f"rt.{grant_id}.{secret}", f"ac.{grant_id}.{secret}", "*", "a.b.c", "..", "x" * 60_000, "\U0001f600", "%",
    ]  # fmt: skip
    for guess in guesses:
        assert await introspect(server, service, guess) == INACTIVE


async def test_a_revocation_is_seen_by_the_next_request(server: RunningServer) -> None:
    """A134: no cache stands between a revocation and the introspection after it, forty times over."""
    service = await server.client("service")
    for _ in range(40):
        _, answer = await server.post("/token", {"grant_type": "client_credentials"}, service.basic)
        token = answer["access_token"]
        assert (await introspect(server, service, token))["active"]
        await server.post("/revoke", {"token": token}, service.basic)
        assert await introspect(server, service, token) == INACTIVE
