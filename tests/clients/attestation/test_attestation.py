"""Attestation-based client authentication (draft-ietf-oauth-attestation-based-client-auth-10): an attester vouches for
an instance's key, the instance proves it with a challenge, and what it gets is its own (A098)."""

import json
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from multidict import CIMultiDict

from authrim.store.contract import Store
from domain.grant.events import CodeRedeemed, CodeVoided, RefreshTokenIssued
from tests.support.assertion import Key, new_key, public_jwks
from tests.support.browser import Browser, authorization_query
from tests.support.dpop import dpop, jkt_of, proof_key, with_token
from tests.support.log import count_events, grant_events
from tests.support.nodes import another_node
from tests.support.pushed import fetch
from tests.support.running import KnownClient, RunningServer, running_server

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

ATTESTER, STRANGER = new_key(kid="attester"), new_key(kid="attester")
INSTANCE, OTHER_INSTANCE = new_key(kid="instance"), new_key(kid="other")

ON: dict[str, Any] = {"features_on": ("client_attestation",)}


@pytest.fixture
def attesters(tmp_path: Path) -> Path:
    """The operator's file with the one attester that is trusted."""
    path = tmp_path / "attesters.json"
    path.write_text(json.dumps(public_jwks(ATTESTER)))
    return path


@pytest.fixture
async def wallet_server(store: Store, attesters: Path) -> AsyncIterator[RunningServer]:
    async with running_server(store, client_attesters=attesters, **ON) as server:
        yield server


async def wallet(server: RunningServer, method: str = "attest_jwt_client_auth", **more: Any) -> KnownClient:
    """A client whose instances are attested."""
    return await server.client(
        method,
        kind="web",
        token_endpoint_auth_method=method,
        grant_types=("authorization_code", "refresh_token", "client_credentials"),
        scope=("openid", "offline_access", "reports.read"),
        **more,
    )


def signed(key: Key, typ: str | None, claims: dict[str, Any], alg: str = "ES256") -> str:
    header = {"alg": alg, "typ": typ, "kid": key.kid}
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({n: v for n, v in header.items() if v is not None}, present, key, algorithms=[alg])


def attestation(
    client: KnownClient,
    instance: Key = INSTANCE,
    attester: Key = ATTESTER,
    typ: str | None = "oauth-client-attestation+jwt",
    **changes: Any,
) -> str:
    """What the attester gives to an instance, changed as wanted; None leaves a claim out."""
    claims = {
        "sub": client.client_id, "exp": int(time.time()) + 3600, "iat": int(time.time()),
        "cnf": {"jwk": instance.as_dict(private=False)},
    } | changes  # fmt: skip
    return signed(attester, typ, claims)


async def challenge_of(server: RunningServer) -> str:
    async with server.http.post(server.url("/challenge")) as answer:
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        return str((await answer.json())["attestation_challenge"])


async def proof(
    server: RunningServer,
    key: Key = INSTANCE,
    typ: str | None = "oauth-client-attestation-pop+jwt",
    **changes: Any,
) -> str:
    """The instance's proof with a fresh challenge, changed as wanted; None leaves a claim out."""
    claims = {
        "aud": server.issuer, "jti": uuid.uuid4().hex, "iat": int(time.time()),
        "challenge": await challenge_of(server),
    } | changes  # fmt: skip
    return signed(key, typ, claims)


async def headers_of(server: RunningServer, client: KnownClient, instance: Key = INSTANCE) -> dict[str, str]:
    return {
        "OAuth-Client-Attestation": attestation(client, instance),
        "OAuth-Client-Attestation-PoP": await proof(server, instance),
    }


async def ask(server: RunningServer, headers: dict[str, str], **form: str) -> tuple[int, str, dict[str, Any]]:
    """Status, error and answer of a token request."""
    status, answer = await server.post("/token", {"grant_type": "client_credentials"} | form, headers)
    return status, answer.get("error", ""), answer


