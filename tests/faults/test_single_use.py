"""Two server processes, one PostgreSQL: a ``jti`` is for one request, however many come at once, and forever (F15)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.faults.processes import Site, site
from tests.support.assertion import assertion_form, claims_for, new_key, public_jwks, signed
from tests.support.dpop import dpop, proof_key

PARALLEL = 32
KEY = new_key()

#: The client of the site that signs, as a service.
SIGNS: dict[str, Any] = {
    "token_endpoint_auth_method": "private_key_jwt", "jwks": public_jwks(KEY), "redirect_uris": (),
    "grant_types": ("client_credentials",), "response_types": (), "scope": ("reports.read",),
}  # fmt: skip


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client with room for the whole crowd."""
    connector = aiohttp.TCPConnector(limit=PARALLEL * 2)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def ask(
    http: aiohttp.ClientSession, place: Site, server: int, form: dict[str, str], headers: dict[str, str]
) -> str:
    """``token``, or the error of the answer."""
    async with http.post(place.url("/token", server), data=form, headers=headers) as answer:
        body = await answer.json()
        return "token" if answer.status == 200 else str(body["error"])


async def test_one_of_many_wins_on_every_node_and_after_a_restart(
    postgres_dsn: str, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """F15, A084, A104: one assertion and one DPoP proof are each accepted once over two processes, and refused by both
    after ``kill -9`` and a new start."""
    async with site(postgres_dsn, tmp_path, 2, **SIGNS) as place:
        server, web, service = place.as_running(http), place.clients["web"], place.clients["service"]
        assertion = assertion_form(signed(KEY, claims_for(server, web)))
        proved = service.basic | {"DPoP": dpop(server, proof_key())}
        form = {"grant_type": "client_credentials"}
        by_assertion = await asyncio.gather(*(ask(http, place, n, assertion, {}) for n in range(PARALLEL)))
        by_proof = await asyncio.gather(*(ask(http, place, n, form, proved) for n in range(PARALLEL)))
        assert Counter(by_assertion) == {"token": 1, "invalid_client": PARALLEL - 1}
        assert Counter(by_proof) == {"token": 1, "invalid_dpop_proof": PARALLEL - 1}
        for process in place.servers:
            await process.kill()
            await process.start()
        for number in range(2):
            assert await ask(http, place, number, assertion, {}) == "invalid_client"
            assert await ask(http, place, number, form, proved) == "invalid_dpop_proof"
        fresh = assertion_form(signed(KEY, claims_for(server, web)))
        assert await ask(http, place, 1, fresh, {"DPoP": dpop(server, proof_key())}) == "token"
