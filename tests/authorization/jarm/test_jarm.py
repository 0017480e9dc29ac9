"""JARM: the authorization response as one JWT, signed always and encrypted where the client wants it (A074 to A076)."""

from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from authrim.clients.records import create_client
from authrim.protocol.jarm import LIFETIME
from authrim.store.contract import Store
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser, redeem
from tests.support.jarm import opened
from tests.support.log import reason_of, whole_log
from tests.support.responses import (
    CERTIFIED,
    HYBRID,
    IMPLICIT,
    ReceivedResponse,
    answered,
    client_of,
    refusal,
)
from tests.support.running import RunningServer, running_server

one_store = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
MODES = ("jwt", "query.jwt", "fragment.jwt", "form_post.jwt")


def encoding_of(mode: str, response_type: str) -> str:
    """JARM §2.3: where the JWT is."""
    if mode == "jwt":
        return "query" if response_type == "code" else "fragment"
    return mode.removesuffix(".jwt")


@pytest.mark.parametrize("mode", MODES)
async def test_a_code_comes_in_a_signed_response(server: RunningServer, browser: Browser, mode: str) -> None:
    """JARM §2.1, §2.3, A074, on both stores: in each mode all parameters are inside, ``state`` too, and the code works.

    ``fapi2-security-profile-final-happy-flow``, ``fapi1-advanced-final`` with ``fapi_response_mode=jarm``.
    """
    web = await server.client("web")
    received = await answered(browser, web, "code", response_mode=mode, state="s" * 128)
    assert received.encoding == encoding_of(mode, "code")
    parameters = await opened(server, web, received)
    assert set(parameters) == {"code", "state", "session_state"}
    assert parameters["state"] == "s" * 128
    assert (await redeem(server, web, parameters["code"], received.verifier))[0] == 200


@one_store
@pytest.mark.parametrize("response_type", [*CERTIFIED, "none"])
async def test_every_response_type(server: RunningServer, browser: Browser, response_type: str) -> None:
    """JARM §2.3.4: ``jwt`` takes the way that is usual for the type; what is inside is what would be outside."""
    client = await client_of(server, response_type)
    received = await answered(browser, client, response_type, response_mode="jwt")
    usual = "query" if response_type in ("code", "none") else "fragment"
    assert received.encoding == usual
    inside = await opened(server, client, received)
    outside = (await answered(browser, client, response_type, prompt="none")).parameters
    assert inside.keys() | {"iss"} == outside.keys()


@one_store
@pytest.mark.parametrize("mode", MODES)
async def test_errors_are_signed_too(server: RunningServer, browser: Browser, mode: str) -> None:
    """JARM §2.1, ``fapi2-security-profile-final-user-rejects-authentication``: cancelled or refused, the error is in
    the JWT, and the auditor finds out why."""
    web = await server.client("web")
    received = await refusal_in_jwt(browser, web, mode, prompt="none")
    inside = await opened(server, web, received)
    assert inside["error"] == "login_required"
    assert set(inside) <= {"error", "error_description", "error_uri", "state"}
    page, _ = await browser.authorize(web, response_mode=mode)
    received = ReceivedResponse.of(await browser.submit(page, action="cancel"), web)
    inside = await opened(server, web, received)
    assert (inside["error"], inside["state"]) == ("access_denied", "a-state")
    shown, _ = await browser.authorize(web, response_mode=mode, scope="unregistered")
    assert (await opened(server, web, ReceivedResponse.of(shown, web)))["error"] == "invalid_scope"
    assert await reason_of(server, shown.headers["Authrim-Error-Id"])


async def refusal_in_jwt(browser: Browser, client: Any, mode: str, **parameters: Any) -> ReceivedResponse:
    """A request that is refused at once, in this mode."""
    shown, _ = await browser.authorize(client, response_mode=mode, **parameters)
    received = ReceivedResponse.of(shown, client)
    assert received.encoding == encoding_of(mode, "code")
    return received