async def test_an_instance_authenticates(wallet_server: RunningServer) -> None:
    """§7: at the token, introspection and revocation endpoints; the metadata tells how."""
    server = wallet_server
    client = await wallet(server)
    status, _, tokens = await ask(server, await headers_of(server, client), client_id=client.client_id)
    assert status == 200
    for path in ("/introspect", "/revoke"):
        status, _ = await server.post(
            path, {"token": tokens["access_token"]}, await headers_of(server, client)
        )
        assert status == 200
    async with server.http.get(server.url("/.well-known/oauth-authorization-server")) as answer:
        metadata = await answer.json()
    assert metadata["challenge_endpoint"] == server.issuer + "/challenge"
    assert "attest_jwt_client_auth" in metadata["token_endpoint_auth_methods_supported"]
    assert "ES256" in metadata["client_attestation_pop_signing_alg_values_supported"]


@only_sqlite
async def test_bad_attestations_are_refused(wallet_server: RunningServer) -> None:
    """A098: of a stranger, expired, for another client, without a key, with a private one, of another type."""
    server, now = wallet_server, int(time.time())
    client = await wallet(server)
    bad: dict[str, str] = {
        "stranger": attestation(client, attester=STRANGER),
        "by the instance itself": attestation(client, attester=INSTANCE),
        "expired": attestation(client, exp=now - 60),
        "no exp": attestation(client, exp=None),
        "from the future": attestation(client, iat=now + 3600),
        "for another client": attestation(client, sub="other"),
        "no sub": attestation(client, sub=None),
        "no cnf": attestation(client, cnf=None),
        "kid instead of a key": attestation(client, cnf={"kid": "instance"}),
        "private key": attestation(client, cnf={"jwk": INSTANCE.as_dict(private=True)}),
        "typ JWT": attestation(client, typ="JWT"),
        "typ of the proof": attestation(client, typ="oauth-client-attestation-pop+jwt"),
        "no JWT": "x",
        "another key": attestation(client, OTHER_INSTANCE),
    }
    for name, value in bad.items():
        headers = {"OAuth-Client-Attestation": value, "OAuth-Client-Attestation-PoP": await proof(server)}
        status, error, _ = await ask(server, headers, client_id=client.client_id)
        assert (status, error) == (401, "invalid_client"), name


@only_sqlite
async def test_bad_proofs_are_refused(wallet_server: RunningServer) -> None:
    """A098: for another server, old, without or with a used ``jti``, by another key, missing or twice."""
    server, now = wallet_server, int(time.time())
    client = await wallet(server)
    good = attestation(client)
    for name, value in {
        "aud of another": await proof(server, aud="https://other.example"),
        "aud of the endpoint": await proof(server, aud=server.issuer + "/token"),
        "aud in an array": await proof(server, aud=[server.issuer]),
        "no aud": await proof(server, aud=None),
        "no jti": await proof(server, jti=None),
        "no iat": await proof(server, iat=None),
        "old": await proof(server, iat=now - 3600),
        "from the future": await proof(server, iat=now + 3600),
        "by another key": await proof(server, OTHER_INSTANCE),
        "typ of the attestation": await proof(server, typ="oauth-client-attestation+jwt"),
        "typ of a DPoP proof": await proof(server, typ="dpop+jwt"),
        "no JWT": "x",
    }.items():
        headers = {"OAuth-Client-Attestation": good, "OAuth-Client-Attestation-PoP": value}
        assert (await ask(server, headers))[:2] == (401, "invalid_client"), name
    assert (await ask(server, {"OAuth-Client-Attestation": good}))[:2] == (401, "invalid_client")
    headers = await headers_of(server, client)
    for twice in headers:
        doubled: Any = CIMultiDict([*headers.items(), (twice, headers[twice])])
        assert (await ask(server, doubled))[:2] == (401, "invalid_client")
    assert (await ask(server, headers))[0] == 200


