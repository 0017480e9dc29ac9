"""Claims about a person: the known claims, the scope values that stand for them, and requests for single claims (OIDC
Core §5.1, §5.4, §5.5). Claims that an administrator defined are in ``domain/claim/``.
"""

from collections.abc import Container, Mapping
from typing import Any, Final

import msgspec

from domain.errors import Refusal, invalid_request

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


def read(document: Mapping[str, Any], known: Container[str] = PERSON_CLAIMS) -> ClaimsRequest | Refusal:
    """Read the parsed ``claims`` object. Members that are not ``known`` are ignored (OIDC Core §5.5.1)."""
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
        id_token=tuple(name for name in id_token if name in known),
        userinfo=tuple(name for name in userinfo if name in known),
        acr_values=acr_values,
        acr_essential=bool(acr_values) and _is_essential(id_token.get("acr")),
        auth_time_requested="auth_time" in id_token,
        subject=subject,
    )


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
