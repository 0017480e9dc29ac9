"""Every method of client authentication, at every endpoint of the back channel, and what it leaves in the log."""

import secrets
from typing import Any

import pytest

from authrim.clients.part import CLIENTS
from authrim.clients.records import RegistrationContext, rotate_secret, update_client
from authrim.clients.secrets import CLIENT_SECRET
from authrim.store import codec
from domain.errors import Refusal
from domain.grant.events import ClientCredentialsGranted
from domain.stream import DEFAULT_TENANT, GRANT
from tests.support.assertion import (
    assert_refused,
    assertion_client,
    assertion_form,
    claims_for,
    new_key,
    present,
    secret_client,
    signed,
    signed_with_secret,
)
from tests.support.log import whole_log
from tests.support.running import KnownClient, RunningServer

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

KEY = new_key()


async def request_of(
    server: RunningServer, method: str
) -> tuple[KnownClient, dict[str, str], dict[str, str] | None]:
    """A client with that method, and the form and headers of an authenticated request."""
    if method == "private_key_jwt":
        client = await assertion_client(server, KEY)
        return client, _credentials(signed(KEY, claims_for(server, client))), None
    if method == "client_secret_jwt":
        client = await secret_client(server)
        return client, _credentials(signed_with_secret(client, claims_for(server, client))), None
    client = await server.client(method, kind="service", token_endpoint_auth_method=method)
    if method == "client_secret_basic":
        return client, {}, client.basic
    return client, {"client_id": client.client_id, "client_secret": client.secret or ""}, None


def _credentials(assertion: str) -> dict[str, str]:
    return {name: value for name, value in assertion_form(assertion).items() if name != "grant_type"}


METHODS = ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"]


@pytest.mark.parametrize("method", METHODS)
async def test_a_method_authenticates_everywhere(server: RunningServer, method: str) -> None:
    """RFC 6749 §2.3, RFC 7523, OIDC Core §9: at token, introspection and revocation; the log names the method."""
    client, form, headers = await request_of(server, method)
    status, tokens = await server.post("/token", {"grant_type": "client_credentials"} | form, headers)
    assert status == 200, tokens
    for path in ("/introspect", "/revoke"):
        _, form, headers = await request_of(server, method)
        status, _ = await server.post(path, {"token": tokens["access_token"]} | form, headers)
        assert status == 200
    granted = [
        codec.decode(GRANT, event.type, event.payload)
        for event in await server.core.store.read_log(0, 1000)
        if event.type == "grant.client_credentials_granted.v1"
    ]
    assert [event.client_auth_method for event in granted if isinstance(event, ClientCredentialsGranted)] == [
        method
    ]
    assert {event.client_key_id for event in granted if isinstance(event, ClientCredentialsGranted)} == {
        "client-key" if method == "private_key_jwt" else None
    }
    assert (client.secret or "no-secret") not in await whole_log(server)