async def test_a_proof_is_for_one_request(wallet_server: RunningServer, attesters: Path) -> None:
    """A098: its ``jti`` is used up on every node; the attestation may be used again (§10.2)."""
    server = wallet_server
    client = await wallet(server)
    used = await headers_of(server, client)
    assert (await ask(server, used))[0] == 200
    assert (await ask(server, used))[:2] == (401, "invalid_client")
    async with another_node(server, client_attesters=attesters, **ON) as node:
        assert (await ask(node, used))[:2] == (401, "invalid_client")
        fresh = used | {"OAuth-Client-Attestation-PoP": await proof(server)}
        assert (await ask(node, fresh))[0] == 200


@only_sqlite
async def test_a_challenge_is_asked_for(wallet_server: RunningServer) -> None:
    """A098, §6.2: without one of ours the answer is ``use_attestation_challenge``, with a fresh one in its header."""
    server = wallet_server
    client = await wallet(server)
    good = attestation(client)
    for wrong in (None, "", "made-up", 1, ["x"]):
        headers = {
            "OAuth-Client-Attestation": good,
            "OAuth-Client-Attestation-PoP": await proof(server, challenge=wrong),
        }
        async with server.http.post(
            server.url("/token"), data={"grant_type": "client_credentials"}, headers=headers
        ) as answer:
            assert (answer.status, (await answer.json())["error"]) == (400, "use_attestation_challenge")
            offered = answer.headers["OAuth-Client-Attestation-Challenge"]
    headers["OAuth-Client-Attestation-PoP"] = await proof(server, challenge=offered)
    assert (await ask(server, headers))[0] == 200


