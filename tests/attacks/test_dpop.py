"""DPoP proofs that prove nothing: malformed, of another request, made before, or seen before.

The rules are in docs/rules/attacks/dpop.md.
"""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from joserfc.jwk import OctKey
from multidict import CIMultiDict

from authrim.protocol import dpop as dpop_proofs
from authrim.store.contract import Store
from tests.support.browser import Browser, redeem
from tests.support.dpop import (
    Key,
    ath_of,
    dpop,
    jkt_of,
    proof_claims,
    proof_key,
    signed_proof,
    with_token,
)
from tests.support.nodes import another_node
from tests.support.running import KnownClient, RunningServer, running_server

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

KEY, RSA, OTHER = proof_key(), proof_key("PS256"), proof_key()
NOTHING = "https://rp.example"

Answer = tuple[int, str]
MakeProof = Callable[[dict[str, Any]], str]


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any]) -> str:
    header = {"typ": "dpop+jwt", "alg": "none", "jwk": KEY.as_dict(private=False)}
    return f"{encoded(header)}.{encoded(claims)}."


def by_secret(claims: dict[str, Any]) -> str:
    """Signed with a shared secret that the header gives away."""
    secret = OctKey.generate_key(256)
    return signed_proof(secret, claims, "HS256", jwk=secret.as_dict(private=True))  # type: ignore[arg-type]


def by_public_key(claims: dict[str, Any]) -> str:
    """HMAC with the public key as its secret, the classic confusion."""
    public = json.dumps(KEY.as_dict(private=False)).encode()
    return signed_proof(OctKey.import_key(public), claims, "HS256", jwk=KEY.as_dict(private=False))  # type: ignore[arg-type]


def signed_by_nobody(claims: dict[str, Any]) -> str:
    """The key is a point of order 1: one signature is good for whatever is signed, and takes no private key."""
    point = base64.urlsafe_b64encode((1).to_bytes(32, "little")).rstrip(b"=").decode()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": point}
    signature = base64.urlsafe_b64encode((1).to_bytes(64, "little")).rstrip(b"=").decode()
    return f"{encoded({'typ': 'dpop+jwt', 'alg': 'EdDSA', 'jwk': jwk})}.{encoded(claims)}.{signature}"


def broken_signature(claims: dict[str, Any]) -> str:
    proof = signed_proof(KEY, claims)
    return proof[:-4] + ("AAAA" if not proof.endswith("AAAA") else "BBBB")


def header(**changes: Any) -> MakeProof:
    return lambda claims: signed_proof(KEY, claims, **changes)


def without(*names: str) -> MakeProof:
    return lambda claims: signed_proof(KEY, {name: v for name, v in claims.items() if name not in names})


def changed(**changes: Any) -> MakeProof:
    return lambda claims: signed_proof(KEY, claims | changes)


PUBLIC = KEY.as_dict(private=False)

