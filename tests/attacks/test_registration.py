"""Attacks on dynamic registration and its management (A004 to A006, A009, A010, A015, A116, A174, A201 to A203)."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.jwk import ECKey, OctKey, RSAKey

from authrim.clients.registration_tokens import revoke_initial_token
from authrim.store.contract import Store
from domain.stream import DEFAULT_TENANT
from tests.support.assertion import new_key
from tests.support.log import reason_of, whole_log
from tests.support.nodes import another_node
from tests.support.registration import MINIMAL, Answer, initial_token, manage, register, registered
from tests.support.running import RunningServer, running_server

ONE_STORE = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


@pytest_asyncio.fixture
async def open_server(store: Store) -> AsyncIterator[RunningServer]:
    """A server that lets anybody register, as often as the tables of this file are long."""
    async with running_server(
        store, registration="open", registrations_per_minute=100_000, registrations_per_hour=100_000
    ) as running:
        yield running


async def assert_refused(
    server: RunningServer, document: Any, error: str = "invalid_client_metadata"
) -> Answer:
    answer = await register(server, document)
    assert answer.error == (400, error), (document, answer.body)
    assert answer.body["error_description"]
    return answer


async def test_a201_without_a_token_nobody_is_let_in(server: RunningServer) -> None:
    """A201: by default an initial access token is needed; the challenge names no error without one (RFC 6750 §3.1)."""
    answer = await register(server)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="authrim"'
    client = await registered(server)
    foreign = "iat.0192f3a4b5c6d7e8f900112233445566." + "A" * 43
    for wrong in ("x", foreign, client["registration_access_token"], (await initial_token(server))[:-1]):
        answer = await register(server, token=wrong)
        assert answer.error == (401, "invalid_token")
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


async def test_a201_a_token_is_good_as_often_as_it_says(server: RunningServer) -> None:
    """A201: used up, expired or revoked, it lets nobody in; the auditor learns which."""
    token = await initial_token(server, uses=1)
    assert (
        await register(server, MINIMAL | {"scope": "admin"}, token)
    ).status == 400  # refused, and not used up
    assert (await register(server, token=token)).status == 201
    used_up = await register(server, token=token)
    revoked_token = await initial_token(server)
    await revoke_initial_token(server.core.store, DEFAULT_TENANT, revoked_token.split(".")[1])
    revoked = await register(server, token=revoked_token)
    for answer, reason in ((used_up, "initial_token_used_up"), (revoked, "initial_token_revoked")):
        assert answer.error == (401, "invalid_token")
        assert await reason_of(server, answer.headers["Authrim-Error-Id"]) == reason


async def test_a201_one_use_on_two_nodes_has_one_winner(server: RunningServer) -> None:
    """A201, F15: one use of a token shown to two servers many times at once registers one client."""
    token = await initial_token(server, uses=1)
    async with another_node(server) as other:
        answers = await asyncio.gather(
            *(register(node, token=token) for node in (server, other) for _ in range(4))
        )
    assert sorted(answer.status for answer in answers) == [201] + [401] * 7


async def test_a201_many_registrations_at_once_all_fit(server: RunningServer) -> None:
    """Registrations with one token of many uses wait for each other, and each use counts once."""
    token = await initial_token(server, uses=8)
    answers = await asyncio.gather(*(register(server, token=token) for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [201] * 8 + [401] * 2


@ONE_STORE
async def test_a201_a_flood_is_turned_away(store: Store) -> None:
    """A201: quotas of one source, and of everybody together."""
    async with running_server(store, registration="open", registrations_per_minute=2) as server:
        answers = [await register(server) for _ in range(3)]
        assert [answer.status for answer in answers] == [201, 201, 429]
        assert answers[-1].headers["Retry-After"] == "60"


@ONE_STORE
async def test_a201_the_hours_quota(store: Store) -> None:
    """A201: however many sources there are, an hour has room for so many clients."""
    async with running_server(store, registration="open", registrations_per_hour=1) as server:
        bad = [(await register(server, {})).status, (await register(server, token="x")).status]
        assert bad == [400, 401]  # whoever is refused takes no room from others
        assert [(await register(server)).status for _ in range(2)] == [201, 429]


@ONE_STORE
async def test_a201_strangers_do_not_use_up_the_hour_of_holders(store: Store) -> None:
    """A201: where the door is open and the hour is full, whoever holds an initial access token is still let in; a token
    that is none gets in nowhere."""
    async with running_server(store, registration="open", registrations_per_hour=1) as server:
        assert [(await register(server)).status for _ in range(2)] == [201, 429]
        assert (await register(server, token="x")).status == 401
        token = await initial_token(server, uses=2)
        assert [(await register(server, token=token)).status for _ in range(2)] == [201, 429]


@ONE_STORE
async def test_a201_one_source_does_not_use_up_the_hour(store: Store) -> None:
    """A201: one address has a tenth of everybody's hour; another one is served."""
    async with running_server(
        store, registration="open", registrations_per_hour=100, registrations_per_minute=1000,
        trusted_proxies=("127.0.0.1",),
    ) as server:  # fmt: skip
        answers = [(await register_from(server, "192.0.2.1")).status for _ in range(11)]
        assert answers == [201] * 10 + [429]
        assert (await register_from(server, "192.0.2.2")).status == 201


