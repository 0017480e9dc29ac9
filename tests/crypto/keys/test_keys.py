"""Signing keys in use: published before they sign, verified until their last token is over (A176, F28)."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import time_machine
from joserfc import jws
from joserfc.jwk import KeySet

from authrim.core.signing_keys import revoke_key, rotate_key
from authrim.store.contract import Store
from domain.errors import Refusal
from domain.key.key import Key
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser
from tests.support.running import RunningServer, running_server

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

CACHE = 60


@pytest.fixture
async def server(store: Store) -> AsyncIterator[RunningServer]:
    """A server whose key set may be cached for a minute."""
    async with running_server(store, jwks_cache_seconds=CACHE) as running:
        yield running


async def key_set(server: RunningServer) -> dict[str, Any]:
    async with server.http.get(server.url("/jwks")) as answer:
        document: dict[str, Any] = await answer.json()
        return document


def kid_of(token: str, keys: dict[str, Any]) -> str:
    """The key that signed the token, which verifies with this key set."""
    verified = jws.deserialize_compact(token, KeySet.import_key_set(keys), algorithms=["ES256", "RS256"])
    return str(verified.headers()["kid"])


async def token(server: RunningServer) -> str:
    service = await server.client("service")
    status, answer = await server.post("/token", {"grant_type": "client_credentials"}, service.basic)
    assert status == 200
    return str(answer["access_token"])


async def rotate(server: RunningServer, *, urgent: bool = False) -> Key:
    core = server.core
    rotated = await rotate_key(
        core.store, core.private, core.configuration, DEFAULT_TENANT, "ES256", urgent=urgent
    )
    assert isinstance(rotated, Key)
    return rotated


async def is_active(server: RunningServer, presented: str) -> bool:
    service = await server.client("service")
    _, answer = await server.post("/introspect", {"token": presented}, service.basic)
    return bool(answer["active"])


async def test_a_key_is_published_before_it_signs(server: RunningServer) -> None:
    """F28: from the rotation on both keys are published; the old one signs until every cache knows the new."""
    old_token, cached = await token(server), await key_set(server)
    rotated = await rotate(server)
    published = await key_set(server)
    assert rotated.kid in {key["kid"] for key in published["keys"]}
    assert kid_of(await token(server), cached) == kid_of(old_token, cached) != rotated.kid
    with time_machine.travel(time.time() + CACHE + 1, tick=True):
        fresh = await token(server)
        assert kid_of(fresh, published) == rotated.kid
        assert kid_of(old_token, await key_set(server)) != rotated.kid
        assert await is_active(server, old_token)
        assert await is_active(server, fresh)


async def test_tokens_verify_all_through_a_rotation(server: RunningServer) -> None:
    """A176: of the tokens given out while keys are rotated, each verifies with the key set of before or after."""
    cached = await key_set(server)

    async def ask_often() -> list[str]:
        return [await token(server) for _ in range(25)]

    await server.client("service")
    tokens, _ = await asyncio.gather(ask_often(), rotate(server))
    published = await key_set(server)
    for given in tokens:
        assert kid_of(given, cached) == kid_of(given, published)
        assert await is_active(server, given)


async def test_a_hint_under_a_retired_key_is_understood(server: RunningServer) -> None:
    """OIDC Core §3.1.2.1: an ID token signed before the rotation still tells who is meant, long after its exp."""
    browser, web = Browser(server), await server.client("web")
    hint = (await browser.code_flow(web))["id_token"]
    rotated = await rotate(server)
    with time_machine.travel(time.time() + 3 * 3600, tick=True):
        assert kid_of(hint, await key_set(server)) != rotated.kid
        shown, _ = await browser.authorize(web, prompt="none", id_token_hint=hint)
        assert "code" in shown.parameters


async def test_a_retired_key_stays_for_the_longest_token(server: RunningServer) -> None:
    """A176: the old key is published for a day and a cache's time after its successor signs, and then not."""
    old = kid_of(await token(server), await key_set(server))
    await rotate(server)
    for later, expected in ((CACHE + 86_400, True), (2 * CACHE + 86_400 + 5, False)):
        with time_machine.travel(time.time() + later, tick=True):
            assert (old in {key["kid"] for key in (await key_set(server))["keys"]}) is expected


async def test_a_revoked_key_verifies_nothing(server: RunningServer) -> None:
    """A147: what a revoked key has signed is inactive at once, and another key signs without a pause."""
    core, presented = server.core, await token(server)
    kid = kid_of(presented, await key_set(server))
    assert await is_active(server, presented)
    outcome = await revoke_key(core.store, core.private, core.configuration, DEFAULT_TENANT, kid, "leaked")
    assert not isinstance(outcome, Refusal)
    published = await key_set(server)
    assert kid not in {key["kid"] for key in published["keys"]}
    assert not await is_active(server, presented)
    assert kid_of(await token(server), published) != kid
