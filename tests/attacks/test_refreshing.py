"""Refresh tokens: reuse, races, grace, and whatever is presented in their place (docs/rules/attacks/tokens.md)."""

import asyncio
import base64

import pytest

from authrim.store.contract import Store
from tests.support.browser import Browser, authenticated_post
from tests.support.nodes import another_node
from tests.support.running import KnownClient, RunningServer
from tests.support.tokens import OFFLINE, is_active, refresh

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def assert_refused(
    server: RunningServer, client: KnownClient, token: str, error: str = "invalid_grant", **more: str
) -> None:
    status, answer = await refresh(server, client, token, **more)
    assert (status, answer["error"]) == (400, error)


async def events_of(store: Store, token: str) -> list[str]:
    """The types of the events in the stream of a refresh token's grant."""
    grant_id = token.split(".")[1]
    return [event.type for event in await store.read_whole_stream(f"default:grant:{grant_id}")]


@pytest.mark.parametrize("kind", ["web", "spa"])
async def test_reuse_ends_the_whole_grant(server: RunningServer, browser: Browser, kind: str) -> None:
    """A122: a rotated refresh token used again outside its grace ends the newest one and every access token."""
    client = await server.client(kind, refresh_grace_seconds=0)
    watcher = await server.client("api", may_introspect=True, protected_resources=(server.issuer,))
    first = await browser.code_flow(client, **OFFLINE)
    status, second = await refresh(server, client, first["refresh_token"])
    assert status == 200
    assert await is_active(server, watcher, second["access_token"])
    await assert_refused(server, client, first["refresh_token"])
    await assert_refused(server, client, second["refresh_token"])
    for tokens in (first, second):
        assert not await is_active(server, watcher, tokens["access_token"])
    recorded = await events_of(server.core.store, first["refresh_token"])
    assert recorded[-2:] == ["grant.refresh_token_reused.v1", "grant.revoked.v1"]
    await assert_refused(server, client, first["refresh_token"])
    assert await events_of(server.core.store, first["refresh_token"]) == recorded


async def test_reuse_is_seen_by_a_node_that_remembers_nothing(
    server: RunningServer, browser: Browser
) -> None:
    """A124: what was rotated is decided from the log: another node, or the same after a restart, sees reuse."""
    client = await server.client("web", refresh_grace_seconds=0)
    first = (await browser.code_flow(client, **OFFLINE))["refresh_token"]
    _, second = await refresh(server, client, first)
    async with another_node(server) as node:
        await assert_refused(node, client, first)
        await assert_refused(node, client, second["refresh_token"])
    await assert_refused(server, client, second["refresh_token"])


async def test_the_grace_is_the_same_on_every_node(server: RunningServer, browser: Browser) -> None:
    """A123: nodes that refresh one token at once give the byte-identical successor, and it works on both."""
    client = await server.client("web", refresh_grace_seconds=30)
    first = (await browser.code_flow(client, **OFFLINE))["refresh_token"]
    async with another_node(server) as node:
        answers = await asyncio.gather(*(refresh(at, client, first) for at in (server, node) * 4))
        assert {status for status, _ in answers} == {200}
        successors = {answer["refresh_token"] for _, answer in answers}
        assert len(successors) == 1
        assert (await refresh(node, client, successors.pop()))[0] == 200
    assert (await events_of(server.core.store, first)).count("grant.refresh_token_rotated.v1") == 2


@pytest.mark.parametrize("kind", ["web", "spa"])
async def test_of_parallel_refreshes_without_grace_one_wins(
    server: RunningServer, browser: Browser, kind: str
) -> None:
    """A123, decisions 6: grace 0: one 200, the others invalid_grant, one rotation, and the grant is over."""
    client = await server.client(kind, refresh_grace_seconds=0)
    tokens = await browser.code_flow(client, **OFFLINE)
    answers = await asyncio.gather(*(refresh(server, client, tokens["refresh_token"]) for _ in range(8)))
    assert sorted(status for status, _ in answers) == [200] + [400] * 7
    assert {answer["error"] for status, answer in answers if status == 400} == {"invalid_grant"}
    winner = next(answer for status, answer in answers if status == 200)
    await assert_refused(server, client, winner["refresh_token"])
    recorded = await events_of(server.core.store, tokens["refresh_token"])
    assert recorded.count("grant.refresh_token_rotated.v1") == 1
    assert recorded.count("grant.revoked.v1") == 1


async def test_parallel_refreshes_within_the_grace_have_one_child(
    server: RunningServer, browser: Browser
) -> None:
    """A123, decisions 6: with grace every request gets the very same successor, which then works once."""
    client = await server.client("web", refresh_grace_seconds=30)
    tokens = await browser.code_flow(client, **OFFLINE)
    answers = await asyncio.gather(*(refresh(server, client, tokens["refresh_token"]) for _ in range(8)))
    assert {status for status, _ in answers} == {200}
    successors = {answer["refresh_token"] for _, answer in answers}
    assert len(successors) == 1
    assert len({answer["access_token"] for _, answer in answers}) == 8
    recorded = await events_of(server.core.store, tokens["refresh_token"])
    assert recorded.count("grant.refresh_token_rotated.v1") == 1
    status, _ = await refresh(server, client, successors.pop())
    assert status == 200


@only_sqlite
async def test_the_grace_is_never_extended(server: RunningServer, browser: Browser) -> None:
    """A125: a token that is used again and again within its grace is dead when the first grace is over."""
    client = await server.client("web", refresh_grace_seconds=2)
    first = (await browser.code_flow(client, **OFFLINE))["refresh_token"]
    status, second = await refresh(server, client, first)
    assert status == 200
    for _ in range(2):
        await asyncio.sleep(0.45)
        assert (await refresh(server, client, first))[0] == 200
    await asyncio.sleep(1.3)
    await assert_refused(server, client, first)
    await assert_refused(server, client, second["refresh_token"])


