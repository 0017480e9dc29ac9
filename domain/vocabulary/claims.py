"""Claims about a person: the known claims, the scope values that stand for them, and requests for single claims (OIDC
Core §5.1, §5.4, §5.5).

This module decides which claims may be returned. The values are stored elsewhere.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from domain.errors import Refusal, invalid_request
from domain.vocabulary import scope as scopes

#: The standard claims and the JSON type of each (OIDC Core §5.1), except ``sub``, which is the account's id.
STANDARD_CLAIMS: Final[dict[str, type]] = {
    "name": str,
    "family_name": str,
    "given_name": str,
    "middle_name": str,
    "nickname": str,
    "preferred_username": str,
    "profile": str,
    "picture": str,
    "website": str,
    "gender": str,
    "birthdate": str,
    "zoneinfo": str,
    "locale": str,
    "updated_at": int,
    "email": str,
    "email_verified": bool,
    "address": dict,
    "phone_number": str,
    "phone_number_verified": bool,
}

#: Lists of names that a person belongs to. Each list is released by the scope of the same name only.
MEMBERSHIPS: Final = ("groups", "roles")

#: Every claim about a person and its JSON type.
PERSON_CLAIMS: Final[dict[str, type]] = {**STANDARD_CLAIMS, **dict.fromkeys(MEMBERSHIPS, list)}

#: The members of ``address`` (OIDC Core §5.1.1), all strings.
ADDRESS_MEMBERS: Final = ("formatted", "street_address", "locality", "region", "postal_code", "country")

#: The claims that each scope value stands for (OIDC Core §5.4, and the memberships).
SCOPE_CLAIMS: Final[dict[str, tuple[str, ...]]] = {
    "profile": tuple(STANDARD_CLAIMS)[:14],
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
    **{name: (name,) for name in MEMBERSHIPS},
}

#: Scope values about a person (OIDC Core §5.4, §11).
PERSONAL_SCOPES: Final = frozenset({"openid", "offline_access", *SCOPE_CLAIMS})

#: Where claims can be requested (OIDC Core §5.5).
PLACES: Final = ("id_token", "userinfo")

MAX_CLAIMS: Final = 64
MAX_VALUE: Final = 255
#: The most groups or roles of one person. A token with all of them still fits into a header of 32 KiB, since real names
#: are far shorter than the longest one.
MAX_MEMBERSHIPS: Final = 128
MAX_MEMBERSHIP: Final = 128
#: The longest name that people can give themselves.
MAX_OWN_NAME: Final = 200


class ClaimsRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A parsed ``claims`` parameter (OIDC Core §5.5): the names of the requested claims, and the requested values that
    have an effect.

    ``subject`` is the requested value of ``sub``. It identifies a person, so it must not be in an event.
    """

    id_token: tuple[str, ...] = ()
    userinfo: tuple[str, ...] = ()
    acr_values: tuple[str, ...] = ()
    acr_essential: bool = False
    auth_time_requested: bool = False
    subject: str | None = None


def read(document: Mapping[str, Any]) -> ClaimsRequest | Refusal:
    """Read the parsed ``claims`` object. Unknown members are ignored (OIDC Core §5.5.1)."""
    places = {place: {} if document.get(place) is None else document[place] for place in PLACES}
    for place, requests in places.items():
        if not isinstance(requests, dict) or len(requests) > MAX_CLAIMS:
            return _malformed(f"The member {place} is not an object of at most {MAX_CLAIMS} claims.")
        if not all(request is None or isinstance(request, dict) for request in requests.values()):
            return _malformed(f"A claim in {place} is neither null nor an object.")
    id_token, userinfo = places["id_token"], places["userinfo"]
    acr_values = _acr_values(id_token.get("acr"))
    if isinstance(acr_values, Refusal):
        return acr_values
    subject = _subject(id_token, userinfo)
    if isinstance(subject, Refusal):
        return subject
    return ClaimsRequest(
        id_token=_known(id_token),
        userinfo=_known(userinfo),
        acr_values=acr_values,
        acr_essential=bool(acr_values) and _is_essential(id_token.get("acr")),
        auth_time_requested="auth_time" in id_token,
        subject=subject,
    )


def _known(requests: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in requests if name in PERSON_CLAIMS)


def _is_essential(request: dict[str, Any] | None) -> bool:
    return request is not None and request.get("essential") is True


def _acr_values(request: dict[str, Any] | None) -> tuple[str, ...] | Refusal:
    """The requested authentication contexts, the preferred one first (OIDC Core §5.5.1.1)."""
    values = _values(request)
    if not all(isinstance(value, str) and 0 < len(value) <= MAX_VALUE for value in values):
        return _malformed("A value of acr is not a short string.")
    return tuple(values)