#: Each makes a proof out of right claims. A100, A101, A102, and the suite's ``dpop-negative-tests``.
BAD_PROOFS: dict[str, MakeProof] = {
    "not a JWT": lambda _: "not-a-jwt",
    "two in one header": lambda claims: f"{signed_proof(KEY, claims)}, {signed_proof(KEY, claims)}",
    "a JWE's shape": lambda claims: signed_proof(KEY, claims) + ".e30.e30",
    "far too large": lambda claims: signed_proof(KEY, claims | {"x": "x" * 7000}),
    "no typ": header(typ=None),
    "typ JWT": header(typ="JWT"),
    "typ of a client assertion": header(typ="client-authentication+jwt"),
    "typ of an access token": header(typ="at+jwt"),
    "typ is a list": header(typ=["dpop+jwt"]),
    "crit": header(crit=["exp"]),
    "b64": header(b64=True),
    "no jwk": header(jwk=None),
    "kid instead of jwk": header(jwk=None, kid="client-key"),
    "jwk is text": header(jwk="key"),
    "jwk is empty": header(jwk={}),
    "jwk is private": header(jwk=KEY.as_dict(private=True)),
    "jwk of another": header(jwk=OTHER.as_dict(private=False)),
    "jwk off the curve": header(jwk=PUBLIC | {"y": PUBLIC["x"]}),
    "jwk for another algorithm": header(jwk=PUBLIC | {"alg": "PS256"}),
    "jwk of another type": header(jwk={"kty": "oct", "k": "c2VjcmV0"}),
    "kty is a list": header(jwk=PUBLIC | {"kty": ["EC"]}),
    "RS256": lambda claims: signed_proof(RSA, claims, "RS256"),
    "none": unsigned,
    "HS256": by_secret,
    "HS256 with the public key": by_public_key,
    "signed by nobody": signed_by_nobody,
    "broken signature": broken_signature,
    "claims are a list": lambda _: signed_proof(KEY, ["jti"]),  # type: ignore[arg-type]
    "no jti": without("jti"),
    "empty jti": changed(jti=""),
    "jti is a number": changed(jti=1),
    "jti is too long": changed(jti="x" * 256),
    "no htm": without("htm"),
    "htm of another method": changed(htm="PUT"),
    "htm in small letters": lambda claims: signed_proof(KEY, claims | {"htm": claims["htm"].lower()}),
    "no htu": without("htu"),
    "htu of another endpoint": lambda claims: signed_proof(KEY, claims | {"htu": claims["htu"] + "/x"}),
    "htu is a list": lambda claims: signed_proof(KEY, claims | {"htu": [claims["htu"]]}),
    "htu of another server": changed(htu=NOTHING + "/token"),
    "htu is a path": changed(htu="/token"),
    "htu with a user": lambda claims: signed_proof(
        KEY, claims | {"htu": claims["htu"].replace("://", "://user@")}
    ),
    "htu with another port": lambda claims: signed_proof(
        KEY, claims | {"htu": claims["htu"].replace("localhost:", "localhost:1")}
    ),
    "htu with a line break": lambda claims: signed_proof(KEY, claims | {"htu": claims["htu"] + "\n"}),
    "htu by another scheme": lambda claims: signed_proof(
        KEY, claims | {"htu": claims["htu"].replace("http:", "https:")}
    ),
    "no iat": without("iat"),
    "iat is text": changed(iat="now"),
    "iat is true": changed(iat=True),
    "iat an hour ago": lambda claims: signed_proof(KEY, claims | {"iat": int(time.time()) - 3600}),
    "iat in an hour": lambda claims: signed_proof(KEY, claims | {"iat": int(time.time()) + 3600}),
    "iat is huge": changed(iat=10**15),
}

#: How else our URL may be spelled (RFC 3986 §6.2.2, §6.2.3), all the same to RFC 9449 §4.3.
SAME_URLS: dict[str, Callable[[str], str]] = {
    "query": lambda url: url + "?a=b",
    "fragment": lambda url: url + "#f",
    "query and fragment": lambda url: url + "?a=b#f",
    "scheme and host in capitals": lambda url: url.replace("http://localhost", "HTTP://LOCALHOST"),
    "escaped letters": lambda url: url.replace("/token", "/%74ok%65n").replace("/userinfo", "/%75serinfo"),
    "dot segments": lambda url: url.replace("/token", "/a/../token").replace("/userinfo", "/./userinfo"),
}


@pytest.fixture
async def service(server: RunningServer) -> KnownClient:
    return await server.client("service")


async def at_token_endpoint(server: RunningServer, client: KnownClient, *proofs: str) -> Answer:
    """Status and error of a token request with these proofs."""
    headers = CIMultiDict(
        [*client.basic.items(), *(("DPoP", proof.encode("utf-8").decode("latin-1")) for proof in proofs)]
    )
    async with server.http.post(
        server.url("/token"), data={"grant_type": "client_credentials"}, headers=headers
    ) as answer:
        return answer.status, (await answer.json()).get("error", "")


async def at_resource(server: RunningServer, token: str, *proofs: str, scheme: str = "DPoP") -> Answer:
    """Status and error of a userinfo request with these proofs."""
    headers = CIMultiDict([("Authorization", f"{scheme} {token}"), *(("DPoP", proof) for proof in proofs)])
    async with server.http.get(server.url("/userinfo"), headers=headers) as answer:
        challenge = answer.headers.get("WWW-Authenticate", "")
        if answer.status == 401:
            assert challenge.startswith("DPoP ")
            assert 'algs="ES256 ' in challenge
        return answer.status, challenge.partition('error="')[2].partition('"')[0]


async def bound_token(server: RunningServer, key: Key = KEY) -> str:
    """An access token of a person's grant, bound to ``key``."""
    web, browser = await server.client("web"), Browser(server)
    shown, verifier = await browser.authorize(web)
    code = (await browser.through_pages(shown)).parameters["code"]
    status, tokens = await redeem(server, web, code, verifier, headers={"DPoP": dpop(server, key)})
    assert status == 200, tokens
    return str(tokens["access_token"])


@only_sqlite
async def test_a_bad_proof_gets_no_token(server: RunningServer, service: KnownClient) -> None:
    """A100, A101, A102 at the token endpoint: each is ``invalid_dpop_proof`` with 400, and a good one is not."""
    url = server.issuer + "/token"
    answers = {
        name: await at_token_endpoint(server, service, make(proof_claims("POST", url)))
        for name, make in BAD_PROOFS.items()
        if "line break" not in name
    }
    assert {name for name, answer in answers.items() if answer != (400, "invalid_dpop_proof")} == set()
    assert await at_token_endpoint(server, service, dpop(server, KEY)) == (200, "")


