"""``/introspect/at``: whether a token was active at a time, signed, for those who may introspect it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from time import time
from typing import Any

import pytest

from authrim.people.accounts import disable_account
from authrim.people.erasure import erase_account
from authrim.store.read_back import ReadBack
from authrim.tokens import introspect_at_endpoint
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser
from tests.support.running import KnownClient, RunningServer, running_server
from tests.tokens.evidence.signed import read

API = ("https://api.example/",)


async def ask(
    server: RunningServer, asker: KnownClient, token: str, **when: int | str
) -> tuple[int, str, str]:
    """The status, the content type and the body."""
    form = {"token": token, **{name: str(value) for name, value in when.items()}}
    async with server.http.post(server.url("/introspect/at"), data=form, headers=asker.basic) as answer:
        return answer.status, answer.content_type, await answer.text()


async def claims(server: RunningServer, asker: KnownClient, token: str, **when: int | str) -> dict[str, Any]:
    status, content_type, signed = await ask(server, asker, token, **when)
    assert (status, content_type) == (200, "application/authrim-token-at+jwt"), signed
    found = await read(server, signed, "authrim-token-at+jwt")
    assert found["aud"] == asker.client_id
    return found


async def head(server: RunningServer) -> int:
    return (await server.core.store.head()).position


async def until(server: RunningServer, second: int) -> None:
    """Wait for the database's clock."""
    left = second - (await server.core.store.head()).now / 1_000_000
    await asyncio.sleep(max(left, 0) + 0.1)


async def watcher(server: RunningServer) -> KnownClient:
    return await server.client("api", may_introspect=True, protected_resources=(server.issuer,))


async def _revoke(server: RunningServer, client: KnownClient, tokens: dict[str, Any]) -> None:
    assert (await server.post("/revoke", {"token": tokens["access_token"]}, client.basic))[0] == 200


async def _revoke_grant(server: RunningServer, client: KnownClient, tokens: dict[str, Any]) -> None:
    assert (await server.post("/revoke", {"token": tokens["refresh_token"]}, client.basic))[0] == 200


async def _disable(server: RunningServer, client: KnownClient, tokens: dict[str, Any]) -> None:
    await disable_account(server.core.store, DEFAULT_TENANT, server.subject, "test")


End = Callable[[RunningServer, KnownClient, dict[str, Any]], Awaitable[None]]


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
@pytest.mark.parametrize("end", [_revoke, _revoke_grant, _disable])
async def test_before_and_after_the_end(
    server: RunningServer, browser: Browser, token_format: str, end: End
) -> None:
    """A token was active until what ended it, and says so long after; before it was issued there was none. What was
    active has the members of introspection, and the event that issued it with its leaf hash."""
    client, asker = await server.client("web", access_token_format=token_format), await watcher(server)
    none = await head(server)
    tokens = await browser.code_flow(client, scope="openid offline_access", prompt="consent")
    token, active = tokens["access_token"], await head(server)
    _, now = await server.post("/introspect", {"token": token}, asker.basic)
    await end(server, client, tokens)
    ended = await head(server)
    was = await claims(server, asker, token, position=active)
    assert was["token_introspection"] == now
    assert was["as_of"]["position"] == active
    (place,) = was["events"]
    (event,) = await server.core.store.read_log(place["position"] - 1, 1)
    assert place["type"] == event.type == "grant.access_token_issued.v1"
    assert (await claims(server, asker, token, position=ended))["token_introspection"] == {"active": False}
    before = await claims(server, asker, token, position=none)
    assert before["found"] is False
    assert "token_introspection" not in before
    (of_active,) = await server.core.store.read_log(active - 1, 1)
    second = of_active.recorded_at // 1_000_000 + 1
    await until(server, second)
    by_time = await claims(server, asker, token, at=second)
    assert by_time["found"] is True


async def test_only_for_those_who_may_introspect_it(server: RunningServer, store: ReadBack) -> None:
    """A267: another resource server's answer is that of an unknown token; a public client and one that does not
    authenticate get none; each question is an event of the client, without the token."""
    service = await server.client("service")
    api = await server.client("api")
    other = await server.client("rs2", kind="api", protected_resources=("https://other.example/",))
    spa = await server.client("spa")
    _, answer = await server.post("/token", {"grant_type": "client_credentials"}, service.basic)
    token, position = answer["access_token"], await head(server)
    for asker, found in ((service, True), (api, True), (other, False)):
        assert (await claims(server, asker, token, position=position))["found"] is found
    unknown = await claims(server, other, token[:-8] + "AAAAAAAA", position=position)
    mine = await claims(server, other, token, position=position)
    assert {**unknown, "token": "", "iat": 0} == {**mine, "token": "", "iat": 0}
    form = {"token": token, "position": str(position)}
    assert (await server.post("/introspect/at", form, {}))[0] == 401
    assert (await server.post("/introspect/at", form | {"client_id": spa.client_id}))[0] == 401
    events = await store.read_log(0, 1000)
    asked = [event for event in events if event.type == "audit.question_asked.v1"]
    assert len(asked) == 5
    assert [json.loads(event.metadata)["client_id"] for event in asked][:3] == [
        service.client_id, api.client_id, other.client_id,
    ]  # fmt: skip
    assert json.loads(asked[0].metadata)["actor"] == "client"
    assert not any(token in event.payload.decode() for event in asked)
    assert {json.loads(event.payload)["question"] for event in asked} == {"token_at"}


