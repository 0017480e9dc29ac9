"""Which claims about a person an ID token may hold, by the client's ``id_token_claims`` (OIDC Core §5.4)."""

import msgspec
import pytest

from domain.client.profile import ID_TOKEN_CLAIMS, PROFILES
from domain.errors import Refusal
from domain.grant.code import decide_redeem
from domain.grant.events import IdTokenIssued
from domain.registration import documents
from domain.registration.policy import check
from tests.domain.client_samples import FAPI, changed
from tests.domain.grant_samples import client, facts, redemption, requested, with_code


def claims_said(id_token_claims: str) -> tuple[str, ...]:
    grant = with_code(requested(id_token_claims=("name",)))
    decision = decide_redeem(grant, redemption(), facts(client=client(id_token_claims=id_token_claims)))
    return next(event.claims for event in decision.events if isinstance(event, IdTokenIssued))


def test_minimal_holds_what_was_asked_for_by_name() -> None:
    """Given a grant of openid and email, a minimal ID token has the claim that was asked for by name alone."""
    assert claims_said("minimal") == ("name",)


def test_scopes_holds_the_claims_of_the_granted_scopes() -> None:
    """Given the same grant, ``scopes`` adds the claims of email, and of no scope that was not granted."""
    assert claims_said("scopes") == ("email", "email_verified", "name")


@pytest.mark.parametrize("profile", [name for name in PROFILES if name.startswith("fapi")])
def test_fapi_profiles_stay_minimal(profile: str) -> None:
    """No FAPI profile has more than minimal ID tokens."""
    assert PROFILES[profile].id_token_claims == ("minimal",)


def test_refused_for_fapi_with_the_reason() -> None:
    """A FAPI client is refused ``scopes``, by a refusal that says the profile is why."""
    assert check(FAPI) is None
    refusal = check(msgspec.structs.replace(FAPI, id_token_claims="scopes"))
    assert isinstance(refusal, Refusal)
    assert "profile" in refusal.error_description


def test_unknown_value_is_refused() -> None:
    """What is neither ``minimal`` nor ``scopes`` is refused with both."""
    refusal = check(changed(id_token_claims="all"))
    assert isinstance(refusal, Refusal)
    assert all(value in refusal.error_description for value in ID_TOKEN_CLAIMS)


def test_a_client_may_ask_for_it() -> None:
    """A client that registers itself may have ``scopes``: it gets no claim by it that its scopes do not release."""
    assert documents.read({"id_token_claims": "scopes"}) == {"id_token_claims": "scopes"}
