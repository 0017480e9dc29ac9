"""Times, ages and values as the tables of a report have them."""

from datetime import UTC, datetime
from typing import Any, Final

from domain.units import DAY, MICROSECONDS

#: How the names of fields end that hold a time, in seconds since 1970.
_TIMES: Final = ("_at", "_until", "active_from")
#: Times after this are no dates that a calendar has.
_LAST_DATE: Final = 253_402_300_799


def seconds_text(seconds: int) -> str:
    """A time in seconds since 1970, as a date with the time of day (UTC)."""
    if not 0 <= seconds <= _LAST_DATE:
        return str(seconds)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def whole_days(seconds: int) -> int:
    """A span as whole days; nothing is younger than 0 days."""
    return max(seconds, 0) // DAY


def share_of_tokens(part: int, whole: int) -> float | str:
    """A part of some tokens in per cent, to one decimal. Only the whole is 100, and only nothing is 0. A part of no
    tokens is no share: 0 % would read as if all of them had failed."""
    if not whole:
        return "no tokens"
    tenths = 1000 * part // whole
    return (tenths or bool(part)) / 10


def end_of(ends_at: int) -> int:
    """The end of a period (µs) in seconds."""
    return ends_at // MICROSECONDS


def amount(count: int, one: str, many: str) -> str:
    """A number with its noun: ``1 account``, ``2 accounts``."""
    return f"{count} {one if count == 1 else many}"


def value_text(name: str, value: Any, most: int) -> str:
    """The value of a field on one line, at most so many characters of it."""
    if value is None:
        return "nothing"
    if isinstance(value, int) and not isinstance(value, bool) and name.endswith(_TIMES):
        return seconds_text(value) if value else "never"
    text = _plain(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _plain(value: Any) -> str:
    """On one line, without characters that mislead a reader (A226)."""
    match value:
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return " ".join(_plain(one) for one in value) or "nothing"
        case dict():
            return " ".join(f"{name}={_plain(one)}" for name, one in value.items()) or "nothing"
        case _:
            return clean(str(value)) or "nothing"


def clean(text: str) -> str:
    """A text of the log without characters that control a terminal or mislead a reader (A226)."""
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)