async def test_erased_stays_erased(server: RunningServer, browser: Browser) -> None:
    """A267, A237: after a person is erased, a token about them was active at the time, and nothing says whom it was
    about."""
    client, asker = await server.client("web"), await watcher(server)
    tokens = await browser.code_flow(client, scope="openid")
    position, core = await head(server), server.core
    was = (await claims(server, asker, tokens["access_token"], position=position))["token_introspection"]
    assert was["sub"] == server.subject
    await erase_account(core.store, core.private, core.master, DEFAULT_TENANT, server.subject)
    since = (await claims(server, asker, tokens["access_token"], position=position))["token_introspection"]
    assert since == {key: value for key, value in was.items() if key not in ("sub", "auth_time", "acr")}
    assert since["active"] is True


async def test_when_is_meant(server: RunningServer) -> None:
    """The time is one of two, and neither to come nor nonsense: else the request is refused, and nothing recorded."""
    service = await server.client("service")
    _, answer = await server.post("/token", {"grant_type": "client_credentials"}, service.basic)
    recorded = await head(server)
    for when in (
        {}, {"at": 1, "position": 1}, {"at": "now"}, {"position": "-1"}, {"at": "9" * 400}, {"position": 0},
        {"position": recorded + 1000}, {"at": int(time()) + 1000}, {"at": ""},
    ):  # fmt: skip
        status, _, body = await ask(server, service, answer["access_token"], **when)
        assert (status, json.loads(body)["error"]) == (400, "invalid_request"), when
    status, _, _ = await ask(server, service, "", position=recorded)
    assert status == 400
    events = await server.core.store.read_log(recorded, 100)
    assert not [event for event in events if event.type == "audit.question_asked.v1"]


async def test_a_token_that_has_expired_since(server: RunningServer, browser: Browser) -> None:
    """A token that has expired since was active then; a refresh token is not asked about here."""
    client = await server.client("web", access_token_lifetime=2)
    expired = True
    while expired:  # a busy machine may record a token when it has expired already
        tokens = await browser.code_flow(client, scope="openid offline_access", prompt="consent")
        events = await server.core.store.read_log(await head(server) - 5, 5)
        (event,) = [event for event in events if event.type == "grant.access_token_issued.v1"]
        expires_at = json.loads(event.payload)["expires_at"]
        expired = event.recorded_at // 1_000_000 >= expires_at
    position = event.position
    was = await claims(server, client, tokens["access_token"], position=position)
    assert was["token_introspection"]["active"] is True
    await until(server, expires_at + 1)
    later = await claims(server, client, tokens["access_token"], at=expires_at)
    assert later["token_introspection"] == {"active": False}
    again = await claims(server, client, tokens["access_token"], position=position)
    assert again["token_introspection"]["active"] is True
    assert (await claims(server, client, tokens["refresh_token"], position=position))["found"] is False


async def test_questions_are_bounded(store: ReadBack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A267: beyond the limit of a minute a client gets 429 with Retry-After and nothing is recorded; a grant with a
    very long history is not read."""
    async with running_server(store, introspection_at=True, introspection_at_per_minute=2) as server:
        service = await server.client("service")
        _, answer = await server.post("/token", {"grant_type": "client_credentials"}, service.basic)
        position = await head(server)
        await claims(server, service, answer["access_token"], position=position)
        monkeypatch.setattr(introspect_at_endpoint, "MOST_EVENTS", 1)
        status, _, body = await ask(server, service, answer["access_token"], position=position)
        assert (status, "too long" in body) == (400, True)
        recorded = await head(server)
        form = {"token": answer["access_token"], "position": str(position)}
        async with server.http.post(
            server.url("/introspect/at"), data=form, headers=service.basic
        ) as refused:
            assert (refused.status, refused.headers["Retry-After"]) == (429, "60")
        events = await store.read_log(recorded, 100)
        assert not [event for event in events if event.type == "audit.question_asked.v1"]


async def test_off_unless_switched_on(store: ReadBack) -> None:
    """Nothing of it is there by default: no route, no metadata, and unknown parameters are ignored (RFC 6749 §3.2)."""
    async with running_server(store) as server:
        service = await server.client("service")
        status, answer = await server.post(
            "/token", {"grant_type": "client_credentials", "receipt": "true"}, service.basic
        )
        assert (status, "receipt" in answer) == (200, False)
        token = answer["access_token"]
        assert (await server.post("/introspect/at", {"token": token, "position": "1"}, service.basic))[
            0
        ] == 404
        plain = await server.post("/introspect", {"token": token}, service.basic)
        more = {"token": token, "min_position": "999999999", "log_position": "true"}
        assert await server.post("/introspect", more, service.basic) == plain
        async with server.http.get(server.url("/.well-known/oauth-authorization-server")) as found:
            assert "authrim_" not in await found.text()
