"""A127, A051: what a person withdraws, or an administrator ends, is over at once, on every node, offline grants too."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from authrim.audit.timeline import grant_timeline
from authrim.crypto.passwords import Passwords
from authrim.people import accounts, grants
from authrim.people.new_account import AccountStore
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser, redeem
from tests.support.dpop import dpop, proof_key
from tests.support.nodes import another_node
from tests.support.running import KnownClient, RunningServer
from tests.support.tokens import is_active

OFFLINE = {"scope": "openid offline_access", "prompt": "consent"}
End = Callable[[RunningServer, KnownClient], Awaitable[Any]]


async def withdraw(server: RunningServer, client: KnownClient) -> Any:
    """The person withdraws the consent."""
    return await accounts.withdraw_consent(
        server.core.store, DEFAULT_TENANT, server.subject, client.client_id
    )


async def end_of_client(server: RunningServer, client: KnownClient) -> Any:
    """``authrim account end-grants LOGIN --client ID``."""
    return await accounts.end_each_grant(
        server.core.store, DEFAULT_TENANT, server.subject, client.client_id, "reported"
    )


async def end_all(server: RunningServer, _client: KnownClient) -> Any:
    """``authrim account end-grants LOGIN``."""
    return await accounts.end_each_grant(server.core.store, DEFAULT_TENANT, server.subject, None, "reported")


WAYS = {"consent withdrawn": withdraw, "grants of a client": end_of_client, "all grants": end_all}


async def refreshed(server: RunningServer, client: KnownClient, token: str) -> tuple[int, str]:
    """Status and error of a refresh."""
    form = {"grant_type": "refresh_token", "refresh_token": token}
    status, answer = await server.post("/token", form, client.basic)
    return status, answer.get("error", "")


@pytest.mark.parametrize("end", WAYS.values(), ids=WAYS)
async def test_what_was_granted_is_over(server: RunningServer, browser: Browser, end: End) -> None:
    """Refresh and redemption are ``invalid_grant``, access and refresh tokens inactive, on another node as well; and
    each grant's own events say why."""
    web = await server.client("web")
    tokens = await browser.code_flow(web, **OFFLINE)
    online = await browser.code_flow(web)
    shown, verifier = await browser.authorize(web)
    code = (await browser.through_pages(shown)).parameters["code"]
    async with another_node(server) as node:
        assert await is_active(node, web, tokens["access_token"])
        assert not isinstance(await end(server, web), Refusal)
        for place in (server, node):
            for token in (tokens["access_token"], tokens["refresh_token"], online["access_token"]):
                assert not await is_active(place, web, token)
            assert await refreshed(place, web, tokens["refresh_token"]) == (400, "invalid_grant")
        status, refused = await redeem(node, web, code, verifier)
        assert (status, refused["error"]) == (400, "invalid_grant")
    for handle in (tokens["refresh_token"], code):
        told = await grant_timeline(server.core.store, DEFAULT_TENANT, handle.split(".")[1])
        reason = "consent_withdrawn" if end is withdraw else "reported"
        assert f'"reason": "{reason}"' in json.dumps(told.as_json())


@pytest.mark.parametrize("end", WAYS.values(), ids=WAYS)
async def test_what_comes_after_is_good(server: RunningServer, browser: Browser, end: End) -> None:
    """The person may agree again in the next moment, and other clients keep what was granted to them alone."""
    web, post = await server.client("web"), await server.client("post")
    of_other = await browser.code_flow(post, **OFFLINE)
    await browser.code_flow(web, **OFFLINE)
    await end(server, web)
    tokens = await browser.code_flow(web, **OFFLINE)
    assert await is_active(server, web, tokens["access_token"])
    assert (await refreshed(server, web, tokens["refresh_token"]))[0] == 200
    form = {"grant_type": "refresh_token", "refresh_token": of_other["refresh_token"]}
    form |= {"client_id": post.client_id, "client_secret": post.secret or ""}
    assert (await server.post("/token", form))[0] == (400 if end is end_all else 200)