@only_sqlite
async def test_a_bad_proof_opens_no_resource(server: RunningServer) -> None:
    """``fapi2-security-profile-final-dpop-negative-tests``, A106: each is 401 with the challenge of RFC 9449 §7.1."""
    token, url = await bound_token(server), server.issuer + "/userinfo"
    right = {"ath": ath_of(token)}
    answers = {
        name: await at_resource(server, token, make(proof_claims("GET", url, **right)))
        for name, make in BAD_PROOFS.items()
    }
    assert {name for name, answer in answers.items() if answer != (401, "invalid_dpop_proof")} == set()
    for name, changes in {
        "no ath": {"ath": None},
        "of another": {"ath": ath_of(token + "x")},
        "n": {"ath": 1},
    }.items():
        proof = signed_proof(KEY, proof_claims("GET", url, **changes))
        assert await at_resource(server, token, proof) == (401, "invalid_dpop_proof"), name
    assert await at_resource(server, token, with_token(server, KEY, token)["DPoP"]) == (200, "")


@only_sqlite
async def test_two_headers_are_one_too_many(server: RunningServer, service: KnownClient) -> None:
    """A100: a second ``DPoP`` header, even one that is as good as the first, refuses the request."""
    proofs = dpop(server, KEY), dpop(server, KEY)
    assert await at_token_endpoint(server, service, *proofs) == (400, "invalid_dpop_proof")
    token = await bound_token(server)
    twice = [with_token(server, KEY, token)["DPoP"] for _ in range(2)]
    assert await at_resource(server, token, *twice) == (401, "invalid_dpop_proof")
    assert await at_resource(server, token, twice[0], twice[0]) == (401, "invalid_dpop_proof")


@only_sqlite
async def test_one_url_has_many_spellings(server: RunningServer, service: KnownClient) -> None:
    """A102: compared after normalisation; query and fragment do not count."""
    token = await bound_token(server)
    for name, respelled in SAME_URLS.items():
        proof = signed_proof(KEY, proof_claims("POST", respelled(server.issuer + "/token")))
        assert await at_token_endpoint(server, service, proof) == (200, ""), name
        claims = proof_claims("GET", respelled(server.issuer + "/userinfo"), ath=ath_of(token))
        assert await at_resource(server, token, signed_proof(KEY, claims)) == (200, ""), name


@only_sqlite
async def test_a_host_header_changes_no_url(server: RunningServer, service: KnownClient) -> None:
    """A102: ``htu`` is compared with the configured URL, whatever ``Host`` and its kin say."""
    proof = signed_proof(KEY, proof_claims("POST", "http://evil.example/token"))
    headers = {
        **service.basic, "DPoP": proof, "Host": "evil.example", "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http", "Forwarded": "host=evil.example",
    }  # fmt: skip
    status, answer = await server.post("/token", {"grant_type": "client_credentials"}, headers)
    assert (status, answer["error"]) == (400, "invalid_dpop_proof")


@only_sqlite
async def test_a_key_that_nobody_signed_with_is_not_kept(server: RunningServer, service: KnownClient) -> None:
    """A222: only keys that somebody holds are kept; made-up ones would push them out at the cost of a header."""
    assert (await at_token_endpoint(server, service, dpop(server, KEY)))[0] == 200
    kept = len(dpop_proofs._keys)
    for _ in range(3):
        stranger = proof_key()
        forged = signed_proof(
            KEY, proof_claims("POST", server.url("/token")), jwk=stranger.as_dict(private=False)
        )
        assert (await at_token_endpoint(server, service, forged))[0] == 400
    assert len(dpop_proofs._keys) == kept
    assert (await at_token_endpoint(server, service, dpop(server, stranger)))[0] == 200
    assert len(dpop_proofs._keys) == kept + 1


@only_sqlite
async def test_what_is_unknown_in_a_proof_is_ignored(server: RunningServer, service: KnownClient) -> None:
    """``fapi2-security-profile-final-dpop-negative-tests``: more claims and header parameters are ignored."""
    claims = proof_claims("POST", server.issuer + "/token", foo="bar", ath="ignored-here")
    assert await at_token_endpoint(server, service, signed_proof(KEY, claims, foo="bar")) == (200, "")