@ONE_STORE
async def test_a201_many_networks_of_one_holder_do_not_use_up_the_hour(store: Store) -> None:
    """A201, A225: a holder of many /64s has less than half of everybody's hour by all of them, and a bound for a
    minute; another one is served."""
    async with running_server(
        store, registration="open", registrations_per_hour=100, registrations_per_minute=1000,
        trusted_proxies=("127.0.0.1",),
    ) as server:  # fmt: skip
        networks = [f"2001:db8:0:{number // 5}{number % 5:02x}::1" for number in range(10)]
        answers = [(await register_from(server, one)).status for one in networks for _ in range(10)]
        assert answers.count(201) == 40
        assert (await register_from(server, "2001:db8:1::1")).status == 201


@ONE_STORE
async def test_a201_many_networks_of_one_holder_have_a_minute_together(store: Store) -> None:
    """A201, A225: a flood from one /56 is turned away although each /64 sends one request."""
    async with running_server(
        store, registration="open", registrations_per_minute=1, trusted_proxies=("127.0.0.1",)
    ) as server:
        answers = [(await register_from(server, f"2001:db8:0:{one:x}::1")).status for one in range(1, 6)]
        assert answers == [201] * 4 + [429]
        assert (await register_from(server, "192.0.2.1")).status == 201


async def register_from(server: RunningServer, address: str) -> Answer:
    headers = {"X-Forwarded-For": address}
    async with server.http.post(server.url("/register"), json=MINIMAL, headers=headers) as answer:
        return Answer(answer.status, await answer.json(), answer.headers)


NOBODYS: list[str] = [
    "https://example.com*", "https://*.example.com/", "https://example.com/*",  # A004
    "https://good.com@evil.com/", "https://good.com\\@evil.com/", "https:/\\evil.com", "https:evil.com",  # A005
    "https://exаmple.com/", "https://example。com/", "https://example.com./", "https://example.com/\tcb",
    "https://example.com/\ncb", "https://", "https://example.com:99999/", "/cb", "",
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "blob:https://a/b",  # A006
    "file:///etc/passwd", "about:blank",
    "http://example.com/cb",  # A009
    "https://example.com/cb#fragment", "https://example.com/cb#",  # A010, oidcc-redirect-uri-regfrag
    "https://example.com/cb?code=x", "https://example.com/cb?a=b&state=", "https://example.com/cb?iss=x",  # A015
    "https://example.com/cb?error=x", "https://example.com/cb?response=x", "https://example.com/a/../cb",
]  # fmt: skip


@ONE_STORE
async def test_redirect_uris_that_nobody_may_have(open_server: RunningServer) -> None:
    """A004, A005, A006, A009, A010, A015: invalid_redirect_uri, beside a good one too."""
    for uri in NOBODYS:
        for uris in ([uri], ["https://rp.example/cb", uri]):
            await assert_refused(open_server, {"redirect_uris": uris}, "invalid_redirect_uri")
    # An app's own scheme makes a client native unless it says that it is a web client (RFC 8252 §7.1).
    web_client = {"application_type": "web", "redirect_uris": ["com.example.app:/cb"]}
    await assert_refused(open_server, web_client, "invalid_redirect_uri")