async def test_the_metadata_names_every_method(server: RunningServer) -> None:
    """RFC 8414 §2: what is listed can be used, with the algorithms of assertions; HMAC is among them."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        metadata = await answer.json()
    for endpoint in ("token", "introspection", "revocation"):
        assert set(METHODS) <= set(metadata[f"{endpoint}_endpoint_auth_methods_supported"])
        assert "HS256" in metadata[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]


async def sealed_secrets(server: RunningServer) -> list[str]:
    """The keys of the rows that hold secrets."""
    rows = await server.core.store.read_rows("sealed", "", 1000)
    return [row["key"] for row in rows if row["key"].startswith(f"{DEFAULT_TENANT}:{CLIENT_SECRET}:")]


async def rotated(server: RunningServer, client: KnownClient, overlap: int) -> KnownClient:
    """The client with a new secret."""
    core = server.core
    changed = await rotate_secret(
        core.store, DEFAULT_TENANT, client.client_id, overlap, server.parts[CLIENTS].secrets
    )
    assert not isinstance(changed, Refusal)
    await core.configuration.catch_up()
    return KnownClient(client.client_id, changed.secret, client.metadata)


async def test_a_secret_that_signs_is_kept_while_it_is_accepted(server: RunningServer) -> None:
    """A081: after a rotation both secrets sign for a while; one that is over is refused and its row is gone."""
    first = await secret_client(server)
    second = await rotated(server, first, 60)
    for client in (first, second):
        assert (await present(server, signed_with_secret(client, claims_for(server, client))))[0] == 200
    assert len(await sealed_secrets(server)) == 2
    third = await rotated(server, second, 0)
    for client in (first, second):
        await assert_refused(server, signed_with_secret(client, claims_for(server, client)))
    assert (await present(server, signed_with_secret(third, claims_for(server, third))))[0] == 200
    assert len(await sealed_secrets(server)) == 1


@only_sqlite
async def test_turning_to_another_method_leaves_no_secret_behind(server: RunningServer) -> None:
    """A078: from Basic to signing the client gets a new secret, because of the old there is only a digest; back again
    nothing stays sealed."""
    core = server.core
    basic = await server.client("service")

    async def turn(method: str) -> str | None:
        changes: dict[str, Any] = {"token_endpoint_auth_method": method}
        changed = await update_client(
            core.store,
            DEFAULT_TENANT,
            basic.client_id,
            changes,
            means=RegistrationContext(development=True, keeper=server.parts[CLIENTS].secrets),
        )
        assert not isinstance(changed, Refusal), changed.error_description
        await core.configuration.catch_up()
        return changed.secret

    secret = await turn("client_secret_jwt")
    assert secret not in (None, basic.secret)
    signing = KnownClient(basic.client_id, secret, basic.metadata)
    assert (await present(server, signed_with_secret(signing, claims_for(server, signing))))[0] == 200
    await assert_refused(server, signed_with_secret(basic, claims_for(server, basic)))
    assert (await server.post("/token", {"grant_type": "client_credentials"}, signing.basic))[0] == 401
    assert await turn("client_secret_post") is None
    assert await sealed_secrets(server) == []


@only_sqlite
async def test_a_secret_is_not_a_public_key(server: RunningServer) -> None:
    """A086: HS256 for a client with a key, another HMAC, another secret and an unsigned assertion are all refused."""
    client, other = await secret_client(server), await assertion_client(server, KEY)
    public = KnownClient(other.client_id, str(KEY.as_dict(private=False)), other.metadata)
    await assert_refused(server, signed_with_secret(public, claims_for(server, other)))
    await assert_refused(server, signed(KEY, claims_for(server, client)))
    wrong = KnownClient(client.client_id, secrets.token_urlsafe(32), client.metadata)
    await assert_refused(server, signed_with_secret(wrong, claims_for(server, client)))
    await assert_refused(server, signed_with_secret(client, claims_for(server, client), "HS512"))
    assert (await present(server, signed_with_secret(client, claims_for(server, client))))[0] == 200


@only_sqlite
async def test_no_other_kind_of_jwt_is_an_assertion(server: RunningServer) -> None:
    """A087: a proof, an access token, a logout token or an ID token by its ``typ`` authenticates nobody."""
    client, other = await secret_client(server), await assertion_client(server, KEY)
    for typ in (
        "dpop+jwt",
        "at+jwt",
        "logout+jwt",
        "oauth-client-attestation+jwt",
        "oauth-authz-req+jwt",
        "jwk+jwt",
    ):
        await assert_refused(server, signed_with_secret(client, claims_for(server, client), typ=typ))
        await assert_refused(server, signed(KEY, claims_for(server, other), typ=typ))


@only_sqlite
async def test_registration_with_other_algorithms_is_refused(server: RunningServer) -> None:
    """RFC 7518 §3.2: a secret of 256 bits signs with HS256 and nothing else; FAPI clients do not sign with secrets."""
    await secret_client(server, "registered", token_endpoint_auth_signing_alg="HS256")
    for changes in (
        {"token_endpoint_auth_signing_alg": "HS512"},
        {"token_endpoint_auth_signing_alg": "ES256"},
        {"profile": "fapi2-security"},
        {"profile": "fapi1-advanced"},
    ):
        with pytest.raises(AssertionError, match="token_endpoint_auth"):
            await secret_client(server, "refused", **changes)
