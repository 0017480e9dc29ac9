"""Authlib as a relying party: discovery, code with PKCE, refresh, userinfo, introspection, revocation."""

import asyncio
from typing import Any

import pytest
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc6749.errors import OAuth2Error
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from tests.relying_parties.client_keys import ClientKey, new_client_key
from tests.support.browser import Browser
from tests.support.patience import PATIENCE
from tests.support.running import KnownClient, RunningServer, pkce

SCOPE = "openid profile email offline_access"
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
METHODS = (*SECRET_METHODS, "client_secret_jwt", "private_key_jwt")


def discover(server: RunningServer) -> OpenIDProviderMetadata:
    """The server's metadata as Authlib reads and validates it (OpenID Connect Discovery §4)."""
    answer = requests.get(get_well_known_url(server.issuer, external=True), timeout=PATIENCE)
    metadata = OpenIDProviderMetadata(answer.json())
    metadata.validate()
    return metadata


def session_of(client: KnownClient, metadata: OpenIDProviderMetadata, **more: Any) -> OAuth2Session:
    """Authlib's session for a client, with the authentication method that the client is registered for."""
    method = client.metadata.token_endpoint_auth_method
    more = {
        "client_secret": client.secret,
        "token_endpoint_auth_method": method,
        "revocation_endpoint_auth_method": method,
    } | more
    return OAuth2Session(
        client.client_id, token_endpoint=metadata["token_endpoint"], code_challenge_method="S256", **more
    )


def signing_session(client: KnownClient, key: ClientKey, metadata: OpenIDProviderMetadata) -> OAuth2Session:
    """A session that authenticates with assertions (RFC 7523)."""
    session = session_of(client, metadata, client_secret=ECKey.import_key(key.private))
    session.register_client_auth_method(PrivateKeyJWT(metadata["token_endpoint"], alg="ES256"))
    return session


async def client_for(
    server: RunningServer, method: str, kind: str, metadata: OpenIDProviderMetadata, **session: Any
) -> tuple[KnownClient, OAuth2Session]:
    """A client of this kind and authentication method, and Authlib's session for it."""
    changes: dict[str, Any] = {"kind": kind, "token_endpoint_auth_method": method}
    if method == "client_secret_jwt":
        client = await server.client(method, **changes)
        signing = session_of(client, metadata, **session)
        signing.register_client_auth_method(ClientSecretJWT(metadata["token_endpoint"]))
        return client, signing
    if method != "private_key_jwt":
        client = await server.client(method, **changes)
        return client, session_of(client, metadata, **session)
    key = new_client_key()
    client = await server.client(method, jwks=key.jwks, **changes)
    return client, signing_session(client, key, metadata)


def id_token_claims(
    tokens: dict[str, Any], client: KnownClient, metadata: OpenIDProviderMetadata, nonce: str
) -> CodeIDToken:
    """The ID token, its signature and claims checked by Authlib (OIDC Core §3.1.3.7)."""
    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=PATIENCE).json())
    token = jwt.decode(tokens["id_token"], keys, algorithms=metadata["id_token_signing_alg_values_supported"])
    claims = CodeIDToken(
        token.claims,
        token.header,
        options={"iss": {"values": [metadata["issuer"]]}},
        params={"client_id": client.client_id, "nonce": nonce, "access_token": tokens["access_token"]},
    )
    claims.validate()
    return claims


@pytest.mark.parametrize("method", [*METHODS, "none"])
async def test_authlib_signs_a_person_in(server: RunningServer, browser: Browser, method: str) -> None:
    """``oidcc-server``: code with PKCE through the pages, ID token, userinfo and refresh, by every method."""
    metadata = await asyncio.to_thread(discover, server)
    client, session = await client_for(server, method, "web", metadata)
    verifier, _ = pkce()
    url, state = session.create_authorization_url(
        metadata["authorization_endpoint"],
        code_verifier=verifier,
        nonce="n-0S6",
        scope=SCOPE,
        redirect_uri=client.redirect_uri,
        prompt="consent",
    )
    shown = await browser.through_pages(await browser.request("GET", url))
    assert shown.location is not None

    def relying_party() -> None:
        tokens = session.fetch_token(
            authorization_response=shown.location,
            state=state,
            code_verifier=verifier,
            redirect_uri=client.redirect_uri,
        )
        claims = id_token_claims(tokens, client, metadata, "n-0S6")
        assert claims["sub"] == server.subject
        person = session.get(metadata["userinfo_endpoint"]).json()
        assert (person["sub"], person["email"]) == (server.subject, "alice@example.com")
        refreshed = session.refresh_token()
        assert refreshed["refresh_token"] != tokens["refresh_token"]
        assert session.get(metadata["userinfo_endpoint"]).status_code == 200

    await asyncio.to_thread(relying_party)


async def test_authlib_refuses_an_answer_to_another_request(server: RunningServer, browser: Browser) -> None:
    """RFC 6749 §10.12: the state comes back as it was sent, so that Authlib can tell a forged answer."""
    metadata = await asyncio.to_thread(discover, server)
    client = await server.client("web")
    session = session_of(client, metadata)
    shown, verifier = await browser.authorize(client, state="the-state-that-was-sent")
    shown = await browser.through_pages(shown)
    with pytest.raises(OAuth2Error, match="mismatching_state"):
        session.fetch_token(authorization_response=shown.location, state="another", code_verifier=verifier)


@pytest.mark.parametrize("method", METHODS)
async def test_authlib_gets_a_token_for_a_service(server: RunningServer, method: str) -> None:
    """RFC 6749 §4.4: client credentials by every method, then RFC 7662 and RFC 7009 by the same."""
    metadata = await asyncio.to_thread(discover, server)
    client, session = await client_for(server, method, "service", metadata)

    def service() -> None:
        token = session.fetch_token(grant_type="client_credentials", scope="reports.read")
        assert (token["token_type"], token["scope"]) == ("Bearer", "reports.read")
        introspected = session.introspect_token(metadata["introspection_endpoint"], token["access_token"])
        answer = introspected.json()
        assert (answer["active"], answer["client_id"]) == (True, client.client_id)
        revoked = session.revoke_token(
            metadata["revocation_endpoint"], token["access_token"], token_type_hint="access_token"
        )
        assert revoked.status_code == 200
        introspected = session.introspect_token(metadata["introspection_endpoint"], token["access_token"])
        assert introspected.json() == {"active": False}

    await asyncio.to_thread(service)


async def test_authlib_reads_a_refusal(server: RunningServer) -> None:
    """RFC 6749 §5.2: a wrong secret reaches the caller of Authlib as ``invalid_client``."""
    metadata = await asyncio.to_thread(discover, server)
    client = await server.client("service")
    session = session_of(client, metadata, client_secret="wrong")
    with pytest.raises(OAuthError, match="invalid_client"):
        await asyncio.to_thread(session.fetch_token, grant_type="client_credentials")