@ONE_STORE
async def test_a009_redirect_uris_of_native_clients(open_server: RunningServer) -> None:
    """A009, RFC 8252 §7: http on the loopback interface alone, and schemes with a dot."""
    native = {"application_type": "native", "token_endpoint_auth_method": "none"}
    for uri in (
        "http://example.com/cb",
        "http://localhost.evil.com/cb",
        "app:/cb",
        "http://127.0.0.1.evil.com/cb",
    ):
        await assert_refused(open_server, native | {"redirect_uris": [uri]}, "invalid_redirect_uri")


@ONE_STORE
async def test_redirect_uris_are_needed_for_codes(open_server: RunningServer) -> None:
    """OIDC DCR §2: no client for codes without an address."""
    for document in ({}, {"redirect_uris": []}, {"redirect_uris": None}):
        await assert_refused(open_server, document, "invalid_redirect_uri")


ESCALATIONS: list[dict[str, Any]] = [
    {"scope": "openid admin"},
    {"grant_types": ["client_credentials"], "response_types": []},
    {"grant_types": ["authorization_code", "client_credentials"]},
    {"grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange"]},
    {"skip_consent": True},
    {"skip_consent": False},
    {"may_introspect": True},
    {"audiences": ["https://api.example/"]},
    {"default_audience": "https://api.example/"},
    {"protected_resources": ["https://api.example/"]},
    {"profile": "oidc"},
    {"access_token_format": "opaque"},
    {"access_token_lifetime": 86_400},
    {"refresh_grace_seconds": 60},
    {"logo_digest": "A" * 43},
    {"localized": {"client_name#de": "x"}},
    {"response_types": ["code", "nonsense"]},
    {"token_endpoint_auth_method": "none", "grant_types": ["client_credentials"], "response_types": []},
    {"token_endpoint_auth_method": "private_key_jwt"},
    {"token_endpoint_auth_signing_alg": "none"},
    {"id_token_signed_response_alg": "none"},
    {"id_token_signed_response_alg": "HS256"},
    {"subject_type": "everybody"},
    {"application_type": "service"},
    {"default_max_age": -1},
    {"default_max_age": 2**53},
    {"default_acr_values": ["a b"]},
    {"contacts": ["a\nb@example.com"]},
    {"contacts": ["a@example.com"] * 17},
    {"client_name": "x" * 201},
    {"software_id": "x" * 2001},
    {"software_version": "1\n2"},
    {"client_name#not_a_tag": "x"},
    {"client_name#de": "x" * 201},
    {"logo_uri#de": "javascript:alert(1)"},
]  # fmt: skip


@ONE_STORE
async def test_a202_nobody_gives_himself_more(store: Store) -> None:
    """A202: refused on the whole resulting client, at creation and at update alike."""
    plenty = {"registrations_per_minute": 100_000, "registration_updates_per_minute": 10_000}
    async with running_server(store, registration="open", **plenty) as server:
        client = (await register(server)).body
        for members in ESCALATIONS:
            await assert_refused(server, MINIMAL | members)
            update = MINIMAL | {"client_id": client["client_id"]} | members
            answer = await manage(server, client, "PUT", update)
            assert answer.error == (400, "invalid_client_metadata"), (members, answer.body)


@ONE_STORE
async def test_a006_pages_are_https(open_server: RunningServer) -> None:
    """A006: what is linked on our pages is https and nothing that runs."""
    bad = ("javascript:alert(1)", "data:text/html,x", "http://rp.example/", "ftp://rp.example/", "//x", "")
    for name in ("client_uri", "logo_uri", "policy_uri", "tos_uri"):
        for uri in bad:
            await assert_refused(open_server, MINIMAL | {name: uri})


