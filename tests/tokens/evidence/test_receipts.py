"""Receipts of grants and revocations, and checking them against the log."""

import asyncio
import json
from typing import Any

from click.testing import CliRunner, Result

from authrim.commands.root import main
from authrim.crypto import base64url
from authrim.store.read_back import ReadBack
from tests.support.browser import Browser, authenticated_post
from tests.support.running import RunningServer
from tests.tokens.evidence.signed import read

TYP = "authrim-receipt+jwt"
ASKED = {"receipt": "true"}


async def check(receipt: str, status: int = 0) -> Result:
    """``authrim audit receipt``."""
    arguments = ["--json", "audit", "receipt"]
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments, receipt + "\n")
    assert result.exit_code == status, (result.output, result.exception)
    return result


async def places_hold(store: ReadBack, claims: dict[str, Any]) -> list[str]:
    """The types of the events that the receipt names, which are where it says."""
    for place in claims["events"]:
        (event,) = await store.read_log(place["position"] - 1, 1)
        assert (event.type, base64url.encode(event.leaf)) == (place["type"], place["leaf"])
        assert event.recorded_at == place["recorded_at"]
        assert event.stream.endswith(claims["grant_id"])
    return [place["type"].split(".")[1] for place in claims["events"]]


async def test_a_receipt_of_each_grant_and_of_the_revocation(
    server: RunningServer, store: ReadBack, browser: Browser, settings: None
) -> None:
    """A client that asks for it gets a signed receipt with a code, with a refresh, with its own credentials and with a
    revocation, each naming the events where they are; ``authrim audit receipt`` says that they hold. Who does not ask
    gets the plain answer."""
    web, service = await server.client("web"), await server.client("service")
    tokens = await browser.code_flow(web, scope="openid offline_access", prompt="consent")
    assert "receipt" not in tokens
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], **ASKED}
    status, refreshed = await authenticated_post(server, web, "/token", form)
    assert status == 200
    of_refresh = await read(server, refreshed["receipt"], TYP)
    assert (of_refresh["aud"], of_refresh["receipt_of"]) == (web.client_id, "grant")
    assert of_refresh["scope"] == "openid offline_access"
    assert (await places_hold(store, of_refresh))[:2] == ["refresh_token_rotated", "access_token_issued"]
    form = {"grant_type": "client_credentials", **ASKED}
    _, own = await server.post("/token", form, service.basic)
    assert await places_hold(store, await read(server, own["receipt"], TYP)) == [
        "client_credentials_granted", "access_token_issued",
    ]  # fmt: skip
    form = {"token": refreshed["refresh_token"], **ASKED}
    status, revoked = await server.post("/revoke", form, web.basic)
    assert status == 200
    of_end = await read(server, revoked["receipt"], TYP)
    assert of_end["receipt_of"] == "revocation"
    assert await places_hold(store, of_end) == ["revoked"]
    assert await server.post("/revoke", form, web.basic) == (200, {}), "a second time changes nothing"
    for receipt in (refreshed["receipt"], own["receipt"], revoked["receipt"]):
        assert json.loads((await check(receipt)).stdout)["holds"] is True


async def test_a_code_is_receipted(server: RunningServer, store: ReadBack, browser: Browser) -> None:
    """The redemption of a code has a receipt, also of the first try without reading the stream again."""
    web = await server.client("web")
    shown, verifier = await browser.authorize(web, scope="openid")
    code = (await browser.through_pages(shown)).parameters["code"]
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": web.redirect_uri,
        "code_verifier": verifier, **ASKED,
    }  # fmt: skip
    status, tokens = await authenticated_post(server, web, "/token", form)
    assert status == 200
    claims = await read(server, tokens["receipt"], TYP)
    assert claims["grant_id"] == code.split(".")[1]
    assert await places_hold(store, claims) == ["code_redeemed", "access_token_issued", "id_token_issued"]


async def test_who_gets_no_receipt(server: RunningServer, browser: Browser) -> None:
    """A135: a public client learns nothing from revoking, a receipt neither; nor does anyone for a token that is
    unknown, or of somebody else; what is no wish is refused."""
    spa, web = await server.client("spa"), await server.client("web")
    tokens = await browser.code_flow(spa, scope="openid")
    form = {"token": tokens["access_token"], "client_id": spa.client_id, **ASKED}
    assert await server.post("/revoke", form) == (200, {})
    assert await server.post("/revoke", {"token": "unknown", **ASKED}, web.basic) == (200, {})
    of_web = (await browser.code_flow(web, scope="openid"))["access_token"]
    service = await server.client("service")
    status, answer = await server.post("/revoke", {"token": of_web, **ASKED}, service.basic)
    assert (status, "receipt" in answer) == (400, False)
    wrong = {"grant_type": "client_credentials", "receipt": "yes"}
    status, answer = await server.post("/token", wrong, service.basic)
    assert (status, answer["error"]) == (400, "invalid_request")


async def test_no_token_and_no_receipt_pass_for_each_other(
    server: RunningServer, browser: Browser, settings: None
) -> None:
    """A268: a receipt and a signed answer are no access token, no ID token hint and nothing to revoke; a token is no
    receipt."""
    web = await server.client("web")
    tokens = await browser.code_flow(web, scope="openid offline_access", prompt="consent")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], **ASKED}
    _, refreshed = await authenticated_post(server, web, "/token", form)
    position = (await server.core.store.head()).position
    asked = {"token": refreshed["access_token"], "position": str(position)}
    async with server.http.post(server.url("/introspect/at"), data=asked, headers=web.basic) as answer:
        assert answer.status == 200
        then = await answer.text()
    for signed in (refreshed["receipt"], then):
        assert await server.post("/introspect", {"token": signed}, web.basic) == (200, {"active": False})
        headers = {"Authorization": f"Bearer {signed}"}
        async with server.http.get(server.url("/userinfo"), headers=headers) as refused:
            assert refused.status == 401
        hinted = await Browser(server).authorize(web, prompt="none", id_token_hint=signed)
        assert hinted[0].parameters["error"] == "invalid_request"
    assert json.loads((await check(then)).stdout)["typ"] == "authrim-token-at+jwt"
    for token in (
        refreshed["access_token"],
        refreshed["id_token"],
        "x",
        refreshed["receipt"][:-6] + "AAAAAA",
    ):
        assert json.loads((await check(token, status=1)).stdout)["error"] == "invalid_request"


async def test_a_receipt_finds_a_changed_log(server: RunningServer, store: ReadBack, settings: None) -> None:
    """A receipt names what the log had: where another event stands at its position now, or none, the check fails and
    says which position that is."""
    service = await server.client("service")
    key = server.core.key_ring.signer("default", "ES256", server.core.now())
    (event,) = await store.read_log(0, 1)
    place = {
        "position": 1, "type": event.type, "recorded_at": event.recorded_at,
        "leaf": base64url.encode(event.leaf),
    }  # fmt: skip
    for wrong, problem in (
        ({}, ""),
        ({"position": 2}, "the log has another event there"),
        ({"leaf": base64url.encode(bytes(32))}, "the log has another event there"),
        ({"recorded_at": 1}, "the log has another event there"),
        ({"position": 10_000}, "the log has no such position"),
    ):
        claims = {"iss": server.issuer, "aud": service.client_id, "iat": 1, "events": [place | wrong]}
        signed = key.sign(json.dumps(claims).encode(), TYP)
        checked = json.loads((await check(signed, status=1 if problem else 0)).stdout)
        assert checked["events"][0]["problem"] == problem
        assert checked["holds"] is not bool(problem)
