"""Times in tokens: a NumericDate is a number of seconds since 1970 UTC (RFC 7519 §2). All checks of such times are
here."""

from math import inf
from typing import TypeGuard


def is_numeric_date(value: object) -> TypeGuard[int | float]:
    """Whether the value is a time: a number that is neither negative nor a boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < inf


def is_between(value: object, earliest: float, latest: float) -> bool:
    """Whether the value is a time between these bounds, which are included."""
    return is_numeric_date(value) and earliest <= value <= latest
