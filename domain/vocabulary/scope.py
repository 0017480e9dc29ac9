"""RFC 6749 §3.3: the syntax of a ``scope`` parameter."""

import re
from collections.abc import Collection
from itertools import islice
from typing import Final

from domain.errors import Refusal, invalid_scope

MAX_VALUES: Final = 64
MAX_LENGTH: Final = 1024
_SHOWN_VALUES: Final = 3
_SHOWN_LENGTH: Final = 40

#: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
_SCOPE_TOKEN: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def parse(scope: str) -> tuple[str, ...] | Refusal:
    """The values of a ``scope`` parameter in their order, without duplicates; at most 64 values and 1 KiB."""
    if len(scope) > MAX_LENGTH:
        return invalid_scope("The scope is too long.", hint=f"Send at most {MAX_LENGTH} characters.")
    values = scope.split(" ")
    if len(values) > MAX_VALUES:
        return invalid_scope("The scope has too many values.", hint=f"Send at most {MAX_VALUES}.")
    if not all(is_value(value) for value in values):
        return invalid_scope(
            "The scope is malformed.",
            hint="Separate values by one space; use printable ASCII without quote and backslash.",
        )
    return tuple(dict.fromkeys(values))


def parse_optional(scope: str | None) -> tuple[str, ...] | Refusal | None:
    """Parse an optional ``scope`` parameter; None when it is absent."""
    return None if scope is None else parse(scope)


def shown(values: Collection[str]) -> str:
    """Values for the text of a refusal: at most the first three, and at most 40 characters of each. They passed
    ``parse``, so each of their characters is allowed in an ``error_description`` (RFC 6749 §4.1.2.1)."""
    named = [value[:_SHOWN_LENGTH] for value in islice(values, _SHOWN_VALUES)]
    return " ".join(named) + (" and more" if len(values) > _SHOWN_VALUES else "")


def hint_for(values: Collection[str], otherwise: str) -> str:
    """What to do about values that are not allowed. Some libraries join a list with commas when nobody tells them."""
    if any("," in value for value in values):
        return "Separate the values with spaces, not with commas."
    return otherwise


def is_value(value: str) -> bool:
    """Whether the text is one ``scope-token``."""
    return _SCOPE_TOKEN.fullmatch(value) is not None
