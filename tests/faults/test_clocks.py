"""Clocks that jump, on one of two servers and on the only one (F13). libfaketime answers for the system's clock."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import time
from typing import Any

import aiohttp
import asyncpg
import pytest

from authrim.store.sqlite.schema import migrate_sqlite
from tests.faults.processes import Site, site
from tests.postgres_cluster import Cluster
from tests.support.assertion import assertion_form, claims_for, new_key, public_jwks, signed
from tests.support.browser import Browser
from tests.support.clocks import FILE, SetClock
from tests.support.dpop import dpop, proof_key
from tests.support.patience import PATIENCE

HOUR = 3600
#: Seconds since 1970 at which a signed number of 32 bits is full.
END_OF_32_BITS = 2**31
KEY = new_key()
SERVICE = {"grant_type": "client_credentials"}
#: The client of the site that signs, as a service.
SIGNS: dict[str, Any] = {
    "token_endpoint_auth_method": "private_key_jwt", "jwks": public_jwks(KEY), "redirect_uris": (),
    "grant_types": ("client_credentials",), "response_types": (), "scope": ("reports.read",),
}  # fmt: skip

#: A server may be slow here, and sheds nothing for it.
UNHURRIED: dict[str, Any] = {"overload_milliseconds": 0}
#: The database's clock an hour on, as nobody waits for it here.
LATER_IN_THE_DATABASE = """
    CREATE OR REPLACE FUNCTION authrim.clock_us() RETURNS BIGINT LANGUAGE sql VOLATILE PARALLEL SAFE
    AS $$ SELECT ((extract(epoch FROM clock_timestamp()) + 3600) * 1000000)::BIGINT $$
"""

Answer = tuple[int, dict[str, Any]]


@pytest.fixture
def own_dsn(cluster: Cluster) -> Iterator[str]:
    """A database whose clock the test sets."""
    name = cluster.new_database()
    yield cluster.dsn(name)
    cluster.drop_database(name)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client without cookies of its own."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


class Asking:
    """What clients ask of each of the servers."""

    def __init__(self, http: aiohttp.ClientSession, place: Site) -> None:
        self._http = http
        self._place = place

    async def post(self, server: int, path: str, form: dict[str, str], headers: dict[str, str]) -> Answer:
        async with self._http.post(self._place.url(path, server), data=form, headers=headers) as answer:
            return answer.status, await answer.json()

    async def readiness(self, server: int) -> str:
        """``ready``, or why not."""
        async with self._http.get(self._place.url("/health/ready", server)) as answer:
            told = await answer.json()
            return str(told.get("why", told["status"]))

    async def service_token(self, server: int, **headers: str) -> Answer:
        return await self.post(server, "/token", SERVICE, self._place.clients["service"].basic | headers)


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWT."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


async def code_of(browser: Browser, place: Site) -> dict[str, str]:
    """A new code, as the form that redeems it."""
    web = place.clients["web"]
    shown, verifier = await browser.authorize(web, scope="openid offline_access")
    code = (await browser.through_pages(shown)).parameters["code"]
    return {
        "grant_type": "authorization_code", "code": code, "redirect_uri": web.redirect_uri,
        "code_verifier": verifier,
    }  # fmt: skip


async def test_one_of_two_nodes_has_another_time(
    own_dsn: str, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """F13, decisions 7: a node that is an hour ahead, an hour behind or beyond 2038 is not ready, and judges by the
    database's clock all the same: a code is good until it expires there and no longer, and tokens are dated there."""
    clock = SetClock(tmp_path / "clock-1")
    SetClock(tmp_path / "clock-0")
    environment = clock.environment | {FILE: f"{tmp_path}/clock-{{number}}"}
    settings = {"refresh_grace_seconds": 0, **UNHURRIED}
    async with site(own_dsn, tmp_path, 2, settings, environment=environment) as place:
        asking, browser = Asking(http, place), Browser(place.as_running(http))
        web = place.clients["web"]
        old = await code_of(browser, place)
        for ahead in (HOUR, -HOUR, END_OF_32_BITS - time()):
            await clock.set(0)
            fresh = await code_of(browser, place)
            await clock.set(ahead)
            assert await asking.readiness(1) == "clock_skew"
            assert await asking.readiness(0) == "ready"
            status, tokens = await asking.post(1, "/token", fresh, web.basic)
            assert status == 200, tokens
            for _ in range(2):  # the second one is of a grant that the process remembers
                form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
                status, tokens = await asking.post(1, "/token", form, web.basic)
                assert status == 200, tokens
                assert abs(claims_of(tokens["access_token"])["iat"] - time()) < PATIENCE
            status, service = await asking.service_token(1)
            assert status == 200, service
            assert abs(claims_of(service["access_token"])["iat"] - time()) < PATIENCE
        await clock.set(-HOUR)
        connection = await asyncpg.connect(own_dsn)
        await connection.execute(LATER_IN_THE_DATABASE)
        await connection.close()
        status, answer = await asking.post(1, "/token", old, web.basic)
        assert (status, answer["error"]) == (400, "invalid_grant")
        status, answer = await asking.post(1, "/introspect", {"token": tokens["access_token"]}, web.basic)
        assert (status, answer) == (200, {"active": False})


