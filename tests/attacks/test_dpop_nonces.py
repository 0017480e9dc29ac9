"""Nonces of DPoP proofs: asked for, of this server, and fresh (RFC 9449 §8, §9)."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import time_machine

from authrim.store.contract import Store
from tests.support.assertion import assertion_client, assertion_form, claims_for, new_key, signed
from tests.support.browser import Browser, redeem
from tests.support.dpop import (
    dpop,
    proof_key,
    with_token,
)
from tests.support.nodes import another_node
from tests.support.running import KnownClient, RunningServer, running_server

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

KEY = proof_key()


@pytest.fixture
async def with_nonces(store: Store) -> AsyncIterator[RunningServer]:
    """A server that wants a nonce in every proof."""
    async with running_server(store, dpop_nonce="required") as server:
        yield server


async def nonce_of(server: RunningServer, client: KnownClient, **claims: Any) -> tuple[int, str, str | None]:
    """Status, error and offered nonce of a token request."""
    headers = client.basic | {"DPoP": dpop(server, KEY, **claims)}
    form = {"grant_type": "client_credentials"}
    async with server.http.post(server.url("/token"), data=form, headers=headers) as answer:
        return answer.status, (await answer.json()).get("error", ""), answer.headers.get("DPoP-Nonce")


async def test_a_nonce_is_asked_for(with_nonces: RunningServer) -> None:
    """A105: missing, made up or of another server: ``use_dpop_nonce`` with a fresh one; with that, all is well."""
    server = with_nonces
    service = await server.client("service")
    status, error, nonce = await nonce_of(server, service)
    assert (status, error) == (400, "use_dpop_nonce")
    assert nonce
    for wrong in ("", "x", nonce[:-1], nonce + "A", "A" * len(nonce), nonce.lower(), 1, [nonce]):
        assert (await nonce_of(server, service, nonce=wrong))[:2] == (400, "use_dpop_nonce")
    assert await nonce_of(server, service, nonce=nonce) == (200, "", None)


@only_sqlite
async def test_a_nonce_uses_up_neither_proof_nor_assertion(with_nonces: RunningServer) -> None:
    """Decisions 17, A105: a request that is told to come again with a nonce has reserved nothing."""

    server, key = with_nonces, new_key()
    client = await assertion_client(server, key)
    form = assertion_form(signed(key, claims_for(server, client)))
    async with server.http.post(
        server.url("/token"), data=form, headers={"DPoP": dpop(server, KEY)}
    ) as answer:
        assert (await answer.json())["error"] == "use_dpop_nonce"
        nonce = answer.headers["DPoP-Nonce"]
    status, _ = await server.post("/token", form, {"DPoP": dpop(server, KEY, nonce=nonce)})
    assert status == 200
    status, refused = await server.post("/token", form, {"DPoP": dpop(server, KEY, nonce=nonce)})
    assert (status, refused["error"]) == (401, "invalid_client")


@only_sqlite
async def test_nonces_grow_old(with_nonces: RunningServer) -> None:
    """A105, A111: the next nonce comes with an answer before the old one is refused; it is refused soon after."""
    server = with_nonces
    service = await server.client("service")
    start = int(time.time())
    with time_machine.travel(start, tick=True):
        _, _, nonce = await nonce_of(server, service)
    with time_machine.travel(start + 60, tick=True):
        status, _, fresh = await nonce_of(server, service, nonce=nonce)
        assert status == 200
        assert fresh not in (None, nonce)
    with time_machine.travel(start + 180, tick=True):
        assert (await nonce_of(server, service, nonce=nonce))[:2] == (400, "use_dpop_nonce")


@only_sqlite
@pytest.mark.parametrize("iat", [-1, 1e308, 2**53, -31_536_000, -61, 16, 90, 3600])
async def test_a_nonce_replaces_no_iat(with_nonces: RunningServer, iat: float) -> None:
    """A103: with the right nonce, ``iat`` is held to its window as without: sane, 60 s old at most, 15 s ahead at most.

    Small numbers are seconds from now, and the first three are no time at all."""
    server = with_nonces
    service = await server.client("service")
    _, _, nonce = await nonce_of(server, service)
    made = iat if iat in (-1, 1e308, 2**53) else int(time.time()) + iat
    assert (await nonce_of(server, service, nonce=nonce, iat=made))[:2] == (400, "invalid_dpop_proof")
    assert (await nonce_of(server, service, nonce=nonce))[:2] == (200, "")


async def test_every_node_knows_every_nonce(with_nonces: RunningServer) -> None:
    """A105: nonces are no rows and no memory, so another node takes them as they are."""
    server = with_nonces
    service = await server.client("service")
    _, _, nonce = await nonce_of(server, service)
    async with another_node(server, dpop_nonce="required") as node:
        headers = service.basic | {"DPoP": dpop(server, KEY, nonce=nonce)}
        assert (await node.post("/token", {"grant_type": "client_credentials"}, headers))[0] == 200


@only_sqlite
async def test_a_resource_asks_for_a_nonce(with_nonces: RunningServer) -> None:
    """RFC 9449 §9: 401 with ``use_dpop_nonce`` in the challenge, and the nonce beside it."""
    server = with_nonces
    web, browser = await server.client("web"), Browser(server)
    shown, verifier = await browser.authorize(web)
    code = (await browser.through_pages(shown)).parameters["code"]
    _, _, nonce = await nonce_of(server, await server.client("service"))
    _, tokens = await redeem(server, web, code, verifier, headers={"DPoP": dpop(server, KEY, nonce=nonce)})
    token = tokens["access_token"]
    async with server.http.get(server.url("/userinfo"), headers=with_token(server, KEY, token)) as answer:
        assert answer.status == 401
        assert 'error="use_dpop_nonce"' in answer.headers["WWW-Authenticate"]
        nonce = answer.headers["DPoP-Nonce"]
    headers = with_token(server, KEY, token, nonce=nonce)
    async with server.http.get(server.url("/userinfo"), headers=headers) as answer:
        assert answer.status == 200