@one_store
async def test_before_the_redirect_uri_is_sure_there_is_a_page(
    server: RunningServer, browser: Browser
) -> None:
    """A002, A075: the mode opens no way around the exact comparison of redirect URIs; nothing is signed for others."""
    web = await server.client("web")
    for mode in MODES:
        for uri in (
            "https://evil.example/",
            "https://rp.example/cb/",
            "https://rp.example/cb?x",
            "https://rp.example*",
        ):
            shown, _ = await browser.authorize(web, response_mode=mode, redirect_uri=uri)
            assert (shown.status, shown.location) == (400, None)
            assert "eyJ" not in shown.body


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"])
async def test_signed_with_what_the_client_registered(alg: str, store: Store) -> None:
    """JARM §3: each algorithm, with the key that the key set names; RS256 when nothing is registered."""
    async with running_server(
        store, signing_algorithms=("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
    ) as server:
        changes = {} if alg == "RS256" else {"authorization_signed_response_alg": alg}
        client = await server.client("signed", kind="web", **changes)
        received = await answered(Browser(server), client, "code", response_mode="jwt")
        assert "code" in await opened(server, client, received, alg)


@one_store
@pytest.mark.parametrize("alg", ["none", "HS256", "RS1", ""])
async def test_no_weak_signature_can_be_registered(server: RunningServer, alg: str) -> None:
    """A074: ``none`` above all."""
    metadata = ClientMetadata(redirect_uris=("https://rp.example/cb",), authorization_signed_response_alg=alg)
    refused = await create_client(server.core.store, DEFAULT_TENANT, metadata)
    assert isinstance(refused, Refusal)
    assert refused.error == "invalid_client_metadata"


KEYS: dict[str, Any] = {
    "RSA-OAEP-256": RSAKey.generate_key(2048, {"kid": "enc", "use": "enc"}),
    "ECDH-ES": ECKey.generate_key("P-256", {"kid": "enc", "use": "enc"}),
    "ECDH-ES+A128KW": ECKey.generate_key("P-384", {"kid": "enc", "use": "enc"}),
    "ECDH-ES+A256KW": OKPKey.generate_key("X25519", {"kid": "enc", "use": "enc"}),
}


@one_store
@pytest.mark.parametrize(
    ("alg", "enc"),
    [
        ("RSA-OAEP-256", None),
        ("ECDH-ES", "A256GCM"),
        ("ECDH-ES+A128KW", "A128GCM"),
        ("ECDH-ES+A256KW", "A256CBC-HS512"),
    ],
)
async def test_encrypted_around_the_signature(
    server: RunningServer, browser: Browser, alg: str, enc: str | None
) -> None:
    """JARM §2.2, A076: a signed JWT inside an encrypted one, good answers and errors alike."""
    key = KEYS[alg]
    client = await server.client(
        "sealed",
        kind="web",
        jwks={"keys": [key.as_dict(private=False)]},
        authorization_encrypted_response_alg=alg,
        authorization_encrypted_response_enc=enc,
    )
    received = await answered(browser, client, "code", response_mode="jwt")
    assert received.parameters["response"].count(".") == 4
    assert "code" in await opened(server, client, received, key=key)
    received = await refusal_in_jwt(browser, client, "form_post.jwt", scope="unregistered")
    assert (await opened(server, client, received, key=key))["error"] == "invalid_scope"


@one_store
@pytest.mark.parametrize("response_type", [*IMPLICIT, *HYBRID])
async def test_tokens_in_a_query_only_when_encrypted(
    server: RunningServer, browser: Browser, response_type: str
) -> None:
    """JARM §2.3.1: ``query.jwt`` carries tokens for a client whose responses are encrypted, and for no other."""
    key = KEYS["ECDH-ES"]
    sealed = await client_of(
        server,
        response_type,
        jwks={"keys": [key.as_dict(private=False)]},
        authorization_encrypted_response_alg="ECDH-ES",
    )
    received = await answered(browser, sealed, response_type, response_mode="query.jwt")
    assert received.encoding == "query"
    inside = await opened(server, sealed, received, key=key)
    assert {"id_token", "access_token", "code"} & inside.keys()
    server.clients.clear()
    plain = await client_of(server, response_type)
    received = ReceivedResponse.of(
        (await browser.authorize(plain, response_type=response_type, nonce="n", response_mode="query.jwt"))[
            0
        ],
        plain,
    )
    assert (await opened(server, plain, received))["error"] == "invalid_request"


@one_store
async def test_without_a_key_nothing_is_sent(server: RunningServer, browser: Browser) -> None:
    """A076: when the client's key is not available, the answer is a page, not a bare JWT or plain parameters."""
    signing = ECKey.generate_key("P-256", {"kid": "sig", "use": "sig"})
    client = await server.client(
        "keyless",
        kind="web",
        jwks={"keys": [signing.as_dict(private=False)]},
        authorization_encrypted_response_alg="ECDH-ES",
    )
    shown, _ = await browser.authorize(client, response_mode="jwt")
    shown = await browser.through_pages(shown)
    assert (shown.status, shown.location) == (503, None)
    assert "eyJ" not in shown.body
    assert "ac." not in shown.body


@one_store
async def test_a_response_is_no_other_token(server: RunningServer, browser: Browser) -> None:
    """A154: a response JWT is neither an access token nor an ID token, though the same keys sign them all."""
    web = await server.client("web")
    received = await answered(browser, web, "code", response_mode="jwt")
    response = received.parameters["response"]
    async with server.http.get(
        server.url("/userinfo"), headers={"Authorization": f"Bearer {response}"}
    ) as answer:
        assert answer.status == 401
    _, introspected = await server.post("/introspect", {"token": response}, web.basic)
    assert introspected == {"active": False}
    refused = await refusal(browser, web, "code", id_token_hint=response)
    assert refused.parameters["error"] == "invalid_request"


@one_store
async def test_a_response_is_short_lived_and_in_no_log(server: RunningServer, browser: Browser) -> None:
    """A074: ``exp`` within ten minutes; neither the code nor the response is kept."""
    assert 10 <= LIFETIME <= 600
    web = await server.client("web")
    received = await answered(browser, web, "code", response_mode="jwt")
    inside = await opened(server, web, received)
    log = await whole_log(server)
    assert inside["code"] not in log
    assert received.parameters["response"] not in log


@one_store
async def test_the_metadata(server: RunningServer) -> None:
    """JARM §4: the modes, and what may be signed and encrypted with."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        document = await answer.json()
    assert set(MODES) <= set(document["response_modes_supported"])
    assert "RS256" in document["authorization_signing_alg_values_supported"]
    assert "RSA-OAEP-256" in document["authorization_encryption_alg_values_supported"]
    assert "A128CBC-HS256" in document["authorization_encryption_enc_values_supported"]
    assert "RSA1_5" not in document["authorization_encryption_alg_values_supported"]