async def test_what_was_used_once_stays_used(
    postgres_dsn: str, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """F13, A084, A104: assertions and proofs that have expired are old on a node whose clock is an hour behind too:
    what it takes for new is accepted by nobody, and what was used is not accepted again."""
    clock = SetClock(tmp_path / "clock")
    async with site(postgres_dsn, tmp_path, 1, UNHURRIED, environment=clock.environment, **SIGNS) as place:
        asking, server, web = Asking(http, place), place.as_running(http), place.clients["web"]
        now = int(time())
        used = assertion_form(signed(KEY, claims_for(server, web)))
        assert (await asking.post(0, "/token", used, {}))[0] == 200
        await clock.set(-HOUR)
        old = claims_for(server, web, iat=now - HOUR, exp=now - HOUR + 60)
        for assertion in (used, assertion_form(signed(KEY, old))):
            for _ in range(2):
                status, answer = await asking.post(0, "/token", assertion, {})
                assert (status, answer["error"]) == (401, "invalid_client")
        proof = dpop(server, proof_key(), iat=now - HOUR)
        for _ in range(2):
            status, answer = await asking.service_token(0, DPoP=proof)
            assert (status, answer["error"]) == (400, "invalid_dpop_proof")


async def test_the_only_node_passes_the_end_of_32_bits(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """F13: on the embedded store, whose clock is the process's, a flow goes on over January 2038; when the clock is set
    back by an hour, what has expired stays so, nothing that was used is accepted again, and the node is not ready."""
    place_of_file = tmp_path / "authrim.db"
    migrate_sqlite(place_of_file)
    clock = SetClock(tmp_path / "clock")
    async with site(place_of_file, tmp_path, 1, UNHURRIED, environment=clock.environment) as place:
        asking, browser = Asking(http, place), Browser(place.as_running(http))
        web, ahead = place.clients["web"], END_OF_32_BITS - 1 - time()
        await clock.set(ahead)
        code = await code_of(browser, place)
        await clock.set(ahead + 2)
        status, tokens = await asking.post(0, "/token", code, web.basic)
        assert status == 200, tokens
        assert claims_of(tokens["access_token"])["iat"] > END_OF_32_BITS
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        assert (await asking.post(0, "/token", form, web.basic))[0] == 200
        assert await asking.readiness(0) == "ready"
        late = await code_of(browser, place)
        await clock.set(ahead + HOUR)
        assert (await asking.post(0, "/token", late, web.basic))[1]["error"] == "invalid_grant"
        await clock.set(ahead + 2)
        assert await asking.readiness(0) == "clock_skew"
        for form in (late, code):
            assert (await asking.post(0, "/token", form, web.basic))[1]["error"] == "invalid_grant"
        status, service = await asking.service_token(0)
        assert status == 200
        assert claims_of(service["access_token"])["iat"] > END_OF_32_BITS + HOUR - 10
