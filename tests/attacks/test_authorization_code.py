"""A043 to A053: what the token endpoint answers for a code, over real HTTP and on both stores."""

import asyncio

import pytest
import time_machine

from authrim.clients.records import disable_client, update_client
from authrim.people.accounts import disable_account
from domain.errors import Refusal
from domain.grant.events import (
    AuthorizationRequested,
    CodeRedeemed,
    CodeReplayed,
    CodeVoided,
    GrantRevoked,
)
from domain.stream import DEFAULT_TENANT
from tests.support.accounts import change_password
from tests.support.browser import Browser, authenticated_post, redeem
from tests.support.log import count_events, grant_events, whole_log
from tests.support.running import KnownClient, RunningServer, pkce
from tests.support.tokens import is_active

SQLITE = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def new_code(browser: Browser, client: KnownClient, **parameters: object) -> tuple[str, str]:
    """A code that nobody has redeemed, and its verifier."""
    shown, verifier = await browser.authorize(client, **parameters)
    shown = await browser.through_pages(shown)
    return shown.parameters["code"], verifier


async def error_of(
    server: RunningServer, client: KnownClient, code: str, verifier: str | None, **more: str
) -> str:
    """The error of a redemption that must fail with status 400."""
    status, answer = await redeem(server, client, code, verifier, **more)
    assert status == 400, answer
    assert set(answer) <= {"error", "error_description", "error_uri"}
    return str(answer["error"])


async def test_a_replayed_code_ends_the_grant(server: RunningServer, browser: Browser) -> None:
    """A045, ``oidcc-codereuse``, ``oidcc-codereuse-30seconds``: ``invalid_grant``, and every token is dead."""
    web = await server.client("web")
    code, verifier = await new_code(browser, web, scope="openid offline_access", prompt="consent")
    status, tokens = await redeem(server, web, code, verifier)
    assert status == 200
    assert await is_active(server, web, tokens["access_token"])
    assert await error_of(server, web, code, verifier) == "invalid_grant"
    for name in ("access_token", "refresh_token"):
        assert not await is_active(server, web, tokens[name])
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    async with server.http.get(server.url("/userinfo"), headers=bearer) as answer:
        assert answer.status == 401
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert (await authenticated_post(server, web, "/token", form))[1]["error"] == "invalid_grant"
    assert await error_of(server, web, code, verifier) == "invalid_grant"
    assert await count_events(server, code, CodeReplayed) == 1
    assert await count_events(server, code, GrantRevoked) == 1


async def test_a_leaked_old_code_of_a_public_client_is_no_kill_switch(
    server: RunningServer, browser: Browser
) -> None:
    """A045: without the verifier anybody could replay a public client's code, so only with it the grant ends."""
    spa, web = await server.client("spa"), await server.client("web")
    code, verifier = await new_code(browser, spa)
    _, tokens = await redeem(server, spa, code, verifier)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    for presented in (None, pkce()[0]):
        assert await error_of(server, spa, code, presented) == "invalid_grant"
    assert await error_of(server, web, code, verifier) == "invalid_grant"
    async with server.http.get(server.url("/userinfo"), headers=bearer) as answer:
        assert answer.status == 200
    assert await error_of(server, spa, code, verifier) == "invalid_grant"
    async with server.http.get(server.url("/userinfo"), headers=bearer) as answer:
        assert answer.status == 401


async def test_of_parallel_redemptions_one_succeeds(server: RunningServer, browser: Browser) -> None:
    """A046: of 16 requests at once one gets tokens, there is one ``CodeRedeemed``, and the grant is revoked."""
    web = await server.client("web")
    code, verifier = await new_code(browser, web)
    answers = await asyncio.gather(*(redeem(server, web, code, verifier) for _ in range(16)))
    assert sorted(status for status, _ in answers) == [200] + [400] * 15
    assert {answer["error"] for status, answer in answers if status == 400} == {"invalid_grant"}
    assert await count_events(server, code, CodeRedeemed) == 1
    assert await count_events(server, code, GrantRevoked) == 1
    tokens = next(answer for status, answer in answers if status == 200)
    assert not await is_active(server, web, tokens["access_token"])


