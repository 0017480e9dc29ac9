"""The one parser of JSON from outside: request objects, assertions, JWKs, ``claims``, registrations.

Two readers that disagree about one text are an attack (RFC 8259 §4, RFC 8725 §2.4), so whatever readers
disagree about is refused: duplicate members, NaN and Infinity, integers that a double cannot hold, U+0000,
lone surrogates, a byte order mark, text that is not UTF-8. Depth and size are limited before parsing.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

MAX_INTEGER = 2**53
"""The largest magnitude every JSON reader holds exactly (RFC 8259 §6, RFC 7493 §2.2)."""

_MAX_INTEGER_CHARACTERS = len(str(-MAX_INTEGER))
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)
_NOT_A_CHARACTER = re.compile("[\x00\ud800-\udfff]")


class JsonRefused(ValueError):
    """The text is not acceptable JSON. The message says why, and never contains the text."""


def loads(data: bytes, *, max_depth: int = 32, max_bytes: int = 16384) -> object:
    """Parse ``data``. Raises JsonRefused.

    ``max_depth`` counts nested arrays and objects; ``max_bytes`` is the size of ``data``.
    """
    if len(data) > max_bytes:
        raise JsonRefused(f"larger than {max_bytes} bytes")
    text = _as_text(data)
    _refuse_depth(text, max_depth)
    try:
        value: object = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise JsonRefused(f"not JSON at character {error.pos}") from None
    # Strings are UTF-8 without control characters by now: only an escape can still spell what is none.
    if "\\u" in text:
        _refuse_what_is_no_character(value)
    return value


def _as_text(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise JsonRefused("not UTF-8") from None
    if text.startswith("\ufeff"):
        raise JsonRefused("begins with a byte order mark")
    return text


def _refuse_depth(text: str, max_depth: int) -> None:
    """Count the brackets outside strings, before the recursive parser reads them."""
    if text.count("{") + text.count("[") <= max_depth:  # nearly every text: it cannot be deeper
        return
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        first = token[0][0]
        if first in "[{":
            depth += 1
            if depth > max_depth:
                raise JsonRefused(f"deeper than {max_depth} levels")
        elif first != '"':
            depth -= 1


def _refuse_what_is_no_character(value: object) -> None:
    for string in _strings(value):
        if _NOT_A_CHARACTER.search(string):
            raise JsonRefused("U+0000 or a lone surrogate in a string")


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from _strings(member)


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) != len(members):
        raise JsonRefused("a member name is given twice")
    return value


def _integer(digits: str) -> int:
    # The length first: int() takes quadratic time on long text (CVE-2020-10735).
    if len(digits) > _MAX_INTEGER_CHARACTERS or abs(int(digits)) > MAX_INTEGER:
        raise JsonRefused("an integer beyond 2^53")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise JsonRefused("a number beyond a double")
    return number


def _constant(_name: str) -> NoReturn:
    raise JsonRefused("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant
)
