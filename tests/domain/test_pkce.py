"""PKCE with S256 (A042, A044)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.client.client import Client, requires_pkce
from domain.client.metadata import ClientMetadata
from domain.vocabulary.pkce import is_challenge, is_verifier, s256, verifies

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
UNRESERVED = st.text("ABCxyz0189-._~", min_size=43, max_size=128)


def test_the_example_of_the_specification() -> None:
    """RFC 7636 Appendix B."""
    assert s256(VERIFIER) == CHALLENGE
    assert verifies(VERIFIER, CHALLENGE)


@pytest.mark.parametrize(
    "verifier",
    ["", "a" * 42, "a" * 129, "a" * 42 + "é", "a" * 42 + "+", "a" * 43 + "\n", CHALLENGE],
    ids=["empty", "42", "129", "not ASCII", "reserved", "newline", "the challenge itself"],
)
def test_a_malformed_or_wrong_verifier_never_verifies(verifier: str) -> None:
    """43 to 128 unreserved characters, the right ones (A044), and not the challenge itself (A042)."""
    assert not verifies(verifier, CHALLENGE)


def test_a_malformed_verifier_does_not_verify_even_when_its_hash_fits() -> None:
    """The grammar counts on its own: a short secret could be guessed from the challenge (RFC 7636 §7.1)."""
    assert not verifies("short", s256("short"))


@given(UNRESERVED, UNRESERVED)
def test_a_verifier_verifies_its_own_challenge_only(one: str, other: str) -> None:
    """S256 of one verifier is matched by that verifier alone."""
    assert is_verifier(one)
    assert is_challenge(s256(one))
    assert verifies(one, s256(one))
    assert verifies(other, s256(one)) is (one == other)


@pytest.mark.parametrize(
    "challenge", ["", CHALLENGE + "=", CHALLENGE[:-1], CHALLENGE + "A", CHALLENGE[:-1] + "+"]
)
def test_a_challenge_has_the_shape_of_a_digest(challenge: str) -> None:
    """43 base64url characters without padding (RFC 7636 §4.2)."""
    assert not is_challenge(challenge)


@pytest.mark.parametrize(
    ("profile", "method", "pushed", "required"),
    [
        ("oidc", "client_secret_basic", False, False),
        ("oidc", "none", False, True),
        ("oauth21", "client_secret_basic", False, True),
        ("fapi1-advanced", "private_key_jwt", False, False),
        ("fapi1-advanced", "private_key_jwt", True, True),
        ("fapi2-security", "private_key_jwt", True, True),
        ("fapi2-message-signing", "private_key_jwt", True, True),
    ],
)
def test_who_must_use_pkce(profile: str, method: str, pushed: bool, required: bool) -> None:
    """The profile says whose requests need a challenge (A041)."""
    client = Client("c", ClientMetadata(profile=profile, token_endpoint_auth_method=method))
    assert requires_pkce(client, pushed) is required
