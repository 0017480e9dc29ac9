"""A client: the policy on the resulting whole, its life, its secrets, and what it may do (A202)."""

from typing import Any

import msgspec
import pytest

from domain.client import client as rules
from domain.client.client import Client, Secret
from domain.client.events import ClientDisabled, ClientRegistered, ClientSecretSet, ClientUpdated
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.registration import lifecycle as registration
from domain.registration.judgement import Terms
from domain.registration.lifecycle import RegisterClient, SetSecret
from tests.domain.client_samples import BOTH, FAPI, JWK, JWKS, NOW, SERVICE, WEB, changed, registered


@pytest.mark.parametrize(
    "metadata",
    [
        WEB,
        FAPI,
        SERVICE,
        changed(token_endpoint_auth_method="none"),
        changed(application_type="native", redirect_uris=("com.example.app:/cb",)),
        changed(default_audience="https://api.example"),
        changed(refresh_grace_seconds=0),
        changed(grant_types=("implicit",), response_types=("id_token", "token id_token")),
        changed(
            grant_types=("authorization_code", "implicit", "refresh_token"),
            response_types=("code", "code id_token", "code token", "code id_token token"),
        ),
        changed(grant_types=(), response_types=("none",)),
        changed(response_modes=("jwt", "form_post"), authorization_signed_response_alg="EdDSA"),
    ],
    ids=[
        "web",
        "fapi2",
        "service",
        "spa",
        "native",
        "default audience",
        "no grace",
        "implicit",
        "hybrid",
        "none",
        "jarm",
    ],
)
def test_good_clients_register_and_fold_back(metadata: ClientMetadata) -> None:
    """The event holds the whole metadata; its fold, also through JSON, is the client that was answered."""
    decision = registration.decide_register(rules.NO_CLIENT, RegisterClient("shop", metadata), NOW)
    assert isinstance(decision.events[0], ClientRegistered)
    stored = msgspec.json.decode(msgspec.json.encode(decision.events[0]), type=ClientRegistered)
    assert rules.fold([stored]) == decision.answer == Client("shop", metadata, "active", (), NOW)
    assert msgspec.json.decode(msgspec.json.encode(decision.answer), type=Client) == decision.answer


