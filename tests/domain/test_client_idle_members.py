"""Members without effect are dropped from a client; those that it would rely on are refused (RFC 7591 §2, §3.2.1)."""

from typing import Any

import msgspec
import pytest

from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.registration.idle_members import without_idle_members
from domain.registration.judgement import ADMINISTRATORS, judged

WEB = ClientMetadata(redirect_uris=("https://rp.example/cb",), scope=("openid",))
KEYS = {"keys": [{"kty": "EC", "kid": "1"}]}


def changed(**fields: Any) -> ClientMetadata:
    return msgspec.structs.replace(WEB, **fields)


@pytest.mark.parametrize(
    ("idle", "in_use"),
    [
        ({"token_endpoint_auth_signing_alg": "RS256"}, {}),
        ({"token_endpoint_auth_signing_alg": "ES512"}, {}),
        (
            {"token_endpoint_auth_method": "none", "token_endpoint_auth_signing_alg": "ES256"},
            {"token_endpoint_auth_method": "none"},
        ),
        (
            {"token_endpoint_auth_method": "none", "either_secret_method": True},
            {"token_endpoint_auth_method": "none"},
        ),
        ({"request_object_signing_alg": "RS256"}, {}),
        ({"tls_client_auth_san_dns": "rp.example", "tls_client_auth_subject_dn": "CN=rp"}, {}),
        ({"grant_types": ("authorization_code", "implicit")}, {}),
        (
            {"grant_types": ("client_credentials", "refresh_token"), "response_types": ()},
            {"grant_types": ("client_credentials",), "response_types": ()},
        ),
        (
            {
                "grant_types": ("authorization_code", "refresh_token", "implicit"),
                "response_types": ("id_token",),
            },
            {"grant_types": ("implicit",), "response_types": ("id_token",)},
        ),
        ({"frontchannel_logout_session_required": True, "backchannel_logout_session_required": True}, {}),
    ],
)
def test_what_has_no_effect_is_left_out(idle: dict[str, Any], in_use: dict[str, Any]) -> None:
    """The client is the one that it would be without these members."""
    assert judged(changed(**idle), ADMINISTRATORS) == changed(**in_use)


@pytest.mark.parametrize(
    "relied_on",
    [
        {"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "RS256"},
        {"token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "RS256"},
        {"token_endpoint_auth_signing_alg": "none"},
        {"request_object_signing_alg": "none"},
        {"request_object_signing_alg": "HS256"},
        {"request_object_signing_alg": "RS256", "require_signed_request_object": True},
        {"request_object_signing_alg": "RS256", "request_uris": ("https://rp.example/request",)},
        {"request_object_signing_alg": "RS256", "profile": "fapi2-message-signing"},
        {"id_token_encrypted_response_alg": "ECDH-ES"},
        {"response_types": ("code", "id_token")},
        {"grant_types": ("client_credentials",)},
        {"grant_types": ("refresh_token",), "response_types": ()},
        {"grant_types": ("client_credentials",), "response_types": (), "token_endpoint_auth_method": "none"},
    ],
)
def test_what_would_be_relied_on_is_refused(relied_on: dict[str, Any]) -> None:
    """A client that was registered with it would wait for what never comes."""
    assert isinstance(judged(changed(**relied_on), ADMINISTRATORS), Refusal)


def test_what_has_an_effect_stays() -> None:
    """Nothing is taken from a client that uses all of it."""
    full = changed(
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="ES256",
        request_object_signing_alg="ES256",
        jwks=KEYS,
        grant_types=("authorization_code", "refresh_token", "implicit", "client_credentials"),
        response_types=("code id_token",),
        backchannel_logout_uri="https://rp.example/out",
        backchannel_logout_session_required=True,
    )
    assert without_idle_members(full) == full