def _subject(*places: Mapping[str, Any]) -> str | Refusal | None:
    """The one person that the request asks for (OIDC Core §5.5.1)."""
    wanted = {repr(value): value for place in places for value in _values(place.get("sub"))}
    if not wanted:
        return None
    value = next(iter(wanted.values()))
    if len(wanted) > 1 or not isinstance(value, str) or not 0 < len(value) <= MAX_VALUE:
        return _malformed("The value of sub is not one short string.")
    return value


def _values(request: dict[str, Any] | None) -> list[Any]:
    if request is None:
        return []
    if "value" in request:
        return [request["value"]]
    values = request.get("values", [])
    return values if isinstance(values, list) else [values]


def _malformed(description: str) -> Refusal:
    return invalid_request(
        description, hint="Send an object with the members userinfo and id_token.", section="OIDC Core §5.5"
    )


def by_scope(scope: Iterable[str]) -> tuple[str, ...]:
    """The claims that the values of ``scope`` stand for."""
    return tuple(name for value in scope for name in SCOPE_CLAIMS.get(value, ()))


def scope_for(names: Iterable[str]) -> tuple[str, ...]:
    """The scope values that stand for the claims ``names``. A request for a claim counts as a request for its scope, so
    it cannot bypass the client's allowed scope or the person's consent."""
    wanted = set(names)
    return tuple(value for value, covered in SCOPE_CLAIMS.items() if wanted.intersection(covered))


def permitted(names: Iterable[str], allowed_scope: Iterable[str]) -> tuple[str, ...]:
    """The claims in ``names`` that a client with ``allowed_scope`` may request."""
    covered = set(by_scope(allowed_scope))
    return tuple(name for name in names if name in covered)


def select_claims(person: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The part of a person's claims that a response may contain: those in ``names`` that the person has.

    Only claims about a person are returned, so a stored ``sub`` or ``iss`` cannot replace the real one.
    """
    wanted = set(names)
    return {name: person[name] for name in PERSON_CLAIMS if name in wanted and person.get(name) is not None}


def check_person(person: Mapping[str, Any]) -> Refusal | None:
    """Why these claims cannot be stored, or None. Names must be known and values must have the right JSON type."""
    for name, value in person.items():
        expected = PERSON_CLAIMS.get(name)
        if expected is None:
            return _unknown_claim(name)
        if type(value) is not expected:
            return _wrong_person(f"The claim {name} has the wrong type.", f"Use {_JSON_NAMES[expected]}.")
    address = person.get("address", {})
    if not all(member in ADDRESS_MEMBERS and isinstance(value, str) for member, value in address.items()):
        return _wrong_person("The claim address is malformed.", "Use strings named as in OIDC Core 5.1.1.")
    refusals = (check_membership(name, person[name]) for name in MEMBERSHIPS if name in person)
    return next((refusal for refusal in refusals if refusal is not None), None)


def check_membership(name: str, values: Collection[Any]) -> Refusal | None:
    """Why a person cannot have these ``groups`` or ``roles``, or None. The number of values is checked first."""
    if len(values) > MAX_MEMBERSHIPS:
        return _wrong_person(f"The claim {name} has too many values.", f"Use at most {MAX_MEMBERSHIPS}.")
    if not all(isinstance(value, str) and 0 < len(value) <= MAX_MEMBERSHIP for value in values):
        return _wrong_person(
            f"The claim {name} has a value that is not a short string.",
            f"Use strings of 1 to {MAX_MEMBERSHIP} characters.",
        )
    if not all(value.isprintable() for value in values):
        return _wrong_person(
            f"The claim {name} has a value with unprintable characters.", "Use printable characters."
        )
    if len(set(values)) < len(values):
        return _wrong_person(f"The claim {name} repeats a value.", "Give each value once.")
    return None


def check_own_name(name: str) -> Refusal | None:
    """Why people cannot give themselves this ``name``, or None. Nobody reviews the name before others see it."""
    if len(name) <= MAX_OWN_NAME and name.isprintable():
        return None
    return OWN_NAME_UNUSABLE


def _unknown_claim(name: str) -> Refusal:
    """Quote the name only when it can be displayed: an administrator wrote it, but it was not checked yet."""
    named = f"The claim {scopes.shown((name,))}" if scopes.is_value(name) else "One of the claims"
    return _wrong_person(f"{named} is not known.", "Use those of OIDC Core 5.1, groups and roles.")


def _wrong_person(description: str, hint: str) -> Refusal:
    return Refusal("invalid_request", description, hint=hint, section="OIDC Core §5.1")


OWN_NAME_UNUSABLE: Final = _wrong_person(
    "The name cannot be used.", f"Use up to {MAX_OWN_NAME} printable characters."
)
_JSON_NAMES: Final = {
    str: "a string",
    int: "a number",
    bool: "true or false",
    dict: "an object",
    list: "an array",
}