BAD = [
    ("redirect_uris", {"redirect_uris": ()}),
    ("redirect_uris[1]", {"redirect_uris": ("https://shop.example/cb", "http://shop.example/cb")}),
    ("redirect_uris[0]", {"redirect_uris": ("javascript:alert(1)",)}),
    ("redirect_uris[0]", {"redirect_uris": ("com.example.app:/cb",)}),
    ("redirect_uris", {"redirect_uris": tuple(f"https://shop.example/{i}" for i in range(65))}),
    ("profile", {"profile": "fapi3"}),
    ("application_type", {"application_type": "desktop"}),
    ("subject_type", {"subject_type": "ephemeral"}),
    ("userinfo_signed_response_alg", {"userinfo_signed_response_alg": "none"}),
    ("userinfo_signed_response_alg", {"userinfo_signed_response_alg": "HS256"}),
    ("id_token_encrypted_response_alg", {"id_token_encrypted_response_alg": "ECDH-ES"}),
    ("id_token_encrypted_response_alg", {"id_token_encrypted_response_alg": "RSA1_5", "jwks": JWKS}),
    ("id_token_encrypted_response_alg", {"id_token_encrypted_response_alg": "dir", "jwks": JWKS}),
    ("id_token_encrypted_response_enc", {"id_token_encrypted_response_enc": "A128GCM", "jwks": JWKS}),
    (
        "id_token_encrypted_response_enc",
        {
            "id_token_encrypted_response_alg": "ECDH-ES",
            "id_token_encrypted_response_enc": "none",
            "jwks": JWKS,
        },
    ),
    ("userinfo_encrypted_response_alg", {"userinfo_encrypted_response_alg": "A128KW", "jwks": JWKS}),
    ("userinfo_encrypted_response_enc", {"userinfo_encrypted_response_enc": "A128GCM", "jwks": JWKS}),
    ("jwks", {"jwks": {"keys": []}, "jwks_uri": "https://shop.example/jwks"}),
    ("jwks_uri", {"jwks_uri": "http://shop.example/jwks"}),
    ("jwks_uri", {"jwks_uri": "https://user@shop.example/jwks"}),
    ("jwks_uri", {"jwks_uri": "https://shop.example/jwks#fragment"}),
    ("sector_identifier_uri", {"sector_identifier_uri": "http://shop.example/sector"}),
    ("access_token_format", {"access_token_format": "saml"}),
    ("client_name", {"client_name": "x" * 201}),
    ("token_endpoint_auth_method", {"token_endpoint_auth_method": "tls"}),
    (
        "token_endpoint_auth_signing_alg",
        {
            "token_endpoint_auth_method": "client_secret_jwt",
            "token_endpoint_auth_signing_alg": "RS256",
        },
    ),
    ("jwks", {"token_endpoint_auth_method": "private_key_jwt"}),
    ("jwks", {"jwks": {}}),
    ("jwks", {"jwks": {"keys": []}}),
    ("jwks", {"jwks": {"keys": ["x"]}}),
    ("jwks", {"jwks": {"keys": [{"kty": "oct", "k": "x"}]}}),
    ("jwks", {"jwks": {"keys": [{**JWK, "d": "secret"}]}}),
    ("jwks", {"jwks": {"keys": [JWK, JWK]}}),
    ("jwks", {"jwks": {"keys": [{**JWK, "x": "x" * 20000}]}}),
    ("grant_types", {"grant_types": ("authorization_code", "password")}),
    ("response_types", {"response_types": ("code", "id_token")}),
    ("response_types", {"response_types": ("id_token",)}),
    ("response_types", {"response_types": ("id_token token",), "grant_types": ("authorization_code",)}),
    ("response_types", {"response_types": ("code", "id_token token")}),
    ("response_types", {"response_types": ("code id_token",)}),
    ("response_types", {"response_types": ("code", "gold")}),
    ("response_types", {"response_types": ("code code",)}),
    ("response_types", {**BOTH, "profile": "oauth21"}),
    ("response_types", {**BOTH, "response_types": ("code token",), "dpop_bound_access_tokens": True}),
    (
        "response_types",
        {**BOTH, "response_types": ("code token",), "tls_client_certificate_bound_access_tokens": True},
    ),
    ("authorization_encrypted_response_alg", {"authorization_encrypted_response_alg": "RSA1_5"}),
    ("authorization_encrypted_response_alg", {"authorization_encrypted_response_alg": "dir"}),
    ("authorization_encrypted_response_alg", {"authorization_encrypted_response_alg": "ECDH-ES"}),
    (
        "authorization_encrypted_response_enc",
        {"authorization_encrypted_response_enc": "A256GCM", "jwks": {"keys": [JWK]}},
    ),
    (
        "authorization_encrypted_response_enc",
        {
            "authorization_encrypted_response_alg": "ECDH-ES",
            "authorization_encrypted_response_enc": "A192GCM",
            "jwks": {"keys": [JWK]},
        },
    ),
    ("authorization_signed_response_alg", {"authorization_signed_response_alg": "none"}),
    ("authorization_signed_response_alg", {"authorization_signed_response_alg": "HS256"}),
    ("grant_types", {"grant_types": ("refresh_token",), "response_types": ()}),
    (
        "grant_types",
        {"grant_types": ("authorization_code", "client_credentials"), "token_endpoint_auth_method": "none"},
    ),
    ("response_types", {"response_types": ("token",)}),
    ("response_types", {"response_types": ()}),
    ("response_types", {"grant_types": ("client_credentials",)}),
    ("redirect_uris", {"grant_types": (), "response_types": ("none",), "redirect_uris": ()}),
    ("response_modes", {"response_modes": ("web_message",)}),
    ("logo_uri", {"logo_uri": "javascript:alert(1)"}),
    ("tos_uri", {"tos_uri": "http://shop.example/tos"}),
    ("id_token_signed_response_alg", {"id_token_signed_response_alg": "none"}),
    ("id_token_signed_response_alg", {"id_token_signed_response_alg": "HS256"}),
    ("access_token_signing_alg", {"access_token_signing_alg": "none"}),
    ("scope", {"scope": ("open id",)}),
    ("scope", {"scope": ("x" * 1025,)}),
    ("audiences", {"audiences": ("/api",)}),
    ("default_audience", {"default_audience": "https://other.example"}),
    ("protected_resources", {"protected_resources": ("https://api.example",)}),
    ("may_introspect", {"may_introspect": True, "token_endpoint_auth_method": "none"}),
    ("access_token_lifetime", {"access_token_lifetime": 0}),
    ("refresh_token_lifetime", {"refresh_token_lifetime": 10**9}),
    ("default_max_age", {"default_max_age": -1}),
    ("refresh_grace_seconds", {"refresh_grace_seconds": 61}),
    ("refresh_grace_count", {"refresh_grace_count": 0}),
    ("default_acr_values", {"default_acr_values": ("a b",)}),
    (
        "skip_consent",
        {"skip_consent": True, "application_type": "native", "token_endpoint_auth_method": "none"},
    ),
]


