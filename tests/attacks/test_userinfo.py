"""Userinfo: what counts as an access token, and where it may stand (A153, A154)."""

import json
from typing import Any

import pytest
from multidict import CIMultiDict

from authrim.crypto.jws import SigningKey
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser
from tests.support.running import RunningServer
from tests.support.tokens import claims_of

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def ask(
    server: RunningServer, method: str = "GET", path: str = "/userinfo", **request: Any
) -> tuple[int, str, str]:
    """Status, the challenge's error, and the body of a userinfo request."""
    async with server.http.request(method, server.url(path), **request) as answer:
        challenge = answer.headers.get("WWW-Authenticate", "")
        error = challenge.partition('error="')[2].partition('"')[0]
        return answer.status, error, await answer.text()


def bearer(token: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{scheme} {token}"}


async def test_a_token_stands_in_one_allowed_place(server: RunningServer, browser: Browser) -> None:
    """A153: the header or the form, once; the query never, and two places never."""
    web = await server.client("web")
    token = (await browser.code_flow(web))["access_token"]
    assert (await ask(server, headers=bearer(token)))[0] == 200
    assert (await ask(server, headers=bearer(token, "bearer")))[0] == 200
    assert (await ask(server, "POST", headers=bearer(token)))[0] == 200
    assert (await ask(server, "POST", data={"access_token": token}))[0] == 200
    query = f"/userinfo?access_token={token}"
    twice = CIMultiDict([*bearer(token).items(), *bearer(token).items()])
    for refused in (
        await ask(server, path=query),
        await ask(server, path=query, headers=bearer(token)),
        await ask(server, "POST", query, data={"access_token": token}),
        await ask(server, "POST", headers=bearer(token), data={"access_token": token}),
        await ask(server, "POST", data=[("access_token", token), ("access_token", token)]),
        await ask(server, headers=twice),
    ):
        assert refused[:2] == (400, "invalid_request")


async def test_no_credentials_get_a_bare_challenge(server: RunningServer) -> None:
    """RFC 6750 §3.1: without a token the challenge names no error."""
    for headers in (
        {},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
    ):
        assert (await ask(server, headers=headers))[:2] == (401, "")


async def test_only_an_access_token_is_a_bearer(server: RunningServer, browser: Browser) -> None:
    """A153, A154: an ID token, a refresh token, a code or nonsense is invalid_token."""
    web = await server.client("web")
    shown, _ = await browser.authorize(web)
    code = (await browser.through_pages(shown)).parameters["code"]
    tokens = await browser.code_flow(web, scope="openid offline_access", prompt="consent")
    for token in (code, tokens["id_token"], tokens["refresh_token"], "x", "a.b.c", "x" * 7000, "~" * 43):
        assert (await ask(server, headers=bearer(token)))[:2] == (401, "invalid_token")


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
async def test_the_scope_must_hold_openid(server: RunningServer, browser: Browser, token_format: str) -> None:
    """A153: a good token without ``openid`` is insufficient_scope, and so is a service's own."""
    web = await server.client("web", access_token_format=token_format)
    token = (await browser.code_flow(web, scope="profile email"))["access_token"]
    assert (await ask(server, headers=bearer(token)))[:2] == (403, "insufficient_scope")
    service = await server.client("service", access_token_format=token_format)
    _, answer = await server.post("/token", {"grant_type": "client_credentials"}, service.basic)
    status, error, body = await ask(server, headers=bearer(answer["access_token"]))
    assert (status, error) == (403, "insufficient_scope")
    assert "sub" not in json.loads(body)


class Forger:
    """Somebody who could sign with the server's own key, and so can test which of its JWTs mean what."""

    def __init__(self, server: RunningServer) -> None:
        core = server.core
        self.key: SigningKey = core.key_ring.signer(DEFAULT_TENANT, "ES256", core.now())

    def sign(self, claims: dict[str, Any], typ: str | None) -> str:
        return self.key.sign(json.dumps(claims).encode(), typ)


@pytest.mark.parametrize(
    "typ",
    [
        None,
        "JWT",
        "jwt",
        "logout+jwt",
        "token-introspection+jwt",
        "oauth-authz-req+jwt",
    ],
)
async def test_the_type_is_exact(server: RunningServer, browser: Browser, typ: str | None) -> None:
    """A154: the very claims of a live access token, signed by us under another ``typ``, are no access token."""
    web = await server.client("web")
    token = (await browser.code_flow(web))["access_token"]
    forger, claims = Forger(server), claims_of(token)
    assert (await ask(server, headers=bearer(forger.sign(claims, "at+jwt"))))[0] == 200
    assert (await ask(server, headers=bearer(forger.sign(claims, typ))))[:2] == (401, "invalid_token")


async def test_issuer_and_token_id_are_exact(server: RunningServer, browser: Browser) -> None:
    """A154, A177: another issuer, or a token that was never given out, is invalid_token though we signed it."""
    web = await server.client("web")
    forger = Forger(server)
    claims = claims_of((await browser.code_flow(web))["access_token"])
    changes: list[dict[str, Any]] = [
        {"iss": f"{server.issuer}/"},
        {"iss": f"{server.issuer}.evil.example"},
        {"iss": [server.issuer]},
        {"jti": "another"},
        {"jti": "*"},
        {"jti": None},
        {"jti": {"a": 1}},
        {"grant_id": "0" * 32},
        {"grant_id": "%"},
    ]
    for change in changes:
        token = forger.sign(claims | change, "at+jwt")
        assert (await ask(server, headers=bearer(token)))[:2] == (401, "invalid_token")


async def test_a_token_for_another_resource_is_for_us_too(server: RunningServer, browser: Browser) -> None:
    """Decisions 24: with ``openid`` the issuer is in the audience beside the resource, so userinfo answers."""
    web = await server.client("web", audiences=("https://api.example/",))
    token = (await browser.code_flow(web, resource="https://api.example/"))["access_token"]
    assert set(claims_of(token)["aud"]) == {"https://api.example/", server.issuer}
    assert (await ask(server, headers=bearer(token)))[0] == 200


async def test_the_answer_is_what_was_consented_to(server: RunningServer, browser: Browser) -> None:
    """OIDC Core §5.3: the subject always, the claims of the granted scopes, and nothing more."""
    web = await server.client("web")
    for scope, expected in (
        ("openid", {"sub"}),
        ("openid email", {"sub", "email", "email_verified"}),
        ("openid phone", {"sub", "phone_number", "phone_number_verified"}),
    ):
        token = (await browser.code_flow(web, scope=scope))["access_token"]
        status, _, body = await ask(server, headers=bearer(token))
        assert (status, set(json.loads(body))) == (200, expected)
