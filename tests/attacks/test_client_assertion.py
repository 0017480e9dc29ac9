"""Assertions of clients (RFC 7523): signed by whom, for whom, until when, and only once.

The rules are in docs/rules/attacks/client-authentication.md.
"""

import asyncio
import secrets
import time
from typing import Any

import pytest
from joserfc.jwk import OKPKey

from authrim.clients.records import update_client
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.assertion import (
    ASSERTION_TYPE,
    assert_refused,
    assertion_client,
    assertion_form,
    claims_for,
    new_key,
    present,
    public_jwks,
    signed,
)
from tests.support.nodes import another_node
from tests.support.running import RunningServer

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

KEY = new_key()
OTHER_KEY = new_key(kid="other-key")


async def introspecting(server: RunningServer, assertion: str) -> int:
    """The status of an introspection request with this assertion."""
    form = {"token": "x", "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    return (await server.post("/introspect", form))[0]


@only_sqlite
@pytest.mark.parametrize("alg", ["ES256", "RS256", "PS256", "EdDSA", "Ed25519"])
async def test_a_valid_assertion_is_accepted(server: RunningServer, alg: str) -> None:
    """RFC 7523 §3: each algorithm, at each endpoint; the refusals below are not refusals of everything."""
    key = new_key(alg)
    client = await assertion_client(server, key, token_endpoint_auth_signing_alg=alg)
    assert (await present(server, signed(key, claims_for(server, client))))[0] == 200
    assert (await present(server, signed(key, claims_for(server, client), typ=None)))[0] == 200
    assert await introspecting(server, signed(key, claims_for(server, client))) == 200


@only_sqlite
@pytest.mark.parametrize(("registered", "used"), [("EdDSA", "Ed25519"), ("Ed25519", "EdDSA")])
async def test_one_algorithm_has_two_names(server: RunningServer, registered: str, used: str) -> None:
    """RFC 9864 §2.2: whoever registered one name of Ed25519, for the key and for the client, may sign under the other;
    another algorithm stays another one."""
    key = new_key(registered)
    client = await assertion_client(server, key, token_endpoint_auth_signing_alg=registered)
    again = OKPKey.import_key({**key.as_dict(private=True), "alg": used})
    assert (await present(server, signed(again, claims_for(server, client))))[0] == 200
    other = new_key("ES256", kid=key.kid)
    assert (await present(server, signed(other, claims_for(server, client))))[0] == 401


@only_sqlite
async def test_an_assertion_speaks_for_its_own_client_only(server: RunningServer) -> None:
    """A082: ``iss``, ``sub``, the client_id of the form and the key are of one client, or nobody is."""
    client = await assertion_client(server, KEY)
    other = await assertion_client(server, OTHER_KEY, "other")
    for changes in (
        {"iss": other.client_id},
        {"sub": other.client_id},
        {"iss": None},
        {"sub": None},
        {"sub": 1},
    ):
        await assert_refused(server, signed(KEY, claims_for(server, client, **changes)))
    await assert_refused(server, signed(KEY, claims_for(server, other)))
    await assert_refused(server, signed(KEY, claims_for(server, client)), client_id=other.client_id)
    same = signed(KEY, claims_for(server, client))
    assert (await present(server, same, client_id=client.client_id))[0] == 200


def audiences(issuer: str) -> dict[str, Any]:
    """Audiences by name."""
    token, called = f"{issuer}/token", f"{issuer}/introspect"
    return {
        "issuer": issuer,
        "token endpoint": token,
        "called endpoint": called,
        "issuer in array": [issuer],
        "both in array": [issuer, token],
        "another of ours": f"{issuer}/userinfo",
        "foreign": "https://as.example",
        "issuer with slash": f"{issuer}/",
        "issuer in capitals": issuer.upper(),
        "issuer as prefix": f"{issuer}.evil.example",
        "foreign beside issuer": [issuer, "https://as.example"],
        "nothing": None,
        "empty array": [],
        "number": 1,
        "number in array": [issuer, 1],
        "object": {"iss": issuer},
    }


ACCEPTED_AUDIENCES = {
    "oidc": {"issuer", "token endpoint", "called endpoint", "issuer in array", "both in array"},
    "oauth21": {"issuer", "token endpoint", "called endpoint", "issuer in array", "both in array"},
    "fapi1-advanced": {
        "issuer", "token endpoint", "called endpoint", "issuer in array", "both in array", "foreign beside issuer",
    },
    "fapi2-security": {"issuer"},
    "fapi2-message-signing": {"issuer"},
}  # fmt: skip


@only_sqlite
@pytest.mark.parametrize("profile", ACCEPTED_AUDIENCES)
async def test_the_audience_follows_the_profile(server: RunningServer, profile: str) -> None:
    """A083: for whom an assertion may be: FAPI 2 takes the issuer as one string and nothing else."""
    fapi: dict[str, Any] = {"id_token_signed_response_alg": "ES256", "access_token_signing_alg": "ES256"}
    client = await assertion_client(server, KEY, profile=profile, **fapi)
    accepted = set()
    for name, audience in audiences(server.issuer).items():
        status = await introspecting(server, signed(KEY, claims_for(server, client, aud=audience)))
        assert status in {200, 401}
        if status == 200:
            accepted.add(name)
    assert accepted == ACCEPTED_AUDIENCES[profile]


async def test_a_jti_is_for_one_request(server: RunningServer) -> None:
    """A084: the second use of an assertion is refused at every endpoint, after a refusal too."""
    client = await assertion_client(server, KEY)
    used = signed(KEY, claims_for(server, client))
    assert (await present(server, used))[0] == 200
    await assert_refused(server, used)
    assert await introspecting(server, used) == 401
    claims = claims_for(server, client)
    refused = signed(KEY, claims)
    assert await present(server, refused, grant_type="no-such-grant") == (400, "unsupported_grant_type")
    await assert_refused(server, refused)
    await assert_refused(server, signed(KEY, claims | {"exp": claims["exp"] + 5}))


async def test_a_jti_is_of_one_client(server: RunningServer) -> None:
    """A084: two clients may use one ``jti``; neither can use up what the other will send."""
    client = await assertion_client(server, KEY)
    other = await assertion_client(server, OTHER_KEY, "other")
    assert (await present(server, signed(KEY, claims_for(server, client, jti="one"))))[0] == 200
    assert (await present(server, signed(OTHER_KEY, claims_for(server, other, jti="one"))))[0] == 200


async def test_of_many_at_once_one_wins(server: RunningServer) -> None:
    """A084: one assertion in twelve requests at once authenticates one of them."""
    client = await assertion_client(server, KEY)
    assertion = signed(KEY, claims_for(server, client))
    answers = await asyncio.gather(*(present(server, assertion) for _ in range(12)))
    assert sorted(answers) == [(200, "")] + [(401, "invalid_client")] * 11


async def test_a_jti_is_used_up_on_every_node(server: RunningServer) -> None:
    """A084: another node, which is also what a restart is, refuses what the first has seen."""
    client = await assertion_client(server, KEY)
    used = signed(KEY, claims_for(server, client))
    assert (await present(server, used))[0] == 200
    async with another_node(server) as node:
        await assert_refused(node, used)
        assert (await present(node, signed(KEY, claims_for(server, client))))[0] == 200


BROKEN_CLAIMS: dict[str, dict[str, Any]] = {
    "no jti": {"jti": None},
    "empty jti": {"jti": ""},
    "jti is a number": {"jti": 1},
    "jti is a list": {"jti": ["a"]},
    "jti is too long": {"jti": "x" * 256},
    "no exp": {"exp": None},
    "exp over": {"exp": -11},
    "exp too far": {"exp": 3700},
    "exp forever": {"exp": 10**300},
    "exp is text": {"exp": "tomorrow"},
    "exp is true": {"exp": True},
    "nbf to come": {"nbf": 62},
    "nbf is text": {"nbf": "now"},
    "iat to come": {"iat": 62},
}


@only_sqlite
@pytest.mark.parametrize("changes", BROKEN_CLAIMS.values(), ids=BROKEN_CLAIMS)
async def test_broken_claims_are_refused(server: RunningServer, changes: dict[str, Any]) -> None:
    """A084: without a usable ``jti`` and ``exp``, or outside its times, an assertion is nothing."""
    client = await assertion_client(server, KEY)
    now = int(time.time())
    moved = {
        name: now + value if type(value) is int and name != "jti" and value < 10**6 else value
        for name, value in changes.items()
    }
    await assert_refused(server, signed(KEY, claims_for(server, client, **moved)))


@only_sqlite
async def test_clocks_may_differ_a_little(server: RunningServer) -> None:
    """``nbf`` 8 seconds from now is accepted, as is an ``exp`` of 8 seconds ago (the suite's clock skew)."""
    client = await assertion_client(server, KEY)
    now = int(time.time())
    for changes in ({"nbf": now + 8}, {"iat": now + 8}, {"exp": now - 8}):
        assert (await present(server, signed(KEY, claims_for(server, client, **changes))))[0] == 200


@only_sqlite
async def test_the_assertion_type_must_be_right(server: RunningServer) -> None:
    """A088: missing or unknown it is invalid_client, given twice invalid_request."""
    client = await assertion_client(server, KEY)
    form = assertion_form(signed(KEY, claims_for(server, client)))
    for changes in (
        {"client_assertion_type": ""},
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"client_assertion_type": ASSERTION_TYPE.upper()},
        {"client_assertion": ""},
        {"client_assertion": "not-a-jwt"},
    ):
        status, answer = await server.post("/token", form | changes)
        assert (status, answer["error"]) == (401, "invalid_client")
    for name in ("client_assertion_type", "client_assertion"):
        status, answer = await server.post("/token", [*form.items(), (name, form[name])])
        assert (status, answer["error"]) == (400, "invalid_request")


async def test_a_removed_key_is_refused_at_once(server: RunningServer) -> None:
    """A089: the registration's new key set is the only one from the next request on."""
    client = await assertion_client(server, KEY)
    assert (await present(server, signed(KEY, claims_for(server, client))))[0] == 200
    changes = {"jwks": public_jwks(OTHER_KEY)}
    updated = await update_client(server.core.store, DEFAULT_TENANT, client.client_id, changes)
    assert not isinstance(updated, Refusal)
    await server.core.configuration.catch_up()
    await assert_refused(server, signed(KEY, claims_for(server, client)))
    assert (await present(server, signed(OTHER_KEY, claims_for(server, client))))[0] == 200


async def test_a_hostile_subject_is_unknown(server: RunningServer) -> None:
    """A082: an assertion that names no client we know is refused before anything else, on both stores."""
    client = await assertion_client(server, KEY)
    for subject in (secrets.token_hex(10_000), "'; DROP TABLE events; --", "\U0001f600"):
        await assert_refused(server, signed(KEY, claims_for(server, client, iss=subject, sub=subject)))
