"""The npm openid-client as a relying party and as a service, in a process of its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from authrim.store.contract import Store
from tests.relying_parties.client_keys import new_client_key
from tests.support.browser import Browser
from tests.support.patience import PATIENCE
from tests.support.running import KnownClient, RunningServer, running_server

pytestmark = pytest.mark.node

HERE = Path(__file__).parent
CONFIDENTIAL = ("client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt")


class Program:
    """A running Node.js program that talks in lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def send(self, message: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        await self._process.stdin.drain()

    async def receive(self) -> Any:
        """What it says next; fails with what it wrote to standard error when it ended instead."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            line = await self._process.stdout.readline()
            if not line:
                raise AssertionError((await self._process.stderr.read()).decode())
        return json.loads(line)


@asynccontextmanager
async def program(
    name: str, server: RunningServer, client: KnownClient, **more: Any
) -> AsyncIterator[Program]:
    """Start one of the ``*.mjs`` here as ``client`` of ``server``."""
    process = await asyncio.create_subprocess_exec(
        "node", "--import", "./web_crypto.mjs", name, cwd=HERE,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    running = Program(process)
    settings = {
        "issuer": server.issuer,
        "client_id": client.client_id,
        "client_secret": client.secret,
        "method": client.metadata.token_endpoint_auth_method,
    }
    try:
        await running.send(settings | more)
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def client_for(server: RunningServer, method: str, kind: str) -> tuple[KnownClient, dict[str, Any]]:
    """A client of this kind and authentication method, and the private key that it has, if any."""
    changes: dict[str, Any] = {"kind": kind, "token_endpoint_auth_method": method}
    if method != "private_key_jwt":
        return await server.client(method, **changes), {}
    key = new_client_key()
    return await server.client(method, jwks=key.jwks, **changes), {"private_key": key.private}


@pytest.mark.parametrize("method", [*CONFIDENTIAL, "none"])
async def test_openid_client_signs_a_person_in(server: RunningServer, browser: Browser, method: str) -> None:
    """``oidcc-server``: the whole life of a grant; forged ``iss`` (RFC 9207 §2.4) and ``state`` are told apart."""
    client, key = await client_for(server, method, "web")
    async with program("relying_party.mjs", server, client, redirect_uri=client.redirect_uri, **key) as rp:
        shown = await browser.request("GET", (await rp.receive())["url"])
        shown = await browser.through_pages(shown)
        await rp.send({"callback": shown.location})
        got = await rp.receive()

    assert set(got["refused"]) == {"iss=https://attacker.example", "iss=null", "state=another"}
    assert {refusal["code"] for refusal in got["refused"].values()} == {"OAUTH_INVALID_RESPONSE"}
    assert (got["claims"]["iss"], got["claims"]["sub"]) == (server.issuer, server.subject)
    assert got["claims"]["aud"] == client.client_id
    assert got["userinfo"]["email"] == "alice@example.com"
    assert got["rotated"]
    assert got["refreshed_subject"] == server.subject
    assert got["used"]["error"] == "invalid_grant"
    if method != "none":
        assert got["introspected"]["active"]
        assert got["introspected"]["sub"] == server.subject
        assert got["afterwards"] == {"active": False}


async def test_openid_client_refuses_an_id_token_with_another_nonce(
    server: RunningServer, browser: Browser
) -> None:
    """OIDC Core §3.1.3.7 (11): the nonce in the ID token is the one of the request."""
    client = await server.client("web")
    async with program("wrong_nonce.mjs", server, client, redirect_uri=client.redirect_uri) as rp:
        shown = await browser.request("GET", (await rp.receive())["url"])
        await rp.send({"callback": (await browser.through_pages(shown)).location})
        refusal = await rp.receive()
    assert refusal["code"] == "OAUTH_JWT_CLAIM_COMPARISON_FAILED"


@pytest.mark.parametrize("method", CONFIDENTIAL)
async def test_openid_client_gets_a_token_for_a_service(server: RunningServer, method: str) -> None:
    """RFC 6749 §4.4, RFC 7662, RFC 7009: client credentials by every method, then told and taken back."""
    client, key = await client_for(server, method, "service")
    async with program("service.mjs", server, client, **key) as service:
        got = await service.receive()
    assert got["scope"] == "reports.read"
    assert (got["introspected"]["active"], got["introspected"]["sub"]) == (True, client.client_id)
    assert got["afterwards"] == {"active": False}


@pytest.mark.parametrize("nonce", ["off", "required"])
@pytest.mark.parametrize("method", ["client_secret_basic", "none"])
async def test_openid_client_binds_its_tokens(store: Store, method: str, nonce: str) -> None:
    """RFC 9449: a whole flow with DPoP, with and without nonces of the server, at token endpoint and userinfo."""
    async with running_server(store, dpop_nonce=nonce) as server:
        browser = Browser(server)
        client, key = await client_for(server, method, "web")
        async with program("dpop.mjs", server, client, redirect_uri=client.redirect_uri, **key) as rp:
            shown = await browser.through_pages(await browser.request("GET", (await rp.receive())["url"]))
            await rp.send({"callback": shown.location})
            got = await rp.receive()
    assert (got["token_type"], got["refreshed_type"]) == ("dpop", "dpop")
    assert (got["subject"], got["email"]) == (server.subject, "alice@example.com")
    assert got["without"]["code"] == "OAUTH_WWW_AUTHENTICATE_CHALLENGE"
    assert (got["other_key"] is None) == (method != "none")