async def test_another_clients_code(server: RunningServer, browser: Browser) -> None:
    """A047: an authenticated other client gets ``invalid_grant``; the code is void for its own client too."""
    web, other = await server.client("web"), await server.client("other", kind="post")
    code, verifier = await new_code(browser, web)
    assert await error_of(server, other, code, verifier) == "invalid_grant"
    assert await error_of(server, web, code, verifier) == "invalid_grant"
    assert CodeVoided in map(type, await grant_events(server, code))
    code, verifier = await new_code(browser, web)
    _, tokens = await redeem(server, web, code, verifier)
    assert await error_of(server, other, code, verifier) == "invalid_grant"
    assert await is_active(server, web, tokens["access_token"])


async def test_a_code_that_was_never_issued_touches_no_stream(
    server: RunningServer, browser: Browser
) -> None:
    """A048: edited codes are unknown, and nothing is appended to the grant that they name."""
    web = await server.client("web")
    code, verifier = await new_code(browser, web)
    kind, grant_id, secret = code.split(".")
    before = await grant_events(server, code)
    flipped = secret[:-2] + ("AA" if secret[-2:] != "AA" else "BB")
    for edited in (
        f"{kind}.{grant_id}.{flipped}",
        f"{kind}.{'0' * 32}.{secret}",
        f"at.{grant_id}.{secret}",
        f"rt.{grant_id}.{secret}",
        f"{kind}.{grant_id.upper()}.{secret}",
        f"{code}=",
        f" {code}",
        f"{code}.x",
        f"{kind}..{secret}",
        "é" * 80,
        "x" * 20_000,
    ):
        assert await error_of(server, web, edited, verifier) == "invalid_grant", edited[:90]
    assert await grant_events(server, code) == before
    assert (await redeem(server, web, code, verifier))[0] == 200


async def test_a_code_is_unguessable_and_only_its_digest_is_kept(
    server: RunningServer, browser: Browser
) -> None:
    """A048: 256 random bits that never reach the log, nor does the verifier, a token or the password."""
    web = await server.client("web")
    code, verifier = await new_code(browser, web, state="a-very-private-state", nonce="nonce-1")
    _, tokens = await redeem(server, web, code, verifier)
    assert len(code.split(".")[2]) == 43
    log = await whole_log(server)
    for secret in (code, code.split(".")[2], verifier, tokens["access_token"], "a-very-private-state"):
        assert secret not in log
    for private in (server.password, server.login, "alice@example.com"):
        assert private not in log


async def test_pkce_both_ways(server: RunningServer, browser: Browser) -> None:
    """A043, A044: a missing verifier voids nothing; an unasked-for, malformed or wrong one is ``invalid_grant``."""
    web = await server.client("web")
    code, verifier = await new_code(browser, web)
    assert await error_of(server, web, code, None) == "invalid_grant"
    assert (await redeem(server, web, code, verifier))[0] == 200
    code, _ = await new_code(browser, web, code_challenge=None, code_challenge_method=None)
    assert await error_of(server, web, code, verifier) == "invalid_grant"
    assert (await redeem(server, web, code, None))[0] == 200
    for wrong in (pkce()[0], "short", "v" * 129, "é" * 50, "v" * 42 + " "):
        code, verifier = await new_code(browser, web)
        assert await error_of(server, web, code, wrong) == "invalid_grant", wrong
        assert await error_of(server, web, code, verifier) == "invalid_grant", wrong
        assert await count_events(server, code, CodeVoided) == 1


async def test_an_injected_code_is_of_no_use(server: RunningServer, browser: Browser) -> None:
    """A052: the attacker's code in the victim's client meets the victim's verifier, and fails."""
    spa = await server.client("spa")
    attackers, _ = await new_code(browser, spa)
    _, victims = await browser.authorize(spa)
    assert await error_of(server, spa, attackers, victims) == "invalid_grant"


async def test_the_redirect_uri_is_the_requests_own(server: RunningServer, browser: Browser) -> None:
    """A053, RFC 6749 §4.1.3: another or a missing redirect_uri is ``invalid_grant``, and commits nothing."""
    registered = ("https://rp.example/cb", "https://rp.example/cb2")
    web = await server.client("web", redirect_uris=registered)
    code, verifier = await new_code(browser, web)
    for redirect_uri in (registered[1], registered[0] + "/", ""):
        assert await error_of(server, web, code, verifier, redirect_uri=redirect_uri) == "invalid_grant"
    assert await count_events(server, code, CodeRedeemed) == 0
    assert (await redeem(server, web, code, verifier))[0] == 200


