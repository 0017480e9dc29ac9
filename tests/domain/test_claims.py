"""The ``claims`` parameter and what a response may contain (OIDC Core §5; A026, A029)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.claim import values
from domain.claim.catalogue import BUILT_IN
from domain.errors import Refusal
from domain.vocabulary import claims
from domain.vocabulary.claims import ClaimsRequest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["sub", "acr", "auth_time", "name", "email", "__proto__", "essential", "value", "values"]
)


def test_the_example_of_the_specification() -> None:
    """OIDC Core §5.5: names for both places, what is not known ignored."""
    document = {
        "userinfo": {
            "given_name": {"essential": True},
            "nickname": None,
            "email": {"essential": True},
            "http://example.info/claims/groups": None,
        },
        "id_token": {
            "auth_time": {"essential": True},
            "acr": {"values": ["urn:mace:incommon:iap:silver"]},
        },
    }
    assert claims.read(document) == ClaimsRequest(
        userinfo=("given_name", "nickname", "email"),
        acr_values=("urn:mace:incommon:iap:silver",),
        auth_time_requested=True,
    )


@pytest.mark.parametrize(
    ("request_for_acr", "values", "essential"),
    [
        (None, (), False),
        ({"essential": True}, (), False),
        ({"value": "urn:a"}, ("urn:a",), False),
        ({"essential": True, "value": "urn:a"}, ("urn:a",), True),
        ({"essential": True, "values": ["urn:a", "urn:b"]}, ("urn:a", "urn:b"), True),
        ({"essential": "yes", "values": ["urn:a"]}, ("urn:a",), False),
    ],
)
def test_acr(request_for_acr: dict[str, Any] | None, values: tuple[str, ...], essential: bool) -> None:
    """An essential acr binds only when it names values (A026, OIDC Core §5.5.1.1)."""
    asked = claims.read({"id_token": {"acr": request_for_acr}})
    assert isinstance(asked, ClaimsRequest)
    assert (asked.acr_values, asked.acr_essential) == (values, essential)


def test_the_wanted_subject_is_one() -> None:
    """``sub`` may be asked for by value, in either place, and only one of them."""
    one = claims.read({"id_token": {"sub": {"value": "a"}}, "userinfo": {"sub": {"value": "a"}}})
    assert isinstance(one, ClaimsRequest)
    assert one.subject == "a"
    two = claims.read({"id_token": {"sub": {"value": "a"}}, "userinfo": {"sub": {"value": "b"}}})
    assert isinstance(two, Refusal)


@pytest.mark.parametrize(
    "document",
    [
        {"id_token": []},
        {"userinfo": "name"},
        {"userinfo": {"name": True}},
        {"id_token": {"acr": {"values": [1]}}},
        {"id_token": {"acr": {"value": ""}}},
        {"id_token": {"sub": {"value": 7}}},
        {"id_token": {"sub": {"values": ["a", "b"]}}},
        {"userinfo": {f"c{i}": None for i in range(65)}},
    ],
)
def test_malformed_is_invalid_request(document: dict[str, Any]) -> None:
    """Wrong types and too many claims are refused without an echo (A029)."""
    refusal = claims.read(document)
    assert isinstance(refusal, Refusal)
    assert refusal.error == "invalid_request"


@given(
    st.dictionaries(st.sampled_from(["id_token", "userinfo", "other"]), st.dictionaries(NAMES, JSON) | JSON)
)
def test_any_json_object_is_read_or_refused(document: dict[str, Any]) -> None:
    """No shape of JSON raises, and only known claims get through (A029: ``__proto__``)."""
    asked = claims.read(document)
    if isinstance(asked, ClaimsRequest):
        assert {*asked.id_token, *asked.userinfo} <= set(claims.STANDARD_CLAIMS)
        assert all(isinstance(value, str) for value in asked.acr_values)


def test_scope_stands_for_claims() -> None:
    """The table of OIDC Core §5.4, all nineteen standard claims in four scope values."""
    assert BUILT_IN.by_scope(("openid", "email", "unknown")) == ("email", "email_verified")
    assert BUILT_IN.by_scope(("profile",))[-1] == "updated_at"
    assert set(BUILT_IN.by_scope(("profile", "email", "address", "phone"))) == set(claims.STANDARD_CLAIMS)


@given(
    st.sets(st.sampled_from([*claims.STANDARD_CLAIMS, "sub"])),
    st.sets(st.sampled_from([*claims.SCOPE_CLAIMS])),
)
def test_asking_by_name_is_asking_for_the_scope(names: set[str], allowed: set[str]) -> None:
    """What a client may ask for by name never needs a scope that the client may not have."""
    permitted = BUILT_IN.permitted(names, allowed)
    assert set(BUILT_IN.scope_for(permitted)) <= allowed
    assert set(permitted) <= set(BUILT_IN.by_scope(allowed))


PERSON = {
    "name": "Ada",
    "email": "ada@example.com",
    "email_verified": False,
    "gender": None,
    "sub": "x",
    "iss": "y",
}


def test_a_response_holds_what_was_asked_for_and_is_there() -> None:
    """False is a value, null is none; what was not asked for stays."""
    assert BUILT_IN.select(PERSON, ("email_verified", "gender", "name", "phone_number")) == {
        "name": "Ada",
        "email_verified": False,
    }


def test_stored_protocol_claims_never_leave() -> None:
    """A stored ``sub`` or ``iss`` cannot take the place of the real one."""
    assert BUILT_IN.select(PERSON, ("sub", "iss")) == {}


FULL = {
    name: {str: "text", int: 1, bool: True, dict: {"locality": "Bern"}}[kind]
    for name, kind in claims.STANDARD_CLAIMS.items()
}


def test_a_person_with_every_standard_claim_is_accepted() -> None:
    """All nineteen, each with its own JSON type (OIDC Core §5.1)."""
    assert BUILT_IN.check_person(FULL) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("unknown", "x"),
        ("sub", "x"),
        ("email_verified", "true"),
        ("email_verified", 1),
        ("updated_at", "2020"),
        ("updated_at", True),
        ("name", None),
        ("address", "street"),
        ("address", {"planet": "Earth"}),
        ("address", {"locality": 7}),
    ],
)
def test_a_claim_of_the_wrong_type_is_refused(name: str, value: object) -> None:
    """A string ``true`` is not a boolean (OIDC Core §5.1: the type is part of the claim)."""
    assert isinstance(BUILT_IN.check_person({**FULL, name: value}), Refusal)


@pytest.mark.parametrize("name", claims.MEMBERSHIPS)
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["a"] * (values.MAX_MEMBERSHIPS + 1), "too many"),
        (["x" * (values.MAX_MEMBERSHIP + 1)], "not a short string"),
        ([""], "not a short string"),
        ([7], "not a short string"),
        (["a\nb"], "unprintable"),
        (["a", "a"], "repeats"),
    ],
)
def test_memberships_are_bounded(name: str, given: list[Any], said: str) -> None:
    """Groups and roles have a number and a length, and the refusal names which of them is wrong."""
    refusal = BUILT_IN.check_person({name: given})
    assert isinstance(refusal, Refusal)
    assert name in refusal.error_description
    assert said in refusal.error_description


def test_membership_is_an_array() -> None:
    """One group as text is refused: every client would read it differently."""
    assert BUILT_IN.check_person({"groups": "admins"}) is not None
    assert BUILT_IN.check_person({"groups": ["admins"], "roles": []}) is None


@pytest.mark.parametrize("name", ["iss", "sub", "cnf", "at_hash", "department"])
def test_refused_claim_is_named(name: str) -> None:
    """A claim of the protocol, or one that nobody knows, cannot be stored, and the refusal says which."""
    refusal = BUILT_IN.check_person({name: "x"})
    assert isinstance(refusal, Refusal)
    assert name in refusal.error_description


def test_memberships_have_scopes_of_their_own() -> None:
    """The scope profile stands for no group; asking for groups by name asks for their scope."""
    assert BUILT_IN.by_scope(("openid", "profile", "groups"))[-1:] == ("groups",)
    assert "groups" not in BUILT_IN.by_scope(("profile", "roles"))
    assert BUILT_IN.scope_for(("roles",)) == ("roles",)
