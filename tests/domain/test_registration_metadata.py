"""Client metadata from JSON and back, and what a client may give itself (RFC 7591 §2, OIDC DCR §2, A202)."""

from typing import Any

import msgspec
import pytest

from domain.client.metadata import ClientMetadata, addresses_or_keys_are_new
from domain.errors import Refusal
from domain.registration.admission import RegistrationRules, rules_refusal
from domain.registration.documents import OWN, STANDARD, read, whole

RULES = RegistrationRules(("openid", "email"), ("authorization_code", "refresh_token"))


def test_every_field_is_either_the_clients_or_the_administrators() -> None:
    """A new field of ``ClientMetadata`` that nobody thought about can be set by clients: so somebody has to think."""
    assert set(STANDARD) | OWN == set(ClientMetadata.__struct_fields__)
    assert "profile" in OWN
    assert "redirect_uris" in STANDARD


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"grant_types": ["implicit"]}, {"grant_types": ("implicit",), "response_types": ("id_token",)}),
        (
            {"grant_types": ["client_credentials"]},
            {"grant_types": ("client_credentials",), "response_types": ()},
        ),
        ({"response_types": ["id_token"]}, {"response_types": ("id_token",), "grant_types": ("implicit",)}),
        (
            {"response_types": ["code id_token"]},
            {"response_types": ("code id_token",), "grant_types": ("authorization_code", "implicit")},
        ),
        ({"response_types": ["none"]}, {"response_types": ("none",), "grant_types": ()}),
        ({}, {}),
    ],
)
def test_grant_and_response_types_follow_each_other(given: dict[str, Any], expected: dict[str, Any]) -> None:
    """RFC 7591 §2.1: of the two, the one that is left out agrees with the other."""
    assert read(given) == expected


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"redirect_uris": ["http://localhost:1455/cb"]}, "native"),
        ({"redirect_uris": ["http://127.0.0.1/cb", "http://[::1]:8/cb"]}, "native"),
        ({"redirect_uris": ["http://localhost/cb"], "application_type": "web"}, "web"),
        ({"redirect_uris": ["https://editor.example/cb", "http://127.0.0.1:33418/"]}, "native"),
        ({"redirect_uris": ["http://localhost/cb", "com.example.app:/cb"]}, "native"),
        ({"redirect_uris": ["com.example.app:/cb"]}, "native"),
        ({"redirect_uris": ["HTTP://LocalHost:5/cb"]}, "native"),
        ({"redirect_uris": ["https://localhost/cb"]}, None),
        ({"redirect_uris": ["http://127.0.0.2/cb"]}, None),
        ({"redirect_uris": ["no URI"]}, None),
        ({"redirect_uris": ["http://localhost.evil.example/cb"]}, None),
        ({"redirect_uris": []}, None),
        ({}, None),
    ],
)
def test_addresses_that_only_apps_have_are_a_native_client(given: dict[str, Any], kind: str | None) -> None:
    """RFC 7591 has no application_type: a tool on the person's machine need not name it (A009)."""
    fields = read(given)
    assert not isinstance(fields, Refusal)
    assert fields.get("application_type") == kind


def test_scope_is_one_text() -> None:
    """RFC 7591 §2: values between spaces, each once."""
    assert read({"scope": "openid  email openid"}) == {"scope": ("openid", "email")}


@pytest.mark.parametrize("name", sorted(STANDARD))
@pytest.mark.parametrize("value", [[[]], {"a": {}}, 1.5, [1]], ids=repr)
def test_another_json_type_is_refused(name: str, value: Any) -> None:
    """RFC 7591 §3.2.2: every member has one JSON type; ``jwks`` alone is an object."""
    if name == "jwks" and isinstance(value, dict):
        return
    refusal = read({name: value})
    assert isinstance(refusal, Refusal)
    assert refusal.error == "invalid_client_metadata"
    assert refusal.description.startswith(name)


@pytest.mark.parametrize("value", ["true", 1, 0])
def test_a_boolean_is_a_boolean(value: Any) -> None:
    """No text and no number is taken for true."""
    assert isinstance(read({"require_auth_time": value}), Refusal)


@pytest.mark.parametrize("name", sorted(OWN - {"localized"}))
def test_nobody_sets_what_is_the_administrators(name: str) -> None:
    """A202: fields of our own are refused by name, whatever their value."""
    for value in (True, "x", 1, ["https://api.example/"], {}):
        refusal = read({name: value})
        assert isinstance(refusal, Refusal)
        assert refusal.error == "invalid_client_metadata"


def test_what_is_the_administrators_stays() -> None:
    """A202: whatever the client sends or leaves out, its own fields are as they were."""
    own = ClientMetadata(profile="oauth21", may_introspect=True, audiences=("https://api.example/",))
    replaced = whole({"client_name": "New"}, own, {"profile": "oidc"})
    assert (replaced.profile, replaced.may_introspect, replaced.audiences) == (
        "oauth21", True, ("https://api.example/",),
    )  # fmt: skip
    assert replaced.client_name == "New"


def test_rules_hold_on_the_whole_client() -> None:
    """A202: scope and grant types within the rules, beside what an administrator let it have before."""
    within = ClientMetadata(scope=("openid",))
    beyond = ClientMetadata(scope=("openid", "admin"))
    services = ClientMetadata(grant_types=("client_credentials",))
    assert rules_refusal(within, RULES) is None
    for metadata in (beyond, services):
        refusal = rules_refusal(metadata, RULES)
        assert refusal is not None
        assert refusal.error == "invalid_client_metadata"
        assert rules_refusal(metadata, RULES, metadata) is None
    assert rules_refusal(services, RULES, beyond) is not None


BEFORE = ClientMetadata(
    redirect_uris=("https://rp.example/cb", "https://rp.example/2"),
    jwks={"keys": [{"kid": "1"}, {"kid": "2"}]},
    tls_client_auth_san_dns="rp.example",
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"client_name": "New"}, False),
        ({"redirect_uris": ("https://rp.example/cb",)}, False),
        ({"redirect_uris": ("https://rp.example/cb", "https://evil.example/cb")}, True),
        ({"jwks": {"keys": [{"kid": "1"}]}}, False),
        ({"jwks": None}, False),
        ({"jwks": {"keys": [{"kid": "1"}, {"kid": "3"}]}}, True),
        ({"jwks": {"keys": [{"kid": "1", "n": "another"}]}}, True),
        ({"jwks_uri": "https://evil.example/jwks"}, True),
        ({"token_endpoint_auth_method": "none"}, True),
        ({"tls_client_auth_san_dns": None}, False),
        ({"tls_client_auth_san_dns": "evil.example"}, True),
        ({"tls_client_auth_san_dns": None, "tls_client_auth_subject_dn": "CN=evil"}, True),
    ],
)
def test_new_addresses_and_keys_are_seen(changes: dict[str, Any], expected: bool) -> None:
    """A206: what could put somebody else behind the client, and not what is only taken away."""
    assert addresses_or_keys_are_new(BEFORE, msgspec.structs.replace(BEFORE, **changes)) is expected