async def test_a_proof_is_for_one_request(server: RunningServer, service: KnownClient) -> None:
    """A104: seen once, it is worth nothing on this node, on another, and after a restart; at a resource too."""
    proof = dpop(server, KEY)
    assert await at_token_endpoint(server, service, proof) == (200, "")
    assert await at_token_endpoint(server, service, proof) == (400, "invalid_dpop_proof")
    token = await bound_token(server)
    shown = with_token(server, KEY, token)["DPoP"]
    assert await at_resource(server, token, shown) == (200, "")
    async with another_node(server) as node:
        assert await at_token_endpoint(node, service, proof) == (400, "invalid_dpop_proof")
        assert await at_resource(node, token, shown) == (401, "invalid_dpop_proof")
        assert await at_token_endpoint(node, service, dpop(server, KEY)) == (200, "")


@only_sqlite
async def test_a_jti_is_of_one_key(server: RunningServer, service: KnownClient) -> None:
    """A104: nobody can use up the ``jti`` that somebody else will send."""
    for key in (KEY, OTHER):
        assert await at_token_endpoint(server, service, dpop(server, key, jti="one")) == (200, "")


@only_sqlite
async def test_a_jti_is_remembered_for_as_long_as_its_proof_holds(store: Store) -> None:
    """A104: a proof from the future, within tolerance, cannot be shown again at the end of its window."""
    async with running_server(store) as server:
        service = await server.client("service")
        start = int(time.time())
        proof = dpop(server, KEY, iat=start + 14)
        assert await at_token_endpoint(server, service, proof) == (200, "")
        with time_machine.travel(start + 73, tick=True):
            assert await at_token_endpoint(server, service, proof) == (400, "invalid_dpop_proof")
            fresh = dpop(server, KEY, iat=start + 14)
            assert await at_token_endpoint(server, service, fresh) == (200, "")


@only_sqlite
async def test_a_refused_proof_is_not_taken_later(server: RunningServer) -> None:
    """A104: what the request was refused for beside its proof does not give the proof back (decisions 17)."""
    service, proof = await server.client("service"), dpop(server, KEY)
    form = {"grant_type": "client_credentials", "scope": "admin"}
    status, answer = await server.post("/token", form, service.basic | {"DPoP": proof})
    assert (status, answer["error"]) == (400, "invalid_scope")
    assert await at_token_endpoint(server, service, proof) == (400, "invalid_dpop_proof")


@only_sqlite
async def test_a_bound_token_is_no_bearer_token(server: RunningServer) -> None:
    """A107, A106: by another scheme, without a proof, or with a proof of another key it is ``invalid_token``."""
    token = await bound_token(server)
    right = with_token(server, KEY, token)["DPoP"]
    assert await at_resource(server, token, scheme="Bearer") == (401, "invalid_token")
    assert await at_resource(server, token, right, scheme="Bearer") == (401, "invalid_token")
    assert await at_resource(server, token) == (401, "invalid_token")
    assert await at_resource(server, token, with_token(server, OTHER, token)["DPoP"]) == (
        401,
        "invalid_token",
    )
    async with server.http.post(server.url("/userinfo"), data={"access_token": token}) as answer:
        assert answer.status == 401
    assert await at_resource(server, token, right) == (200, "")


@only_sqlite
async def test_a_bearer_token_is_not_bound_by_showing_it(server: RunningServer) -> None:
    """A106: with the scheme DPoP a token that was issued as a bearer token is ``invalid_token``."""
    token = (await Browser(server).code_flow(await server.client("web")))["access_token"]
    assert await at_resource(server, token, with_token(server, KEY, token)["DPoP"]) == (401, "invalid_token")


@only_sqlite
async def test_client2_cannot_use_client1s_token(server: RunningServer) -> None:
    """A106, ``fapi2-security-profile-final-happy-flow``: one instance's key does not open what another's token does."""
    token, other = await bound_token(server), await bound_token(server, OTHER)
    assert await at_resource(server, token, with_token(server, OTHER, other)["DPoP"]) == (
        401,
        "invalid_dpop_proof",
    )
    assert await at_resource(server, other, with_token(server, OTHER, other)["DPoP"]) == (200, "")


@only_sqlite
async def test_what_is_switched_off_is_not_looked_at(store: Store) -> None:
    """Without the feature there is no metadata, no proof is read, and who must be bound gets nothing."""
    async with running_server(store, features_off=("dpop",)) as server:
        async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
            assert not [name for name in await answer.json() if "dpop" in name]
        service = await server.client("service")
        bound = await server.client("bound", kind="service", dpop_bound_access_tokens=True)
        assert await at_token_endpoint(server, service, "not-a-proof") == (200, "")
        assert await at_token_endpoint(server, bound, dpop(server, KEY)) == (400, "unauthorized_client")
        shown, _ = await Browser(server).authorize(await server.client("web"), dpop_jkt=jkt_of(KEY))
        assert "/login/" in shown.url