@ONE_STORE
async def test_a116_where_others_are_sent_is_https(open_server: RunningServer) -> None:
    """A116, oidcc-3rd_party-init-login-nohttps: https, and without user information."""
    for uri in (
        "http://rp.example/login",
        "javascript:x",
        "https://a@b/",
        "https://rp.example/#f",
        "//rp.example/",
    ):
        await assert_refused(open_server, MINIMAL | {"initiate_login_uri": uri})
    keys = MINIMAL | {"jwks": {"keys": [new_key().as_dict(private=False)]}}
    for uri in ("http://rp.example/r", "https://rp.example/r#not-a-digest", "https://u:p@rp.example/"):
        await assert_refused(open_server, keys | {"request_uris": [uri]})


def jwk(key: Any, **members: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": "1", **members}


WEAK: dict[str, dict[str, Any]] = {
    "rsa-1024": jwk(RSAKey.import_key(rsa.generate_private_key(65537, 1024).public_key())),
    "rsa-e-3": jwk(RSAKey.import_key(rsa.generate_private_key(3, 2048).public_key())),
    "rsa-e-1": {**jwk(new_key("RS256")), "e": "AQ"},
    "p-192": {"kty": "EC", "crv": "P-192", "x": "AAAA", "y": "AAAA", "kid": "1"},
    "not-on-curve": {**jwk(ECKey.import_key(ec.generate_private_key(ec.SECP256R1()).public_key())), "x": "A" * 43},
    "oct": {"kty": "oct", "k": "AAAA", "kid": "1"},
    "small-order": {"kty": "OKP", "crv": "Ed25519", "x": "AQ" + "A" * 41, "kid": "1"},
    "private": {**new_key("ES256").as_dict(private=True)},
    "short-secret": OctKey.generate_key(64).as_dict(private=True),
    "no-such-kind": {"kty": "XYZ", "kid": "1"},
}  # fmt: skip


@ONE_STORE
async def test_a174_weak_keys_are_not_registered(open_server: RunningServer) -> None:
    """A174: small or broken keys, secrets and private keys: refused, beside a good key too, and at an update."""
    good = new_key("ES256", "good").as_dict(private=False)
    for weak in WEAK.values():
        await assert_refused(open_server, MINIMAL | {"jwks": {"keys": [weak]}})
        if weak.get("crv") == "P-192" or weak["kty"] == "XYZ":
            continue  # passed over beside a good one
        both = MINIMAL | {"jwks": {"keys": [good, weak]}}
        await assert_refused(open_server, both)
        client = (await register(open_server)).body
        update = await manage(open_server, client, "PUT", both | {"client_id": client["client_id"]})
        assert update.error == (400, "invalid_client_metadata")


@ONE_STORE
async def test_a174_nothing_is_encrypted_to_a_point_of_small_order(open_server: RunningServer) -> None:
    """A174: whoever wants answers encrypted to a key with which there is no common secret is refused at registration,
    and does not get a failure of ours in place of each answer."""
    point = {"kty": "OKP", "crv": "X25519", "x": "AQ" + "A" * 41, "kid": "1", "use": "enc"}
    signs = new_key("ES256", "good").as_dict(private=False) | {"use": "sig"}
    for name in ("id_token", "userinfo", "authorization"):
        wanted = {f"{name}_encrypted_response_alg": "ECDH-ES", f"{name}_signed_response_alg": "ES256"}
        for keys in ([point], [point, signs]):
            await assert_refused(open_server, MINIMAL | wanted | {"jwks": {"keys": keys}})


@ONE_STORE
async def test_a174_a_key_of_no_use_here_spoils_no_other(open_server: RunningServer) -> None:
    """A174, RFC 7517 §5: another type or curve beside a good key is registered, and passed over at each use."""
    good = new_key("ES256", "good").as_dict(private=False)
    others = [
        {**WEAK["p-192"], "kid": "a"},
        {"kty": "EC", "crv": "secp256k1", "x": "AAAA", "y": "AAAA", "kid": "b"},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA", "kid": "c"},
        {"kty": "OKP", "crv": "Ed448", "x": "AAAA", "kid": "d"},
    ]
    assert (await register(open_server, MINIMAL | {"jwks": {"keys": [*others, good]}})).status == 201
    for secret in ({**others[1], "d": "AAAA"}, {**others[2], "priv": "AAAA"}):
        await assert_refused(open_server, MINIMAL | {"jwks": {"keys": [secret, good]}})


#: Members of a key that have another type than any key's.
SHAPELESS: tuple[dict[str, Any], ...] = (
    {"kty": []}, {"kty": {}}, {"kty": "EC", "crv": [], "x": 1}, {"kty": "RSA", "n": {}, "e": []},
)  # fmt: skip


@ONE_STORE
async def test_a174_a_shapeless_key_is_refused_by_an_update_too(server: RunningServer) -> None:
    """A174, A202: what no key looks like is ``invalid_client_metadata`` at registration and at an update alike."""
    client = await registered(server)
    for key in SHAPELESS:
        document = MINIMAL | {"client_id": client["client_id"], "jwks": {"keys": [key]}}
        assert (await manage(server, client, "PUT", document)).error == (400, "invalid_client_metadata")
        answer = await register(server, MINIMAL | {"jwks": {"keys": [key]}}, await initial_token(server))
        assert answer.error == (400, "invalid_client_metadata")


@ONE_STORE
async def test_a174_a_roca_key_is_not_registered(open_server: RunningServer) -> None:
    """A174, CVE-2017-15361: a modulus whose residues are all powers of 65537 is the flawed generator's."""
    primes = [p for p in range(3, 168) if all(p % q for q in range(2, p))]
    modulus, whole = 1, 1
    for p in primes:
        while modulus % p != 1:
            modulus += whole
        whole *= p
    modulus = modulus + whole * 2 * (2**2047 // (2 * whole) + 1)
    n = RSAKey.import_key(rsa.generate_private_key(65537, 2048).public_key()).as_dict(private=False)
    number = modulus if modulus % 2 else modulus + whole
    encoded = number.to_bytes((number.bit_length() + 7) // 8, "big")

    weak = {**n, "n": base64.urlsafe_b64encode(encoded).rstrip(b"=").decode(), "kid": "1"}
    answer = await assert_refused(open_server, MINIMAL | {"jwks": {"keys": [weak]}})
    assert "CVE-2017-15361" in answer.body["error_description"]


BODIES: list[tuple[bytes, str, int]] = [
    (b"{", "application/json", 400),
    (b"[]", "application/json", 400),
    (b"null", "application/json", 400),
    (b"", "application/json", 400),
    (
        b'{"redirect_uris": ["https://a.example/"], "redirect_uris": ["https://b.example/"]}',
        "application/json",
        400,
    ),
    (b'{"client_name": "\\u0000"}', "application/json", 400),
    (b'{"client_name": "\\ud800"}', "application/json", 400),
    (b'{"default_max_age": NaN}', "application/json", 400),
    (b'{"jwks": ' + b"[" * 100 + b"]" * 100 + b"}", "application/json", 400),
    (b'{"client_name": "' + b"x" * 70_000 + b'"}', "application/json", 413),
    (b"redirect_uris=https%3A%2F%2Frp.example%2Fcb", "application/x-www-form-urlencoded", 415),
    (b"{}", "text/plain", 415),
]


@ONE_STORE
async def test_a_body_that_is_no_json_object(open_server: RunningServer) -> None:
    """decisions.md 27: one strict reader; what two readers could disagree about is refused, and no client is made."""
    for body, content_type, status in BODIES:
        headers = {"Content-Type": content_type}
        async with open_server.http.post(open_server.url("/register"), data=body, headers=headers) as answer:
            assert answer.status == status, body[:80]
    assert ":client:" not in await whole_log(open_server)


@ONE_STORE
async def test_metadata_cannot_make_a_stream_unloadable(open_server: RunningServer) -> None:
    """architecture.md: no transcoder looks into what a client sends, whatever names it uses."""
    strange = {"keys": [{**new_key().as_dict(private=False), "_type_": "datetime", "_data_": "x"}]}
    client = (await register(open_server, MINIMAL | {"jwks": strange})).body
    assert (await manage(open_server, client)).body["jwks"] == strange
