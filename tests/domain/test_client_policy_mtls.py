"""What a registration may say of mutual TLS (RFC 8705 §2.1.2, §2.2.2)."""

from typing import Any

import pytest

from domain.client.metadata import ClientMetadata
from domain.registration.policy import check

PKI: dict[str, Any] = {"token_endpoint_auth_method": "tls_client_auth"}
SELF: dict[str, Any] = {"token_endpoint_auth_method": "self_signed_tls_client_auth"}
EC = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}


def metadata(**fields: Any) -> ClientMetadata:
    return ClientMetadata(redirect_uris=("https://rp.example/cb",), **fields)


@pytest.mark.parametrize(
    "name",
    [
        {"subject_dn": "CN=client,O=Example"},
        {"san_dns": "client.example"},
        {"san_uri": "urn:example:client"},
        {"san_ip": "2001:db8::1"},
        {"san_email": "client@example.com"},
    ],
)
@pytest.mark.parametrize("profile", ["oidc", "oauth21", "fapi1-advanced", "fapi2-security"])
def test_one_name_of_each_kind(name: dict[str, str], profile: str) -> None:
    """Each kind of name is accepted, under every profile."""
    fields = {f"tls_client_auth_{kind}": value for kind, value in name.items()}
    extra: dict[str, Any] = {} if profile in ("oidc", "oauth21") else FAPI
    assert check(metadata(**PKI, **fields, **extra, profile=profile)) is None


FAPI: dict[str, Any] = {
    "id_token_signed_response_alg": "ES256",
    "access_token_signing_alg": "ES256",
    "jwks": {"keys": [EC]},  # FAPI 1 Advanced signs its requests
}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (PKI, "tls_client_auth needs exactly one name"),
        (
            PKI | {"tls_client_auth_san_dns": "a.example", "tls_client_auth_subject_dn": "CN=a"},
            "tls_client_auth needs exactly one name",
        ),
        (PKI | {"tls_client_auth_subject_dn": "client"}, "tls_client_auth_subject_dn is malformed"),
        (PKI | {"tls_client_auth_subject_dn": "CN=" + "a" * 2000}, "tls_client_auth_subject_dn is malformed"),
        (PKI | {"tls_client_auth_san_dns": "*.example"}, "tls_client_auth_san_dns is malformed"),
        (PKI | {"tls_client_auth_san_dns": "a.example\n"}, "tls_client_auth_san_dns is malformed"),
        (PKI | {"tls_client_auth_san_uri": "client"}, "tls_client_auth_san_uri is malformed"),
        (PKI | {"tls_client_auth_san_ip": "192.0.2.0/24"}, "tls_client_auth_san_ip is malformed"),
        (PKI | {"tls_client_auth_san_ip": "fe80::1%eth0"}, "tls_client_auth_san_ip is malformed"),
        (PKI | {"tls_client_auth_san_email": "A <a@example.com>"}, "tls_client_auth_san_email is malformed"),
        (SELF, "jwks is missing for self_signed_tls_client_auth"),
        (SELF | {"jwks": {"keys": [EC]}}, "jwks holds no certificate"),
        (SELF | {"jwks": {"keys": [EC | {"x5c": []}]}}, "jwks holds no certificate"),
    ],
)
def test_what_cannot_be_registered(fields: dict[str, Any], problem: str) -> None:
    """Exactly one well-formed name for an authority's certificate, a certificate in the keys for a self-signed one."""
    refusal = check(metadata(**fields))
    assert refusal is not None
    assert refusal.error == "invalid_client_metadata"
    assert refusal.description.startswith(problem)


def test_a_certificate_in_the_keys() -> None:
    """A key with ``x5c``, or keys that are fetched."""
    assert check(metadata(**SELF, jwks={"keys": [EC | {"x5c": ["MIIB"]}]})) is None
    assert check(metadata(**SELF, jwks_uri="https://rp.example/jwks")) is None