class Instance:
    """One instance of the wallet on its way through a pushed code flow."""

    def __init__(self, server: RunningServer, client: KnownClient, key: Key) -> None:
        self.server, self.client, self.key = server, client, key

    async def post(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        headers = await headers_of(self.server, self.client, self.key)
        return await self.server.post(path, form | {"client_id": self.client.client_id}, headers)

    async def code(self) -> dict[str, str]:
        """The form that redeems a code which this instance asked for."""
        verifier, form = authorization_query(self.client, scope="openid offline_access", prompt="consent")
        status, answer = await self.post("/par", form)
        assert status == 201, answer
        browser = Browser(self.server)
        shown = await browser.through_pages(await fetch(browser, self.client, answer["request_uri"]))
        return {
            "grant_type": "authorization_code", "code": shown.parameters["code"], "code_verifier": verifier,
            "redirect_uri": self.client.redirect_uri,
        }  # fmt: skip


async def test_what_an_instance_gets_is_its_own(wallet_server: RunningServer) -> None:
    """A098, §10.3: a pushed request's code and a refresh token are for the instance key they were asked for with."""
    server = wallet_server
    client = await wallet(server)
    mine, other = Instance(server, client, INSTANCE), Instance(server, client, OTHER_INSTANCE)
    form = await mine.code()
    status, answer = await other.post("/token", form)
    assert (status, answer["error"]) == (400, "invalid_grant")
    assert await count_events(server, form["code"], CodeVoided) == 1
    form = await mine.code()
    status, tokens = await mine.post("/token", form)
    assert status == 200
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    status, answer = await other.post("/token", refresh)
    assert (status, answer["error"]) == (400, "invalid_grant")
    status, again = await mine.post("/token", refresh)
    assert status == 200
    status, answer = await other.post("/token", refresh | {"refresh_token": again["refresh_token"]})
    assert (status, answer["error"]) == (400, "invalid_grant")
    events = await grant_events(server, form["code"])
    redeemed = next(event for event in events if isinstance(event, CodeRedeemed))
    issued = next(event for event in events if isinstance(event, RefreshTokenIssued))
    assert redeemed.client_auth_method == "attest_jwt_client_auth"
    assert redeemed.client_key_id == issued.instance_jkt == jkt_of(INSTANCE)


@only_sqlite
async def test_one_dpop_proof_is_enough(wallet_server: RunningServer) -> None:
    """§5.2: in combined mode the DPoP proof is by the attested key, and the token is bound to it."""
    server = wallet_server
    client = await wallet(server, "attest_jwt_client_auth_dpop")
    headers = {"OAuth-Client-Attestation": attestation(client), "DPoP": dpop(server, INSTANCE)}
    status, _, tokens = await ask(server, headers)
    assert (status, tokens["token_type"]) == (200, "DPoP")
    async with server.http.get(
        server.url("/userinfo"), headers=with_token(server, INSTANCE, tokens["access_token"])
    ) as answer:
        assert answer.status == 403  # proved; it has no openid
    assert (await ask(server, headers))[:2] == (400, "invalid_dpop_proof")
    other = {"OAuth-Client-Attestation": attestation(client), "DPoP": dpop(server, proof_key())}
    assert (await ask(server, other))[:2] == (401, "invalid_client")
    alone = {"OAuth-Client-Attestation": attestation(client)}
    assert (await ask(server, alone))[:2] == (401, "invalid_client")
    both = await headers_of(server, client) | {"DPoP": dpop(server, INSTANCE)}
    assert (await ask(server, both))[:2] == (401, "invalid_client")


@only_sqlite
async def test_it_is_a_draft_and_off(server: RunningServer) -> None:
    """Without ``features_on`` there is no endpoint and no metadata, and attested clients are refused."""
    client = await wallet(server)
    async with server.http.post(server.url("/challenge")) as answer:
        assert answer.status == 404
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        assert "attest" not in await answer.text()
    headers = {"OAuth-Client-Attestation": attestation(client)}
    assert (await ask(server, headers, client_id=client.client_id))[:2] == (401, "invalid_client")


@only_sqlite
async def test_without_attesters_nobody_is_trusted(store: Store) -> None:
    """A098: the feature alone trusts no key, not even one in the registration or in a header."""
    async with running_server(store, **ON) as server:
        client = await wallet(server)
        assert (await ask(server, await headers_of(server, client)))[:2] == (401, "invalid_client")


SECOND = new_key(kid="second")
NAMED = {"https://one.example": public_jwks(ATTESTER), "https://two.example": public_jwks(SECOND)}
AS_KEYS = public_jwks(ATTESTER, SECOND)


def trusting(tmp_path: Path, trusted: dict[str, Any]) -> Path:
    path = tmp_path / "trusted.json"
    path.write_text(json.dumps(trusted))
    return path


@only_sqlite
@pytest.mark.parametrize(
    ("trusted", "names", "one_may", "two_may"),
    [
        (NAMED, ("https://one.example",), True, False),
        (NAMED, ("https://two.example",), False, True),
        (NAMED, ("https://one.example", "https://two.example"), True, True),
        (NAMED, (), False, False),
        (NAMED, ("attester",), False, False),
        (AS_KEYS, ("attester",), True, False),
        (AS_KEYS, ("second",), False, True),
        (AS_KEYS, (), False, False),
        ({"https://one.example": public_jwks(ATTESTER, SECOND)}, (), True, True),
        (public_jwks(ATTESTER), ("second",), False, False),
    ],
)
async def test_an_attester_vouches_for_the_clients_that_name_it(
    store: Store,
    tmp_path: Path,
    trusted: dict[str, Any],
    names: tuple[str, ...],
    one_may: bool,
    two_may: bool,
) -> None:
    """A098: the attester of one vendor does not vouch for a client of another. Where there is one alone it need not be
    named, in the middle of a change of its keys too."""
    async with running_server(store, client_attesters=trusting(tmp_path, trusted), **ON) as server:
        client = await wallet(server, client_attesters=names)
        for attester, may in ((ATTESTER, one_may), (SECOND, two_may)):
            headers = {
                "OAuth-Client-Attestation": attestation(client, attester=attester),
                "OAuth-Client-Attestation-PoP": await proof(server),
            }
            status, error, _ = await ask(server, headers)
            assert (status, error) == ((200, "") if may else (401, "invalid_client"))
