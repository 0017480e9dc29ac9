"""What has expired leaves the tables beside the log, and no answer changes by it."""

from typing import Any

from authrim.audit.rebuild import rebuild, verify
from authrim.core.expired import drop_expired
from authrim.people.sessions.end import end_sessions
from authrim.store.read_back import ReadBack
from domain.stream import DEFAULT_TENANT
from projections.expiry import SESSION_KEPT, TOKEN_KEPT
from projections.tables import SESSION_CLIENTS, SESSIONS, TOKENS, Table
from tests.support.browser import Browser, authenticated_post
from tests.support.running import KnownClient, RunningServer, running_server

DAY = 86400


async def rows(server: RunningServer, table: Table) -> int:
    """How many rows a table has."""
    return len(await server.core.store.read_rows(table.name, "", 1000))


def after(server: RunningServer, lifetime: int, kept: int) -> int:
    """A time at which what began now, and has this lifetime, leaves its table."""
    return server.core.now() + lifetime + kept + 2


def tokens_gone(server: RunningServer) -> int:
    return after(server, server.core.settings.access_token_lifetime, TOKEN_KEPT)


def all_gone(server: RunningServer) -> int:
    return after(server, server.core.settings.session_lifetime, SESSION_KEPT)


async def drop(server: RunningServer, now: int, page: int = 200) -> int:
    return await drop_expired(server.core.store, server.core.executor, now, page=page)


async def refreshed(server: RunningServer, client: KnownClient, token: str) -> tuple[int, dict[str, Any]]:
    return await authenticated_post(
        server, client, "/token", {"grant_type": "refresh_token", "refresh_token": token}
    )


async def test_expired_tokens_and_sessions_leave(
    server: RunningServer, browser: Browser, store: ReadBack
) -> None:
    """Tokens go once they have expired, sessions with what clients know of them a month later; the log proves the rest,
    and a rebuild may bring them back."""
    web = await server.client("web")
    await browser.code_flow(web)
    assert await drop(server, tokens_gone(server) - TOKEN_KEPT - 100) == 0
    assert await drop(server, tokens_gone(server)) == 1
    assert (await rows(server, TOKENS), await rows(server, SESSIONS)) == (0, 1)
    assert await drop(server, all_gone(server)) == 1
    assert (await rows(server, SESSIONS), await rows(server, SESSION_CLIENTS)) == (0, 0)
    assert (await verify(store, now=all_gone(server))).fits
    before_their_time = await verify(store)
    assert {one.what for one in before_their_time.differences} == {"missing"}
    assert (await rebuild(store)).repaired
    assert (await verify(store)).fits
    assert (await rows(server, TOKENS), await rows(server, SESSIONS)) == (1, 1)


async def test_what_left_is_answered_like_what_never_was(server: RunningServer, browser: Browser) -> None:
    """A131, A135: a token that has left its table is unknown at introspection, userinfo and revocation, with no
    other answer than any other token of nobody."""
    web, service = await server.client("web"), await server.client("service")
    token = (await browser.code_flow(web))["access_token"]
    await drop(server, tokens_gone(server))
    for shown in (token, "at.0.unknown"):
        assert await server.post("/introspect", {"token": shown}, web.basic) == (200, {"active": False})
        status, _ = await authenticated_post(server, service, "/revoke", {"token": shown})
        assert status == 200
        headers = {"Authorization": f"Bearer {shown}"}
        async with server.http.get(server.url("/userinfo"), headers=headers) as answer:
            assert answer.status == 401


async def test_offline_access_outlives_the_rows(server: RunningServer, browser: Browser) -> None:
    """A refresh token that outlives its session is good after the rows of both are gone: its stream decides."""
    web = await server.client("web")
    tokens = await browser.code_flow(web, scope="openid offline_access", prompt="consent")
    await drop(server, all_gone(server))
    assert (await rows(server, TOKENS), await rows(server, SESSIONS)) == (0, 0)
    status, answer = await refreshed(server, web, tokens["refresh_token"])
    assert status == 200, answer
    introspected = await server.post("/introspect", {"token": answer["access_token"]}, web.basic)
    assert introspected[1]["active"]
    status, answer = await refreshed(server, web, tokens["refresh_token"])
    assert status == 200, "within the grace: the same successor"


async def test_a_session_stays_for_what_ends_with_it(store: ReadBack) -> None:
    """A188: a refresh token without offline access ends with its session, however long that has been over: one row of
    the grant stays, and the session's with it, until the refresh token is dead."""
    async with running_server(store, refresh_token_lifetime=90 * DAY) as server:
        web, browser = await server.client("web"), Browser(server)
        tokens = await browser.code_flow(web, scope="email")
        for _ in range(3):
            status, tokens = await refreshed(server, web, tokens["refresh_token"])
            assert status == 200, tokens
        idle = server.core.now() + 80 * DAY
        assert idle > all_gone(server)
        while await drop(server, idle, page=3):
            pass
        assert (await rows(server, TOKENS), await rows(server, SESSIONS)) == (1, 1)
        ended = await end_sessions(server.core.store, DEFAULT_TENANT, server.subject, "by_administrator")
        assert ended == 1
        assert (await refreshed(server, web, tokens["refresh_token"]))[1]["error"] == "invalid_grant"
        assert await drop(server, server.core.now() + 91 * DAY) == 2
        assert (await rows(server, TOKENS), await rows(server, SESSIONS)) == (0, 0)
