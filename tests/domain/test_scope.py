"""The scope parameter (A028): its grammar and its limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refusal
from domain.vocabulary.scope import parse

VALUE = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"\\'), min_size=1, max_size=8
)


def test_values_keep_their_order_and_come_once() -> None:
    """The suite's scope-order modules: any order is fine, a repeated value counts once."""
    assert parse("phone openid phone email") == ("phone", "openid", "email")


@pytest.mark.parametrize(
    "scope",
    ["", " ", "openid ", " openid", "a  b", 'a"b', "a\\b", "a\tb", "a\nb", "a\x00b", "é", "\x7f"],
)
def test_outside_the_grammar_is_invalid_scope(scope: str) -> None:
    """A quote, a backslash, control and non-ASCII characters, empty values (A028, RFC 6749 §3.3)."""
    refusal = parse(scope)
    assert isinstance(refusal, Refusal)
    assert refusal.error == "invalid_scope"


@pytest.mark.parametrize("count", [64, 65])
def test_at_most_64_values(count: int) -> None:
    """The 65th value is too many (A028)."""
    assert isinstance(parse(" ".join(f"v{i}" for i in range(count))), Refusal) is (count > 64)


@pytest.mark.parametrize("length", [1024, 1025])
def test_at_most_1_kib(length: int) -> None:
    """One character beyond 1 KiB is too long (A028)."""
    assert isinstance(parse("a" * length), Refusal) is (length > 1024)


@given(st.lists(VALUE, min_size=1, max_size=20, unique=True))
def test_what_fits_the_grammar_is_read_back(values: list[str]) -> None:
    """Every list of scope-tokens survives the parameter."""
    assert parse(" ".join(values)) == tuple(values)
