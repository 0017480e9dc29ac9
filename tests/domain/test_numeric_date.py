"""RFC 7519 §2: what is a time in a token, by the one reader of all tokens."""

import math

import pytest

from domain.vocabulary.numeric_date import is_between, is_numeric_date


@pytest.mark.parametrize("value", [0, 1, 1_700_000_000, 1_700_000_000.5, 2**53, 1e300])
def test_a_number_of_seconds_is_a_time(value: object) -> None:
    """Fractions too: a NumericDate may have them."""
    assert is_numeric_date(value)


@pytest.mark.parametrize("value", [None, "1", True, -1, -0.5, math.inf, math.nan, [1]])
def test_everything_else_is_none(value: object) -> None:
    """Nor what counts as a number only in Python."""
    assert not is_numeric_date(value)
    assert not is_between(value, -(10**400), 10**400)


def test_bounds_are_included() -> None:
    """The earliest and the latest second belong to the window."""
    assert [is_between(value, 5, 7) for value in (4, 5, 7, 8)] == [False, True, True, False]
