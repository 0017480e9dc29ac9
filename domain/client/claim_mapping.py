"""How a client is told claims about a person: where, under which name and in which form, where it needs others than
ours.

Mapping comes last. It renames what was released already and never releases anything.
"""

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any, Final

import msgspec

from domain.claim.catalogue import BUILT_IN, Catalogue
from domain.claim.names import PROTOCOL_CLAIMS
from domain.claim.values import ARRAY, STRING
from domain.vocabulary import scope as scopes

MAX_NAME: Final = 255
MAX_TEXT: Final = 64
MAX_AUDIENCES: Final = 16

#: Where claims can be told. Those that a resource server reads get none without a mapping that says so.
ID_TOKEN: Final = "id_token"  # noqa: S105 - the name of a place
USERINFO: Final = "userinfo"
ACCESS_TOKEN: Final = "access_token"  # noqa: S105 - likewise
INTROSPECTION: Final = "introspection"
TO_CLIENT: Final = (ID_TOKEN, USERINFO)
TO_RESOURCES: Final = (ACCESS_TOKEN, INTROSPECTION)
PLACES: Final = (*TO_CLIENT, *TO_RESOURCES)


class ClaimMapping(msgspec.Struct, frozen=True, omit_defaults=True):
    """One claim as a client wants it. ``name``: instead of its own; ``separator``: a list becomes one string;
    ``prefix``: before each value; ``places``: where it is told so. ``audiences``: the resources whose access tokens and
    introspection may hold it, and no others."""

    claim: str
    name: str = ""
    separator: str | None = None
    prefix: str = ""
    places: tuple[str, ...] = TO_CLIENT
    audiences: tuple[str, ...] = ()

    @property
    def told_as(self) -> str:
        """The name that the client gets."""
        return self.name or self.claim

    def clashes_with(self, other: "ClaimMapping") -> bool:
        """Whether one of them would take the other's place somewhere."""
        alike = self.claim == other.claim or self.told_as == other.told_as
        return alike and not set(self.places).isdisjoint(other.places)


def problem(mappings: Iterable[ClaimMapping], catalogue: Catalogue = BUILT_IN) -> tuple[str, str] | None:
    """What is wrong with the mappings and how to fix it, or None."""
    mappings = tuple(mappings)
    for mapping in mappings:
        found = _problem_of(mapping, catalogue) or _problem_of_places(mapping)
        if found is not None:
            return found
    if any(one.clashes_with(other) for one, other in combinations(mappings, 2)):
        return ("maps a claim twice, or two to one name.", "Map each claim once for each place.")
    return None


def _problem_of(mapping: ClaimMapping, catalogue: Catalogue) -> tuple[str, str] | None:
    kind = catalogue.json_type_of(mapping.claim)
    if kind is None:
        return (
            "maps a claim that is not known.",
            "Use those of OIDC Core 5.1, groups and roles, or define it: authrim claim define.",
        )
    name = mapping.told_as
    if len(name) > MAX_NAME or not scopes.is_value(name):
        return ("has a malformed name.", f"Use up to {MAX_NAME} characters of printable ASCII without space.")
    if name in PROTOCOL_CLAIMS:
        return (f"has the name {name}, which is a claim of the protocol.", "Use another name.")
    if catalogue.json_type_of(name) is not None and name != mapping.claim:
        return (f"has the name {name} of another claim.", "Use another name.")
    if mapping.separator is not None and kind != ARRAY:
        return ("has a separator for a claim that is not an array.", "Leave it out.")
    if mapping.separator == "" or (mapping.prefix and kind not in (ARRAY, STRING)):
        return ("has a separator or a prefix without effect.", "Leave it out.")
    texts = (mapping.separator or "", mapping.prefix)
    if not all(len(text) <= MAX_TEXT and text.isprintable() for text in texts):
        return ("has a malformed separator or prefix.", f"Use up to {MAX_TEXT} printable characters.")
    return None


def _problem_of_places(mapping: ClaimMapping) -> tuple[str, str] | None:
    """Where the claim goes, and to whom (A261). Which audiences there are is looked at with the rest of the client."""
    places = set(mapping.places)
    if not places or not places <= set(PLACES) or len(places) < len(mapping.places):
        return ("is for a place that is not known, or for none.", f"Use of these: {', '.join(PLACES)}.")
    if len(mapping.audiences) > MAX_AUDIENCES:
        return ("has too many audiences.", f"Use at most {MAX_AUDIENCES}.")
    if places.isdisjoint(TO_RESOURCES) and mapping.audiences:
        return ("has an audience for what only the client reads.", "Leave it out.")
    if not places.isdisjoint(TO_RESOURCES) and not mapping.audiences:
        return (
            "puts a claim where resource servers read it, and names none of them.",
            "Add audience=URI for each resource that may have it.",
        )
    return None


def mapped(claims: Mapping[str, Any], mappings: Iterable[ClaimMapping]) -> dict[str, Any]:
    """The released claims as the client is told them. A name that a mapping gives away is no other claim's: one that
    was defined later is not told under it."""
    by_claim = {mapping.claim: mapping for mapping in mappings}
    given_away = {mapping.told_as for mapping in by_claim.values()}
    told = {}
    for claim, value in claims.items():
        mapping = by_claim.get(claim)
        if mapping is not None:
            told[mapping.told_as] = _form(value, mapping)
        elif claim not in given_away:
            told[claim] = value
    return told


def _form(value: Any, mapping: ClaimMapping) -> Any:
    if isinstance(value, str):
        return mapping.prefix + value
    if not isinstance(value, list):
        return value
    if mapping.separator is None:
        return [mapping.prefix + one for one in value]
    # A value that contains the separator would be read as two, and one of them may be another group.
    whole = (mapping.prefix + one for one in value if mapping.separator not in mapping.prefix + one)
    return mapping.separator.join(whole)