async def test_the_grace_is_counted(server: RunningServer, browser: Browser) -> None:
    """A125: within the grace a used token answers as often as is allowed, and once more ends the grant."""
    client = await server.client("web", refresh_grace_seconds=30, refresh_grace_count=2)
    first = (await browser.code_flow(client, **OFFLINE))["refresh_token"]
    for _ in range(3):
        status, answer = await refresh(server, client, first)
        assert status == 200
    await assert_refused(server, client, first)
    await assert_refused(server, client, answer["refresh_token"])


async def test_the_grace_is_for_the_last_token_alone(server: RunningServer, browser: Browser) -> None:
    """A125: a token two generations old has no grace, however fresh it is."""
    client = await server.client("web", refresh_grace_seconds=30)
    first = (await browser.code_flow(client, **OFFLINE))["refresh_token"]
    _, second = await refresh(server, client, first)
    _, third = await refresh(server, client, second["refresh_token"])
    await assert_refused(server, client, first)
    await assert_refused(server, client, third["refresh_token"])


async def test_another_client_cannot_refresh(server: RunningServer, browser: Browser) -> None:
    """A126: the refresh token of one client is unknown to another, and its owner keeps it."""
    web, other = await server.client("web"), await server.client("other", kind="web")
    spa = await server.client("spa")
    tokens = await browser.code_flow(web, **OFFLINE)
    for thief in (other, spa):
        await assert_refused(server, thief, tokens["refresh_token"])
    assert (await refresh(server, web, tokens["refresh_token"]))[0] == 200


async def test_a_refresh_never_widens(server: RunningServer, browser: Browser) -> None:
    """A126: more scope is invalid_scope, another resource invalid_target, and neither uses the token up."""
    web = await server.client("web", audiences=("https://a.example/", "https://b.example/"))
    tokens = await browser.code_flow(web, **OFFLINE, resource="https://a.example/")
    token = tokens["refresh_token"]
    await assert_refused(server, web, token, "invalid_scope", scope="openid profile email")
    await assert_refused(server, web, token, "invalid_scope", scope="openid admin")
    await assert_refused(server, web, token, "invalid_target", resource="https://b.example/")
    await assert_refused(server, web, token, "invalid_target", resource="https://evil.example/")
    status, narrowed = await refresh(server, web, token, scope="openid")
    assert (status, narrowed["scope"]) == (200, "openid")
    status, again = await refresh(server, web, narrowed["refresh_token"])
    assert (status, again["scope"]) == (200, "openid profile offline_access")


def changed_tokens(token: str) -> list[str]:
    """The token, damaged in every way that has been accepted somewhere."""
    kind, grant_id, secret = token.split(".")
    raw = bytearray(base64.urlsafe_b64decode(secret))

    def with_bytes(changed: bytes) -> str:
        return f"{kind}.{grant_id}.{base64.urlsafe_b64encode(changed).decode()}"

    flipped = [with_bytes(bytes([*raw[:i], raw[i] ^ 1, *raw[i + 1 :]])) for i in range(0, len(raw), 5)]
    generations = [
        with_bytes(number.to_bytes(4, "big") + bytes(raw[4:])) for number in (0, 2, 2**31, 2**32 - 1)
    ]
    shapes = [
        token[:-1], token[:-4], f"{token}A", f"{token}.", f".{token}", f"{token}=", token.upper(),
        f"{kind}.{grant_id}.", f"{kind}.{grant_id.upper()}.{secret}", f"at.{grant_id}.{secret}",
        f"ac.{grant_id}.{secret}", f"{kind}.{'0' * 32}.{secret}", f"{token} ", f"{token}\n", "rt..", "rt",
    ]  # fmt: skip
    return [*flipped, *generations, *shapes]


async def test_a_changed_token_is_unknown_and_harms_nobody(server: RunningServer, browser: Browser) -> None:
    """A128, decisions 4: any change makes it unknown, and the grant that it names stays as it was."""
    web = await server.client("web")
    token = (await browser.code_flow(web, **OFFLINE))["refresh_token"]
    before = await events_of(server.core.store, token)
    for changed in changed_tokens(token):
        assert changed != token
        await assert_refused(server, web, changed)
        assert not await is_active(server, web, changed)
        status, _ = await server.post("/revoke", {"token": changed}, web.basic)
        assert status == 200
    assert await events_of(server.core.store, token) == before
    assert (await refresh(server, web, token))[0] == 200


@only_sqlite
async def test_nothing_else_is_a_refresh_token(server: RunningServer, browser: Browser) -> None:
    """A128: a code, an access token and an ID token are no refresh tokens."""
    web = await server.client("web", access_token_format="opaque")
    shown, _ = await browser.authorize(web)
    shown = await browser.through_pages(shown)
    await assert_refused(server, web, shown.parameters["code"])
    tokens = await browser.code_flow(web, **OFFLINE)
    for other in (tokens["access_token"], tokens["id_token"]):
        await assert_refused(server, web, other)
    status, answer = await authenticated_post(server, web, "/token", {"grant_type": "refresh_token"})
    assert (status, answer["error"]) == (400, "invalid_request")


@only_sqlite
async def test_a_refresh_token_needs_its_client(server: RunningServer, browser: Browser) -> None:
    """A099: a confidential client's refresh token alone, without authentication, is worth nothing."""
    web = await server.client("web")
    token = (await browser.code_flow(web, **OFFLINE))["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token}
    for extra in ({}, {"client_id": web.client_id}):
        status, answer = await server.post("/token", form | extra)
        assert (status, answer["error"]) == (401, "invalid_client")
    assert (await refresh(server, web, token))[0] == 200
