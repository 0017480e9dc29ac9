"""RFC 9101: what a request object may say, by profile, without I/O."""

from typing import Any

import pytest

from domain.authorization.request_object import ObjectFacts, RequestObject, accept
from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.liveness import ACTIVE

NOW, ISSUER = 1_700_000_000, "https://as.example"
GOOD: dict[str, Any] = {
    "client_id": "shop", "iss": "shop", "aud": ISSUER, "nbf": NOW, "exp": NOW + 300, "response_type": "code",
}  # fmt: skip
FAPI = ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"]
ALL = ["oidc", "oauth21", *FAPI]


def outcome(profile: str, changes: dict[str, Any], used_once: bool = False) -> RequestObject | Refusal:
    claims = {name: value for name, value in (GOOD | changes).items() if value is not None}
    client = Client("shop", ClientMetadata(profile=profile), ACTIVE)
    return accept(claims, "hash", "kid", ObjectFacts(NOW, ISSUER, client, used_once))


#: Changes and the claim that is refused, in every profile.
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "A058 aud wrong": ({"aud": "https://other.example"}, "aud"),
    "A058 aud is another endpoint of ours": ({"aud": ISSUER + "/par"}, "aud"),
    "A058 aud with a number": ({"aud": [ISSUER, 7]}, "aud"),
    "A058 aud empty": ({"aud": []}, "aud"),
    "A058 aud an object": ({"aud": {ISSUER: 1}}, "aud"),
    "A059 exp past": ({"exp": NOW - 10, "nbf": NOW - 20}, "exp"),
    "A059 exp no number": ({"exp": str(NOW + 300)}, "exp"),
    "A059 exp true": ({"exp": True}, "exp"),
    "A059 nbf 11 s ahead": ({"nbf": NOW + 11}, "nbf"),
    "A059 iat ahead": ({"iat": NOW + 3600}, "nbf"),
    "A060 client_id of another": ({"client_id": "other"}, "client_id"),
    "A060 client_id a number": ({"client_id": 7}, "client_id"),
    "iss of another": ({"iss": "other"}, "iss"),
    "A062 request inside": ({"request": "x.y.z"}, "request_inside"),
    "A062 request_uri inside": ({"request_uri": "https://rp.example/r"}, "request_inside"),
    "A062 request empty": ({"request": ""}, "request_inside"),
    "A063 sub is the client": ({"sub": "shop"}, "sub"),
    "A063 sub": ({"sub": "5e7a"}, "sub"),
    "jti no text": ({"jti": 7}, "jti"),
    "jti empty": ({"jti": ""}, "jti"),
    "state no text": ({"state": ["a"]}, "state"),
    "scope a list": ({"scope": ["openid"]}, "scope"),
    "redirect_uri a list": ({"redirect_uri": ["https://shop.example/cb"]}, "redirect_uri"),
    "resource no text": ({"resource": [7]}, "resource"),
}


@pytest.mark.parametrize("profile", ALL)
@pytest.mark.parametrize("row", REFUSED)
def test_refused_in_every_profile(row: str, profile: str) -> None:
    """A058 to A063: ``invalid_request_object``, and which claim."""
    changes, reason = REFUSED[row]
    refusal = outcome(profile, changes)
    assert isinstance(refusal, Refusal)
    assert (refusal.error, refusal.reason) == ("invalid_request_object", f"request_object_{reason}")


#: Refused where the profile wants objects dated.
REFUSED_IF_DATED: dict[str, tuple[dict[str, Any], str]] = {
    "without-exp": ({"exp": None}, "exp"),
    "without-nbf": ({"nbf": None}, "nbf"),
    "without aud": ({"aud": None}, "aud"),
    "without client_id": ({"client_id": None}, "client_id"),
    "exp-over-60": ({"exp": NOW + 3601}, "exp"),
    "nbf-over-60": ({"nbf": NOW - 3601, "exp": NOW - 1}, "nbf"),
}


@pytest.mark.parametrize("row", REFUSED_IF_DATED)
def test_refused_where_objects_are_dated(row: str) -> None:
    """A059, ``fapi2-security-profile-final-ensure-request-object-without-exp-fails``, ``-without-nbf-fails``,
    ``-with-exp-over-60-fails``, ``-with-nbf-over-60-fails``: in FAPI profiles, and not in the others."""
    changes, reason = REFUSED_IF_DATED[row]
    for profile in FAPI:
        refusal = outcome(profile, changes)
        assert isinstance(refusal, Refusal)
        assert refusal.reason == f"request_object_{reason}"
    for profile in ("oidc", "oauth21"):
        assert isinstance(outcome(profile, changes), RequestObject)


ACCEPTED: dict[str, dict[str, Any]] = {
    "as it is": {},
    "several aud": {"aud": ["https://other.example", ISSUER]},
    "nbf 8 s ahead": {"nbf": NOW + 8},
    "nbf nearly an hour old": {"nbf": NOW - 3599, "exp": NOW + 1},
    "an hour": {"exp": NOW + 3600},
    "fractions": {"exp": NOW + 299.5, "nbf": NOW - 0.5},
    "no iss": {"iss": None},
    "iat and jti": {"iat": NOW, "jti": "one"},
    "an unknown claim of any type": {"extra": ["foobar"]},
}


@pytest.mark.parametrize("profile", ALL)
@pytest.mark.parametrize("row", ACCEPTED)
def test_accepted_in_every_profile(row: str, profile: str) -> None:
    """``fapi2-security-profile-final-ensure-request-object-with-multiple-aud-succeeds``,
    ``-with-nbf-8-seconds-in-the-future-is-accepted``."""
    assert isinstance(outcome(profile, ACCEPTED[row]), RequestObject)


def test_the_parameters_are_those_of_the_object() -> None:
    """RFC 9101 §4: numbers become text, ``claims`` stays an object, ``resource`` may be several; JWT claims are no
    parameters."""
    asked = {
        "max_age": 30,
        "claims": {"userinfo": {"name": None}},
        "resource": ["https://a.example", "https://b.example"],
    }
    accepted = outcome("oidc", asked | {"state": "st", "jti": "one"})
    assert isinstance(accepted, RequestObject)
    parameters = accepted.parameters
    assert parameters.values == {"client_id": "shop", "response_type": "code", "max_age": "30", "state": "st"}
    assert (parameters.claims, parameters.claims_broken) == ({"userinfo": {"name": None}}, False)
    assert parameters.resources == ("https://a.example", "https://b.example")
    assert (accepted.hash, accepted.kid, accepted.jti, accepted.expires_at) == (
        "hash",
        "kid",
        "one",
        NOW + 300,
    )


def test_one_for_one_request_has_to_say_so() -> None:
    """A065: where objects are taken once, ``jti`` and ``exp`` are needed."""
    assert isinstance(outcome("oidc", {"jti": "one"}, used_once=True), RequestObject)
    for changes in ({}, {"jti": "one", "exp": None}):
        assert isinstance(outcome("oidc", changes, used_once=True), Refusal)


@pytest.mark.parametrize("expires_at", [NOW + 3611, 2**53, 1e300])
def test_what_is_remembered_ends(expires_at: float) -> None:
    """A065: where objects are taken once, none makes the server remember it forever, nor until no clock can tell."""
    assert isinstance(outcome("oidc", {"exp": expires_at}), RequestObject)
    refusal = outcome("oidc", {"jti": "one", "exp": expires_at}, used_once=True)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "request_object_exp"
