"""Which values a claim about a person can have: its JSON type, and how much of it there may be."""

import math
from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from domain.errors import Refusal
from domain.vocabulary import scope as scopes
from domain.vocabulary.claims import MEMBERSHIPS, STANDARD_CLAIMS

STRING: Final = "string"
NUMBER: Final = "number"
BOOLEAN: Final = "boolean"
ARRAY: Final = "array"
OBJECT: Final = "object"
#: The types that a claim can be defined with. An array holds strings.
TYPES: Final = (STRING, NUMBER, BOOLEAN, ARRAY, OBJECT)

#: The same for the types of the claims that are always there.
JSON_TYPES: Final[Mapping[type, str]] = {str: STRING, int: NUMBER, bool: BOOLEAN, list: ARRAY, dict: OBJECT}

#: The members of ``address`` (OIDC Core §5.1.1), all strings.
ADDRESS_MEMBERS: Final = ("formatted", "street_address", "locality", "region", "postal_code", "country")

#: Of groups or roles of one person, and of any array: a token that holds them all still fits into a header of 32 KiB,
#: and real ones are far shorter.
MAX_MEMBERSHIPS: Final = 128
MAX_MEMBERSHIP: Final = 128
#: Characters of a string, and bytes of an object as JSON.
MAX_STRING: Final = 1024
MAX_OBJECT: Final = 4096
MAX_DEPTH: Final = 5
#: Bytes, as JSON, of all values of defined claims that one person has.
MAX_DEFINED_BYTES: Final = 8192
#: Of a name that somebody gives to themselves.
MAX_OWN_NAME: Final = 200
#: The integers that every reader of JSON keeps exactly (RFC 7493 §2.2).
_EXACT: Final = 2**53 - 1

_encode: Final = msgspec.json.Encoder().encode


def check_person(person: Mapping[str, Any], defined: Mapping[str, str]) -> Refusal | None:
    """Why these claims cannot be stored, or None: unknown names, values of the wrong type, or too much. ``defined``:
    the type of each defined claim, by its name. The refusal names the claim."""
    for name, value in person.items():
        refusal = _refusal(name, value, defined)
        if refusal is not None:
            return refusal
    if len(_encode({name: person[name] for name in person if name in defined})) > MAX_DEFINED_BYTES:
        return _wrong("The defined claims are too much together.", f"Use at most {MAX_DEFINED_BYTES} bytes.")
    return None


def _refusal(name: str, value: Any, defined: Mapping[str, str]) -> Refusal | None:
    if name in MEMBERSHIPS:
        return check_membership(name, value) if type(value) is list else _wrong_type(name, ARRAY)
    if name in STANDARD_CLAIMS:
        return _standard(name, value)
    if name not in defined:
        return _unknown_claim(name)
    if not has_type(value, defined[name]):
        return _wrong_type(name, defined[name])
    return _too_much(name, value)


def has_type(value: Any, type_: str) -> bool:
    """Whether the value is of that JSON type. True is no number, and what is no JSON at all is nothing."""
    match type_:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "number":
            return _is_number(value)
        case "array":
            return isinstance(value, list) and all(isinstance(one, str) for one in value)
        case _:
            return isinstance(value, dict) and _is_shallow(value)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return abs(value) <= _EXACT
    return isinstance(value, float) and math.isfinite(value)


def _is_shallow(value: Any, depth: int = 0) -> bool:
    """Whether objects and arrays stand no deeper in each other than can be read everywhere."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth < MAX_DEPTH and all(_is_shallow(one, depth + 1) for one in inner)


def _too_much(name: str, value: Any) -> Refusal | None:
    if isinstance(value, list):
        return check_membership(name, value)
    if isinstance(value, str):
        if not 0 < len(value) <= MAX_STRING:
            return _wrong(f"The claim {name} is not a short string.", f"Use 1 to {MAX_STRING} characters.")
        return None if value.isprintable() else _unseen(name)
    if isinstance(value, dict) and len(_encode(value)) > MAX_OBJECT:
        return _wrong(f"The claim {name} is too large.", f"Use at most {MAX_OBJECT} bytes.")
    return None


def _standard(name: str, value: Any) -> Refusal | None:
    expected: type = STANDARD_CLAIMS[name]
    if type(value) is not expected:
        return _wrong_type(name, JSON_TYPES[expected])
    if isinstance(value, dict) and not all(
        member in ADDRESS_MEMBERS and isinstance(text, str) for member, text in value.items()
    ):
        return _wrong("The claim address is malformed.", "Use strings named as in OIDC Core 5.1.1.")
    return None


def check_membership(name: str, values: Collection[Any]) -> Refusal | None:
    """Why a person cannot have these ``groups``, ``roles`` or values of an array, or None. Their number is looked at
    first."""
    if len(values) > MAX_MEMBERSHIPS:
        return _wrong(f"The claim {name} has too many values.", f"Use at most {MAX_MEMBERSHIPS}.")
    if not all(isinstance(value, str) and 0 < len(value) <= MAX_MEMBERSHIP for value in values):
        return _wrong(
            f"The claim {name} has a value that is not a short string.",
            f"Use strings of 1 to {MAX_MEMBERSHIP} characters.",
        )
    if not all(value.isprintable() for value in values):
        return _unseen(name)
    if len(set(values)) < len(values):
        return _wrong(f"The claim {name} repeats a value.", "Give each value once.")
    return None


def check_own_name(name: str) -> Refusal | None:
    """Why a person cannot give ``name`` as their own, or None: nobody has looked at it before others are shown it."""
    if len(name) <= MAX_OWN_NAME and name.isprintable():
        return None
    return OWN_NAME_UNUSABLE


def _unknown_claim(name: str) -> Refusal:
    """Named where the name can be shown: it is an administrator's own word, yet nobody has looked at it."""
    named = f"The claim {scopes.shown((name,))}" if scopes.is_value(name) else "One of the claims"
    return _wrong(
        f"{named} is not known.",
        "Use those of OIDC Core 5.1, groups and roles, or define it: authrim claim define.",
    )


def _unseen(name: str) -> Refusal:
    return _wrong(f"The claim {name} has a value with unprintable characters.", "Use printable characters.")


def _wrong_type(name: str, type_: str) -> Refusal:
    return _wrong(f"The claim {name} has the wrong type.", f"Use {_IN_WORDS[type_]}.")


def _wrong(description: str, hint: str) -> Refusal:
    return Refusal("invalid_request", description, hint=hint, section="OIDC Core §5.1")


OWN_NAME_UNUSABLE: Final = _wrong(
    "The name cannot be used.", f"Use up to {MAX_OWN_NAME} printable characters."
)
_IN_WORDS: Final = {
    STRING: "a string",
    NUMBER: "a number",
    BOOLEAN: "true or false",
    ARRAY: "an array of strings",
    OBJECT: f"an object, at most {MAX_DEPTH} deep",
}
