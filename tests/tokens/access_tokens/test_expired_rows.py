"""What has expired leaves the tables beside the log, and no answer changes by it."""

import asyncio
from pathlib import Path
from typing import Any

from authrim.audit.rebuild import rebuild, verify
from authrim.core.retention import UNTOLD, Retention
from authrim.crypto.ids import digest
from authrim.people.sessions.end import end_sessions
from authrim.people.sessions.known import KnownSession, show_session
from authrim.store.read_back import ReadBack
from domain.stream import DEFAULT_TENANT
from projections.expiry import SESSION_KEPT, TOKEN_KEPT
from projections.tables import SESSION_CLIENTS, SESSIONS, TOKENS, Table
from tests.store.log_samples import behind_its_back
from tests.support.browser import Browser, authenticated_post
from tests.support.patience import PATIENCE
from tests.support.resource_servers import API, encryption_key, resource_server
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
    """Let leave what has ended by ``now``; how many tokens and sessions."""
    deleted = await Retention(server.core.store, server.core.settings, page=page).all_due(now)
    return deleted[TOKENS.name] + deleted[SESSIONS.name]


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
        later = server.core.now() + 91 * DAY
        await until_gone(server, SESSIONS, later)
        assert await rows(server, TOKENS) == 0


async def until_gone(server: RunningServer, table: Table, now: int) -> None:
    """Let leave what has ended by ``now`` and later, while the outbox goes on beside it, until a table is empty."""
    async with asyncio.timeout(PATIENCE):
        while await rows(server, table):
            await drop(server, now)
            now += UNTOLD
            await asyncio.sleep(0.1)


async def test_a_revoked_token_leaves_before_it_expires(
    server: RunningServer, browser: Browser, store: ReadBack, store_place: Path | str
) -> None:
    """A131, A135: an hour after its revocation a token's row is gone, long before the token would have expired. Nobody
    is told anything else by that: not its client, no other client, and not whoever asks with the token."""
    web, other = await server.client("web"), await server.client("service")
    token = (await browser.code_flow(web, scope="openid offline_access", prompt="consent"))["access_token"]
    assert (await authenticated_post(server, web, "/revoke", {"token": token}))[0] == 200
    revoked = server.core.now()
    assert await drop(server, revoked + TOKEN_KEPT - 100) == 0
    behind_its_back(store_place, "UPDATE tokens SET revoked_at = revoked_at - 3600")
    answers = [await asked_everywhere(server, token, web, other)]
    assert await drop(server, revoked + 2) == 1
    answers.append(await asked_everywhere(server, token, web, other))
    answers.append(await asked_everywhere(server, "at.0.unknown", web, other))
    assert answers[0] == answers[1] == answers[2]
    assert (await verify(store, now=revoked + TOKEN_KEPT + 2)).fits
    assert [one.what for one in (await verify(store, now=revoked)).differences] == ["missing"]


async def test_a_revoked_token_that_is_found_by_its_row_stays(
    server: RunningServer, store: ReadBack, store_place: Path | str
) -> None:
    """Of a token that was sent encrypted the row alone says what it was: it stays until the token has expired, so that
    an auditor can still ask whether it was revoked."""
    key = encryption_key()
    await resource_server(
        server, access_token_encryption_alg="ECDH-ES", jwks={"keys": [key.as_dict(private=False)]},
        scope=("api.read",),
    )  # fmt: skip
    service = await server.client("service", audiences=(API,), scope=("api.read",))
    form = {"grant_type": "client_credentials", "resource": API, "scope": "api.read"}
    status, answer = await authenticated_post(server, service, "/token", form)
    assert status == 200, answer
    token = answer["access_token"]
    assert token.count(".") == 4
    assert (await authenticated_post(server, service, "/revoke", {"token": token}))[0] == 200
    behind_its_back(store_place, "UPDATE tokens SET revoked_at = revoked_at - 3600")
    assert await drop(server, server.core.now() + 2) == 0
    assert await server.post("/introspect", {"token": token}, service.basic) == (200, {"active": False})
    found = await server.core.store.find("encrypted_token", f"{DEFAULT_TENANT}:{digest(token)}")
    assert found.row is not None
    assert await drop(server, tokens_gone(server)) == 1


async def asked_everywhere(server: RunningServer, token: str, *clients: KnownClient) -> list[Any]:
    """What is answered to whoever shows a token."""
    answers: list[Any] = []
    for client in clients:
        answers.append(await server.post("/introspect", {"token": token}, client.basic))
        answers.append((await authenticated_post(server, client, "/revoke", {"token": token}))[0])
    async with server.http.get(
        server.url("/userinfo"), headers={"Authorization": f"Bearer {token}"}
    ) as answer:
        answers.append((answer.status, answer.headers["WWW-Authenticate"]))
    return answers


async def test_an_ended_session_leaves_when_all_are_told(
    server: RunningServer, browser: Browser, store: ReadBack
) -> None:
    """A session that ended leaves an hour after the outbox is done with it, and not before; its tokens with it, though
    a refresh token of them has not expired; and an administrator still sees it by its id."""
    web = await server.client("web")
    tokens = await browser.code_flow(web, scope="email")
    (session,) = await store.read_rows(SESSIONS.name, "", 10)
    await end_sessions(store, DEFAULT_TENANT, server.subject, "by_administrator")
    assert await drop(server, server.core.now() + 60) == 0
    later = tokens_gone(server)
    await until_gone(server, SESSIONS, later)
    assert (await rows(server, SESSION_CLIENTS), await rows(server, TOKENS)) == (0, 0)
    assert (await verify(store, now=later + DAY)).fits
    shown = await show_session(store, DEFAULT_TENANT, session["session_id"])
    assert isinstance(shown, KnownSession)
    assert shown.status == "ended"
    assert (await refreshed(server, web, tokens["refresh_token"]))[1]["error"] == "invalid_grant"
    deleted = await Retention(store, server.core.settings).all_due(later + DAY)
    assert deleted["outbox"] + deleted[TOKENS.name] == 0, "they have left already"


async def test_refreshes_leave_one_row(store: ReadBack) -> None:
    """A293: however often a grant is refreshed, one row of it stands for its session: a newer one takes its place."""
    async with running_server(store, refresh_token_lifetime=90 * DAY, refresh_grace_seconds=0) as server:
        web, browser = await server.client("web"), Browser(server)
        tokens = await browser.code_flow(web, scope="email")
        now = tokens_gone(server)
        for _ in range(3):
            await drop(server, now)
            assert await rows(server, TOKENS) == 1
            status, tokens = await refreshed(server, web, tokens["refresh_token"])
            assert status == 200, tokens
            assert await rows(server, TOKENS) == 2
        await drop(server, now + 10)
        assert await rows(server, TOKENS) == 1
        assert (await verify(store, now=now + 10)).fits


async def test_a_running_server_prunes(store: ReadBack) -> None:
    """A server lets leave by itself what had ended before it started, and counts it."""
    now = (await store.head()).now // 1_000_000
    for number in range(5):
        await store.reserve(f"jti:{number}", now + 2)
    await asyncio.sleep(2.5)
    async with running_server(store) as server, asyncio.timeout(PATIENCE):
        state = None
        while state is None or state.pruned < 5:
            await asyncio.sleep(0.1)
            states = await Retention(store, server.core.settings).measure(now)
            state = next(one for one in states if one.name == "guard")
    assert (state.due, state.oldest_due) == (0, None)
    assert state.pruned_at is not None
