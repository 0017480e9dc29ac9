"""Which key a token is bound to, of those that a request proved (RFC 9449 §5, RFC 8705 §3)."""

from typing import Any

import pytest

from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.grant.sender_constraint import binding_of, refresh_binding_of, wrong_key
from domain.vocabulary.confirmation import UNBOUND, Confirmation

KEY, CERTIFICATE = Confirmation(jkt="key"), Confirmation(x5t_s256="certificate")
BOTH = Confirmation("key", "certificate")


def client(**fields: Any) -> Client:
    return Client("c", ClientMetadata(**fields))


ANY: dict[str, Any] = {}
BY_KEY: dict[str, Any] = {"dpop_bound_access_tokens": True}
BY_CERTIFICATE: dict[str, Any] = {"tls_client_certificate_bound_access_tokens": True}
FAPI1: dict[str, Any] = {"profile": "fapi1-advanced"}
FAPI2: dict[str, Any] = {"profile": "fapi2-security"}

BOUND = [
    (ANY, UNBOUND, UNBOUND),
    (ANY, KEY, KEY),
    (ANY, CERTIFICATE, UNBOUND),
    (ANY, BOTH, KEY),
    (BY_KEY, KEY, KEY),
    (BY_KEY, BOTH, KEY),
    (BY_CERTIFICATE, CERTIFICATE, CERTIFICATE),
    (BY_CERTIFICATE, BOTH, BOTH),
    (BY_KEY | BY_CERTIFICATE, BOTH, BOTH),
    (FAPI1, CERTIFICATE, CERTIFICATE),
    (FAPI2, KEY, KEY),
    (FAPI2, CERTIFICATE, CERTIFICATE),
    (FAPI2, BOTH, KEY),
]
REFUSED = [
    (BY_KEY, UNBOUND, "invalid_dpop_proof"),
    (BY_KEY, CERTIFICATE, "invalid_dpop_proof"),
    (BY_CERTIFICATE, UNBOUND, "invalid_request"),
    (BY_CERTIFICATE, KEY, "invalid_request"),
    (BY_KEY | BY_CERTIFICATE, KEY, "invalid_request"),
    (FAPI1, KEY, "invalid_request"),
    (FAPI2, UNBOUND, "invalid_request"),
]


@pytest.mark.parametrize(("fields", "proof", "expected"), BOUND)
def test_what_a_token_is_bound_to(
    fields: dict[str, Any], proof: Confirmation, expected: Confirmation
) -> None:
    """A DPoP proof always binds; a certificate where it is demanded, or where it is all there is and one is needed."""
    assert binding_of(client(**fields), proof) == expected


@pytest.mark.parametrize(("fields", "proof", "error"), REFUSED)
def test_what_is_missing(fields: dict[str, Any], proof: Confirmation, error: str) -> None:
    """No token for a client that has not proved what its registration or profile demands."""
    refusal = binding_of(client(**fields), proof)
    assert isinstance(refusal, Refusal)
    assert refusal.error == error


def test_refresh_tokens_of_public_clients_are_bound() -> None:
    """A095: those of confidential clients are bound to their authentication instead."""
    assert refresh_binding_of(client(), CERTIFICATE) == UNBOUND
    assert refresh_binding_of(client(token_endpoint_auth_method="none"), CERTIFICATE) == CERTIFICATE


def test_another_key_than_the_one_it_is_bound_to() -> None:
    """A095, A108: another key is ``invalid_grant``; every key that is demanded has to be proved."""
    assert wrong_key(UNBOUND, BOTH) is None
    assert wrong_key(KEY, BOTH) is None
    for demanded, proof, error in (
        (CERTIFICATE, Confirmation(x5t_s256="other"), "invalid_grant"),
        (KEY, Confirmation(jkt="other"), "invalid_grant"),
        (CERTIFICATE, UNBOUND, "invalid_request"),
        (KEY, CERTIFICATE, "invalid_dpop_proof"),
        (BOTH, KEY, "invalid_request"),
    ):
        refusal = wrong_key(demanded, proof)
        assert refusal is not None
        assert refusal.error == error