@pytest.mark.parametrize(("field", "fields"), BAD)
def test_policy_is_the_same_at_creation_and_update(field: str, fields: dict[str, Any]) -> None:
    """A202: what cannot be registered, no update reaches; the answer names the field and the fix."""
    bad = changed(**fields)
    at_creation = registration.decide_register(rules.NO_CLIENT, RegisterClient("new", bad), NOW)
    at_update = registration.decide_update(registered(), bad, NOW)
    assert at_creation == at_update
    assert at_creation.events == ()
    refusal = at_creation.answer
    assert isinstance(refusal, Refusal)
    is_about_uris = field.startswith("redirect_uris") and len(bad.redirect_uris) < 65
    assert refusal.error == ("invalid_redirect_uri" if is_about_uris else "invalid_client_metadata")
    assert refusal.description.startswith(f"{field} ")
    assert refusal.hint
    assert all(" " <= c <= "~" and c not in '"\\' for c in refusal.error_description)


@pytest.mark.parametrize(
    "fields",
    [
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "none"},
        {"token_endpoint_auth_signing_alg": "RS256"},
        {"id_token_signed_response_alg": "RS256"},
        {"access_token_signing_alg": "RS256"},
    ],
)
@pytest.mark.parametrize("profile", ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"])
def test_a_fapi_client_cannot_do_less(profile: str, fields: dict[str, Any]) -> None:
    """Each weakening of a FAPI client is refused (FAPI 2 Security Profile §5.3.2, §5.4.1)."""
    fapi = msgspec.structs.replace(FAPI, profile=profile)
    decision = registration.decide_update(registered(fapi), msgspec.structs.replace(fapi, **fields), NOW)
    assert isinstance(decision.answer, Refusal)


def test_a_client_turned_public_loses_what_only_others_may() -> None:
    """A202, change of type on update: the resulting client is judged, not the changed field alone."""
    both = changed(grant_types=("authorization_code", "client_credentials"))
    decision = registration.decide_update(
        registered(both), msgspec.structs.replace(both, token_endpoint_auth_method="none"), NOW
    )
    assert isinstance(decision.answer, Refusal)
    assert "grant_types" in decision.answer.description


def test_names_are_shown_in_one_spelling() -> None:
    """A038: NFC, and nothing that no eye sees (bidi marks, controls, zero-width)."""
    assert (
        registered(changed(client_name=" Cafe\u0301\u202e\u200b \x07 Bar ")).metadata.client_name
        == "Café Bar"
    )


@pytest.mark.parametrize("client_id", ["", "a b", "a:b/", "é", "x" * 129, "a\n"])
def test_a_malformed_client_id_is_refused(client_id: str) -> None:
    """The id is part of stream names and log lines."""
    decision = registration.decide_register(rules.NO_CLIENT, RegisterClient(client_id, WEB), NOW)
    assert isinstance(decision.answer, Refusal)


def test_development_allows_loopback_http() -> None:
    """``authrim dev`` has http clients on this machine; elsewhere they are refused (A009)."""
    local = changed(redirect_uris=("http://localhost:8080/cb",))
    allowed = registration.decide_register(
        rules.NO_CLIENT, RegisterClient("c", local, terms=Terms(development=True)), NOW
    )
    refused = registration.decide_register(rules.NO_CLIENT, RegisterClient("c", local), NOW)
    assert isinstance(allowed.answer, Client)
    assert isinstance(refused.answer, Refusal)


def test_an_id_is_used_once() -> None:
    """A deleted client's id is never given to another client."""
    live = registered()
    deleted = registration.decide_delete(live, NOW).answer
    assert isinstance(deleted, Client)
    for taken in (live, deleted):
        decision = registration.decide_register(taken, RegisterClient("shop", WEB), NOW)
        assert isinstance(decision.answer, Refusal)


def test_an_update_that_changes_nothing_appends_nothing() -> None:
    """Repeating an update is not an event."""
    assert registration.decide_update(registered(), WEB, NOW).events == ()
    assert isinstance(
        registration.decide_update(registered(), changed(scope=()), NOW).events[0], ClientUpdated
    )


def test_disable_enable_delete() -> None:
    """Each says something new once; a deleted client can do nothing any more."""
    live = registered()
    disabled = registration.decide_disable(live, "leak", NOW).answer
    assert isinstance(disabled, Client)
    assert disabled.status == "disabled"
    assert registration.decide_disable(live, "leak", NOW).events == (ClientDisabled("leak", NOW),)
    assert registration.decide_disable(disabled, "leak", NOW).events == ()
    assert registration.decide_enable(live, NOW).events == ()
    assert registration.decide_enable(disabled, NOW).answer == live
    deleted = registration.decide_delete(disabled, NOW).answer
    assert isinstance(deleted, Client)
    decisions = [
        registration.decide_update(deleted, WEB, NOW),
        registration.decide_set_secret(deleted, SetSecret("h"), NOW),
        registration.decide_disable(deleted, "x", NOW),
        registration.decide_enable(deleted, NOW),
        registration.decide_delete(deleted, NOW),
    ]
    assert all((d.events, d.answer) == ((), registration.UNKNOWN) for d in decisions)


def test_the_first_secret_comes_with_the_registration() -> None:
    """Client and secret are one append; only a client that uses a secret gets one."""
    decision = registration.decide_register(rules.NO_CLIENT, RegisterClient("c", WEB, "hash", NOW + 9), NOW)
    assert decision.events[1:] == (ClientSecretSet("hash", NOW, NOW + 9),)
    assert isinstance(decision.answer, Client)
    assert decision.answer.live_secrets(NOW + 8) == ("hash",)
    assert decision.answer.live_secrets(NOW + 9) == ()
    spa = RegisterClient("c", changed(token_endpoint_auth_method="none"), "hash")
    assert isinstance(registration.decide_register(rules.NO_CLIENT, spa, NOW).answer, Refusal)


@pytest.mark.parametrize(
    ("row", "first_expires", "previous_until", "at", "live"),
    [
        ("ends at once", 0, 0, NOW, ("new",)),
        ("until in the past", 0, NOW, NOW, ("new",)),
        ("overlap", 0, NOW + 60, NOW + 59, ("new", "old")),
        ("overlap over", 0, NOW + 60, NOW + 60, ("new",)),
        ("never longer than its own life", NOW + 30, NOW + 60, NOW + 30, ("new",)),
    ],
)
def test_secret_change(
    row: str, first_expires: int, previous_until: int, at: int, live: tuple[str, ...]
) -> None:
    """The secret before the new one is accepted for the said overlap and no longer."""
    client = rules.fold([ClientSecretSet("old", NOW - 9, first_expires)], registered())
    changed_over = registration.decide_set_secret(client, SetSecret("new", 0, previous_until), NOW).answer
    assert isinstance(changed_over, Client)
    assert changed_over.live_secrets(at) == live, row


def test_a_client_that_leaves_secrets_behind_has_none_when_it_comes_back() -> None:
    """An old secret does not live again after two changes of method."""
    keyed = changed(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [JWK]})
    client = msgspec.structs.replace(registered(), secrets=(Secret("old"),))
    without = registration.decide_update(client, keyed, NOW).answer
    assert isinstance(without, Client)
    again = registration.decide_update(without, WEB, NOW).answer
    assert isinstance(again, Client)
    assert again.live_secrets(NOW) == ()
