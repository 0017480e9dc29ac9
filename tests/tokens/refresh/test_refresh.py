"""Refreshing (RFC 6749 §6): rotation, the grace for lost answers, and what a fresh token keeps of the old."""

import pytest

from authrim.store.contract import Store
from tests.support.browser import Browser
from tests.support.running import RunningServer, running_server
from tests.support.tokens import OFFLINE, claims_of, refresh

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def test_a_lost_answer_is_given_again(server: RunningServer, browser: Browser) -> None:
    """Decisions 6: within the grace a used token gets the identical successor, and the grant lives on."""
    web = await server.client("web")
    first = (await browser.code_flow(web, **OFFLINE))["refresh_token"]
    status, second = await refresh(server, web, first)
    assert status == 200
    status, again = await refresh(server, web, first)
    assert (status, again["refresh_token"]) == (200, second["refresh_token"])
    status, third = await refresh(server, web, second["refresh_token"])
    assert status == 200
    assert third["refresh_token"] not in {first, second["refresh_token"]}


@only_sqlite
async def test_the_servers_grace_is_the_clients_default(store: Store) -> None:
    """With the setting 0 a second use ends the grant; a client with a grace of its own keeps it."""
    async with running_server(store, refresh_grace_seconds=0) as server:
        strict = await server.client("web")
        lenient = await server.client("lenient", kind="web", refresh_grace_seconds=30)
        for client, expected in ((strict, 400), (lenient, 200)):
            first = (await Browser(server).code_flow(client, **OFFLINE))["refresh_token"]
            _, second = await refresh(server, client, first)
            assert (await refresh(server, client, first))[0] == expected
            assert (await refresh(server, client, second["refresh_token"]))[0] == expected


@only_sqlite
async def test_a_refreshed_id_token_tells_of_the_same_sign_in(
    server: RunningServer, browser: Browser
) -> None:
    """OIDC Core §12.2: same issuer, subject, audience, auth_time and session; no new nonce is made up."""
    web = await server.client("web")
    tokens = await browser.code_flow(web, **OFFLINE, nonce="n-1")
    _, refreshed = await refresh(server, web, tokens["refresh_token"])
    before, after = claims_of(tokens["id_token"]), claims_of(refreshed["id_token"])
    for name in ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid"):
        assert before[name] == after[name]
    assert after.get("nonce", "n-1") == "n-1"
    assert after["at_hash"] != before["at_hash"]


@only_sqlite
async def test_who_gets_a_refresh_token(server: RunningServer, browser: Browser) -> None:
    """OIDC Core §11: with ``openid`` for offline_access alone, and never without the grant type."""
    web = await server.client("web")
    without = await server.client("without", kind="web", grant_types=("authorization_code",))
    assert "refresh_token" not in await browser.code_flow(web, scope="openid profile")
    assert "refresh_token" in await browser.code_flow(web, scope="profile")
    assert "refresh_token" in await browser.code_flow(web, **OFFLINE)
    assert "refresh_token" not in await browser.code_flow(without, **OFFLINE)
    status, answer = await refresh(server, without, "rt.x")
    assert (status, answer["error"]) == (400, "unauthorized_client")


async def test_a_grant_refreshed_for_long_stays_right(server: RunningServer, browser: Browser) -> None:
    """A summary event closes every 64: after 80 refreshes the newest token works and the first is reuse."""
    web = await server.client("web", refresh_grace_seconds=0)
    first = (await browser.code_flow(web, **OFFLINE))["refresh_token"]
    token = first
    for _ in range(80):
        status, answer = await refresh(server, web, token)
        assert status == 200
        token = answer["refresh_token"]
    _, seen = await server.post("/introspect", {"token": token}, web.basic)
    assert (seen["active"], seen["sub"], seen["scope"]) == (True, server.subject, OFFLINE["scope"])
    status, answer = await refresh(server, web, first)
    assert (status, answer["error"]) == (400, "invalid_grant")
    _, seen = await server.post("/introspect", {"token": token}, web.basic)
    assert seen == {"active": False}
