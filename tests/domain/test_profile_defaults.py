"""What ``authrim client create --profile`` fills in."""

from typing import Any

import pytest

from domain.client.metadata import ClientMetadata
from domain.client.profile import PROFILES
from domain.client.profile_defaults import defaults_of
from domain.registration.policy import check

KEY = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y", "kid": "one"}


@pytest.mark.parametrize("profile", PROFILES)
def test_the_defaults_are_a_registration(profile: str) -> None:
    """With a key and a redirect URI, the defaults of each profile are enough; without a key FAPI is refused."""
    fields: dict[str, Any] = {
        "redirect_uris": ("https://rp.example/cb",),
        "id_token_signed_response_alg": "ES256",
        "access_token_signing_alg": "ES256",
        "profile": profile,
        **defaults_of(PROFILES[profile]),
    }
    assert check(ClientMetadata(**fields, jwks={"keys": [KEY]})) is None
    refusal = check(ClientMetadata(**fields))
    assert (refusal is not None) is profile.startswith("fapi")


def test_they_say_what_holds() -> None:
    """What a profile demands is in the registration for everyone to see."""
    assert defaults_of(PROFILES["oidc"]) == {}
    assert defaults_of(PROFILES["fapi2-message-signing"]) == {
        "token_endpoint_auth_method": "private_key_jwt",
        "require_pushed_authorization_requests": True,
        "require_signed_request_object": True,
    }
    assert defaults_of(PROFILES["fapi1-advanced"])["tls_client_certificate_bound_access_tokens"] is True
