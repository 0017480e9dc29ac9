"""Times in tokens: a NumericDate is a number of seconds since 1970 UTC (RFC 7519 §2). The one reader of them."""

from math import inf
from typing import TypeGuard


def is_numeric_date(value: object) -> TypeGuard[int | float]:
    """Whether it is a time at all: a number that is not negative, and no boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < inf


def is_between(value: object, earliest: float, latest: float) -> bool:
    """Whether it is a time within these bounds, both included."""
    return is_numeric_date(value) and earliest <= value <= latest
