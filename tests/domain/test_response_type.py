"""Response types and response modes: what belongs together (OAuth MRT, OIDC DCR §2, JARM §2.3)."""

import pytest

from domain.vocabulary import response_mode as modes
from domain.vocabulary import response_type as types
from domain.vocabulary.response_type import RESPONSE_TYPES


def test_the_grant_types_of_each_response_type() -> None:
    """OIDC DCR §2: the table of response types and grant types."""
    assert {name: types.grant_types_of(name) for name in RESPONSE_TYPES} == {
        "code": ("authorization_code",),
        "id_token": ("implicit",),
        "id_token token": ("implicit",),
        "code id_token": ("authorization_code", "implicit"),
        "code token": ("authorization_code", "implicit"),
        "code id_token token": ("authorization_code", "implicit"),
        "none": (),
    }


@pytest.mark.parametrize("name", RESPONSE_TYPES)
def test_each_is_spelled_in_one_way(name: str) -> None:
    """A016: its words in any order are the same type, and no other text is."""
    assert types.spelled(" ".join(reversed(name.split(" ")))) == name
    for other in (f"{name} ", f" {name}", name.upper(), f"{name} {name}", f"{name}\t"):
        assert types.spelled(other) not in RESPONSE_TYPES


def test_token_alone_is_none_of_them() -> None:
    """RFC 9700 §2.1.2: nobody is ever given an access token alone by the browser."""
    assert "token" not in RESPONSE_TYPES


@pytest.mark.parametrize(
    ("mode", "response_type", "in_full", "encoding"),
    [
        ("jwt", "code", "query.jwt", "query"),
        ("jwt", "none", "query.jwt", "query"),
        ("jwt", "id_token", "fragment.jwt", "fragment"),
        ("jwt", "code token", "fragment.jwt", "fragment"),
        ("form_post.jwt", "code", "form_post.jwt", "form_post"),
        ("form_post", "code", "form_post", "form_post"),
        ("query", "code", "query", "query"),
    ],
)
def test_a_mode_in_full(mode: str, response_type: str, in_full: str, encoding: str) -> None:
    """JARM §2.3.4: ``jwt`` is the default of the response type, as a JWT."""
    assert modes.in_full(mode, response_type) == in_full
    assert modes.encoding_of(in_full) == encoding
    assert modes.is_jarm(in_full) is mode.endswith("jwt")