async def test_a_grant_with_a_refresh_token_alone_is_counted(server: RunningServer, browser: Browser) -> None:
    """``authrim account end-grants`` counts every grant that it ends and writes into each why: also one whose access
    token was revoked, so that a refresh token is all that it has."""
    web = await server.client("web")
    tokens = await browser.code_flow(web, **OFFLINE)
    status, _ = await server.post("/revoke", {"token": tokens["access_token"]}, web.basic)
    assert status == 200
    assert await end_of_client(server, web) == 1
    grant_id = tokens["refresh_token"].split(".")[1]
    told = await grant_timeline(server.core.store, DEFAULT_TENANT, grant_id)
    assert '"reason": "reported"' in json.dumps(told.as_json())
    assert await end_of_client(server, web) == 0


async def test_a_withdrawal_asks_again(server: RunningServer, browser: Browser) -> None:
    """The agreement is gone too: the consent page is shown before anything is granted."""
    web = await server.client("web")
    await browser.code_flow(web)
    await withdraw(server, web)
    shown, _ = await browser.authorize(web)
    assert "/consent/" in shown.url


async def test_one_grant_ends_alone(server: RunningServer, browser: Browser) -> None:
    """``authrim grant end``: the code, the refresh token and the access tokens of that grant, and no other; again, it
    appends nothing, and what never was is refused."""
    web = await server.client("web")
    one, other = [await browser.code_flow(web, **OFFLINE) for _ in range(2)]
    grant_id = one["refresh_token"].split(".")[1]
    store = server.core.store
    assert await grants.end_grant(store, DEFAULT_TENANT, grant_id, "reported") is True
    assert await grants.end_grant(store, DEFAULT_TENANT, grant_id, "reported") is False
    assert isinstance(await grants.end_grant(store, DEFAULT_TENANT, "0" * 32, "reported"), Refusal)
    assert not await is_active(server, web, one["access_token"])
    assert await refreshed(server, web, one["refresh_token"]) == (400, "invalid_grant")
    assert await is_active(server, web, other["access_token"])


@pytest.mark.parametrize(
    ("ends", "bearer", "bound"), [("unbound", 400, 200), ("all", 400, 400), ("none", 200, 200)]
)
async def test_a_new_password_ends_what_a_thief_could_use(
    server: RunningServer, browser: Browser, ends: Any, bearer: int, bound: int
) -> None:
    """A new password ends, of the grants that outlive the session, those of public clients and those with bearer
    tokens; all or none where that is wanted."""
    key = proof_key()
    web, spa = await server.client("web"), await server.client("spa")
    kept = await server.client("kept", kind="web", dpop_bound_access_tokens=True)
    plain = await browser.code_flow(web, **OFFLINE)
    public = await browser.code_flow(spa, **OFFLINE)
    shown, verifier = await browser.authorize(kept, **OFFLINE)
    code = (await browser.through_pages(shown)).parameters["code"]
    _, constrained = await redeem(server, kept, code, verifier, {"DPoP": dpop(server, key)})
    passwords = Passwords()
    await accounts.set_password(
        AccountStore(server.core.store, server.core.private, server.core.master, passwords, DEFAULT_TENANT),
        server.subject,
        "another long password",
        ends,
    )
    passwords.close()
    assert (await refreshed(server, web, plain["refresh_token"]))[0] == bearer
    form = {
        "grant_type": "refresh_token",
        "refresh_token": public["refresh_token"],
        "client_id": spa.client_id,
    }
    assert (await server.post("/token", form))[0] == bearer
    form = {"grant_type": "refresh_token", "refresh_token": constrained["refresh_token"]}
    headers = kept.basic | {"DPoP": dpop(server, key)}
    assert (await server.post("/token", form, headers))[0] == bound
