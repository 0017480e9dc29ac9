"""Numbers, times and kinds as a report writes them."""

from datetime import UTC, datetime
from typing import Final

from domain.report.model import Figure, Positions, Value
from domain.units import DAY, HOUR, MICROSECONDS, MINUTE

#: Each severity as a word, with a sign beside it, so that its colour is not needed.
SEVERITIES: Final = {"critical": ("■", "Critical"), "warning": ("▲", "Warning"), "note": ("●", "Note")}

_LENGTHS: Final = ((DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes"))

#: Letters of a word that a column on paper has room for, whatever is beside it.
_LONGEST_WORD: Final = 24


def number(value: Value) -> str:
    """A value for people: thousands apart, at most two decimals."""
    match value:
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.2f}".rstrip("0").rstrip(".")
        case _:
            return value


def lasting(seconds: float) -> str:
    """A time of two minutes or more in the largest unit that it has two of; empty for a shorter one."""
    for length, name in _LENGTHS:
        if seconds >= 2 * length:
            said = number(round(seconds / length, 1))
            return f"{'' if seconds % length == 0 else 'about '}{said} {name}"
    return ""


def unbroken(value: Value) -> bool:
    """Whether a text has a word that is too long for a column of a page, such as an id."""
    return isinstance(value, str) and any(len(word) > _LONGEST_WORD for word in value.split())


def with_unit(figure: Figure) -> str:
    """A figure's value with its unit."""
    if isinstance(figure.value, str) or not figure.unit:
        return number(figure.value)
    unit = figure.unit
    if figure.value == 1 and unit.endswith("s"):
        unit = _ONE.get(unit, unit)
    text = f"{number(figure.value)}{'' if unit == '%' else ' '}{unit}"
    return f"{text} ({long})" if unit == "seconds" and (long := lasting(figure.value)) else text


def places(positions: Positions) -> str:
    """Where in the log something comes from."""
    match positions.count:
        case 0:
            return "no event"
        case 1:
            return f"1 event, at position {positions.first}"
        case _:
            return f"{number(positions.count)} events, from position {positions.first} to {positions.last}"


def moment(micros: int) -> str:
    """A time (µs UTC)."""
    return f"{datetime.fromtimestamp(micros // MICROSECONDS, UTC):%Y-%m-%d %H:%M:%S} UTC"


#: One of what is counted in these.
_ONE: Final = {
    "accounts": "account", "actions": "action", "answers": "answer", "attempts": "attempt", "breaches": "breach",
    "changes": "change", "checkpoints": "checkpoint", "checks": "check",
    "clients": "client", "codes": "code", "consents": "consent", "days": "day",
    "events": "event", "files": "file",
    "grants": "grant", "holds": "hold", "incidents": "incident", "keys": "key", "notices": "notice",
    "passwords": "password",
    "people": "person", "periods": "period", "questions": "question", "receivers": "receiver",
    "refusals": "refusal", "requests": "request", "reviews": "review", "roles": "role", "rows": "row",
    "schedules": "schedule",
    "seconds": "second", "secrets": "secret", "sessions": "session", "sign-ins": "sign-in", "signals": "signal",
    "things": "thing", "times": "time",
    "tokens": "token", "webhooks": "webhook",
}  # fmt: skip