@SQLITE
async def test_an_old_code(server: RunningServer, browser: Browser) -> None:
    """A050: 60 seconds after its issue, by the clock of the store, the code is ``invalid_grant``."""
    web = await server.client("web")
    fresh, fresh_verifier = await new_code(browser, web)
    code, verifier = await new_code(browser, web)
    expires_at = (await grant_events(server, code))[-1].expires_at  # type: ignore[attr-defined]
    requested = next(e for e in await grant_events(server, code) if isinstance(e, AuthorizationRequested))
    assert expires_at - requested.requested_at <= 61
    with time_machine.travel(expires_at - 2):
        assert (await redeem(server, web, fresh, fresh_verifier))[0] == 200
    with time_machine.travel(expires_at):
        assert await error_of(server, web, code, verifier) == "invalid_grant"
        assert await error_of(server, web, fresh, fresh_verifier) == "invalid_grant"
        assert await count_events(server, fresh, GrantRevoked) == 1, "a replay is seen long after expiry"


async def test_a_disabled_account_between_code_and_token(server: RunningServer, browser: Browser) -> None:
    """A051, F32: the account is looked at when the code is redeemed."""
    web = await server.client("web")
    code, verifier = await new_code(browser, web)
    await disable_account(server.core.store, DEFAULT_TENANT, server.subject, "test")
    assert await error_of(server, web, code, verifier) == "invalid_grant"


async def test_a_changed_password_between_code_and_token(server: RunningServer, browser: Browser) -> None:
    """A051, A188: the sessions end with the password, and with them the codes that hang on them."""
    web = await server.client("web")
    code, verifier = await new_code(browser, web)
    await change_password(server, "another long password")
    assert await error_of(server, web, code, verifier) == "invalid_grant"


async def test_a_disabled_client_between_code_and_token(server: RunningServer, browser: Browser) -> None:
    """A051, F31: a disabled client cannot authenticate; a public one is not known either."""
    for name in ("web", "spa"):
        client = await server.client(name)
        code, verifier = await new_code(browser, client)
        await disable_client(server.core.store, DEFAULT_TENANT, client.client_id, "test")
        await server.core.configuration.catch_up()
        status, answer = await redeem(server, client, code, verifier)
        assert (status, answer["error"]) == (401, "invalid_client")
        assert await count_events(server, code, CodeRedeemed) == 0


@SQLITE
async def test_a_client_that_lost_the_grant_between_code_and_token(
    server: RunningServer, browser: Browser
) -> None:
    """A017, F31: registration is asked again at redemption."""
    web = await server.client("web")
    code, verifier = await new_code(browser, web)
    changed = await update_client(
        server.core.store,
        DEFAULT_TENANT,
        web.client_id,
        {"grant_types": ("client_credentials",), "response_types": (), "redirect_uris": ()},
    )
    assert not isinstance(changed, Refusal), changed.error_description
    await server.core.configuration.catch_up()
    assert await error_of(server, web, code, verifier) == "unauthorized_client"


@SQLITE
async def test_the_token_request_itself(server: RunningServer, browser: Browser) -> None:
    """A014, A032: a repeated parameter, no code, no grant type and no form are refused without a redemption."""
    web = await server.client("web")
    code, verifier = await new_code(browser, web)
    form = {"grant_type": "authorization_code", "redirect_uri": web.redirect_uri, "code_verifier": verifier}
    assert (await server.post("/token", form, web.basic))[1]["error"] == "invalid_request"
    pairs = [*form.items(), ("code", code), ("code", code)]
    assert (await server.post("/token", pairs, web.basic))[1]["error"] == "invalid_request"
    assert (await server.post("/token", {"code": code}, web.basic))[1]["error"] == "invalid_request"
    unknown = {"grant_type": "password", "code": code}
    assert (await server.post("/token", unknown, web.basic))[1]["error"] == "unsupported_grant_type"
    headers = web.basic | {"Content-Type": "application/json"}
    assert (await server.post("/token", b"{}", headers))[0] == 415
    async with server.http.get(server.url("/token")) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "OPTIONS, POST")
    assert (await redeem(server, web, code, verifier))[0] == 200
