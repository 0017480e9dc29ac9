"""Authlib checks the ID tokens and access tokens that the browser brings (OIDC Core §3.2.2.11, §3.3.2.12)."""

import asyncio
from typing import Any

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc6749.errors import MismatchingStateException
from authlib.oidc.core import HybridIDToken, ImplicitIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tests.support.browser import Browser
from tests.support.patience import PATIENCE
from tests.support.responses import answered, client_of
from tests.support.running import RunningServer

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


@pytest.mark.parametrize(
    "response_type", ["id_token", "id_token token", "code id_token", "code token", "code id_token token"]
)
async def test_authlib_accepts_the_front_channel(
    server: RunningServer, browser: Browser, response_type: str
) -> None:
    """``nonce``, ``at_hash`` and ``c_hash`` are right by Authlib's own arithmetic, and a changed code or token is
    told apart (A155)."""
    client = await client_of(server, response_type)
    received = (await answered(browser, client, response_type, scope="openid email")).parameters
    if "id_token" in received:
        params = {"client_id": client.client_id, "nonce": "a-nonce", **received}
        kind = HybridIDToken if "code" in received else ImplicitIDToken
        read = await asyncio.to_thread(read_with_keys, server, received["id_token"])
        kind(read.claims, read.header, {"iss": {"values": [server.issuer]}}, params).validate()
        for name in {"code", "access_token"} & received.keys():
            with pytest.raises(JoseError):
                kind(read.claims, read.header, {}, {**params, name: received[name] + "x"}).validate()
    if "access_token" in received:
        await asyncio.to_thread(use_token, server, received)


def read_with_keys(server: RunningServer, token: str) -> Any:
    """The token, its signature verified with the published keys."""
    keys = KeySet.import_key_set(requests.get(server.url("/jwks"), timeout=PATIENCE).json())
    return jwt.decode(token, keys, algorithms=["ES256"])


def use_token(server: RunningServer, received: dict[str, str]) -> None:
    """Authlib's session takes the token from the fragment, and refuses another state."""
    session = OAuth2Session("client", state="a-state")
    fragment = "&".join(f"{name}={value}" for name, value in received.items() if name not in ("scope", "iss"))
    session.token_from_fragment(f"https://rp.example/cb#{fragment}", state="a-state")
    assert session.get(server.url("/userinfo"), timeout=PATIENCE).json()["email"] == "alice@example.com"
    with pytest.raises(MismatchingStateException):
        session.token_from_fragment(f"https://rp.example/cb#{fragment}", state="another")
