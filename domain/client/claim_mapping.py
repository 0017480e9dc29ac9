"""How a client is told claims about a person: under which name and in which form, where it needs others than ours.

Mapping comes last. It renames what was released already and never releases anything.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from domain.vocabulary import scope as scopes
from domain.vocabulary.claims import PERSON_CLAIMS

MAX_NAME: Final = 255
MAX_TEXT: Final = 64

#: What tokens and answers say themselves (RFC 7519 §4.1, OIDC Core §2, RFC 7800, RFC 8693, RFC 9068): no claim about a
#: person is ever told under one of these names.
PROTOCOL_CLAIMS: Final = frozenset(
    {
        "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "nonce", "acr", "amr", "azp", "auth_time", "at_hash",
        "c_hash", "s_hash", "sid", "cnf", "client_id", "scope", "act", "may_act", "events", "grant_id", "active",
        "token_type", "username", "authorization_details", "_claim_names", "_claim_sources",
    }
)  # fmt: skip


class ClaimMapping(msgspec.Struct, frozen=True, omit_defaults=True):
    """One claim as a client wants it. ``name``: instead of its own; ``separator``: a list becomes one string;
    ``prefix``: before each value."""

    claim: str
    name: str = ""
    separator: str | None = None
    prefix: str = ""

    @property
    def told_as(self) -> str:
        """The name that the client sees."""
        return self.name or self.claim


def problem(mappings: Iterable[ClaimMapping]) -> tuple[str, str] | None:
    """What is wrong with the mappings and how to mend it, or None."""
    seen: set[str] = set()
    for mapping in mappings:
        found = _problem_of(mapping)
        if found is None and {mapping.claim, f"told as {mapping.told_as}"} & seen:
            found = ("maps a claim twice, or two to one name.", "Map each claim once.")
        if found is not None:
            return found
        seen |= {mapping.claim, f"told as {mapping.told_as}"}
    return None


def _problem_of(mapping: ClaimMapping) -> tuple[str, str] | None:
    if mapping.claim not in PERSON_CLAIMS:
        return ("maps a claim that is not known.", "Use those of OIDC Core 5.1, groups and roles.")
    name = mapping.told_as
    if len(name) > MAX_NAME or not scopes.is_value(name):
        return ("has a malformed name.", f"Use up to {MAX_NAME} characters of printable ASCII without space.")
    if name in PROTOCOL_CLAIMS:
        return (f"has the name {name}, which is a claim of the protocol.", "Use another name.")
    if name in PERSON_CLAIMS and name != mapping.claim:
        return (f"has the name {name}, which is another claim's.", "Use another name.")
    kind = PERSON_CLAIMS[mapping.claim]
    if mapping.separator is not None and kind is not list:
        return ("has a separator for a claim that is no array.", "Leave it out.")
    if mapping.separator == "" or (mapping.prefix and kind not in (list, str)):
        return ("has a separator or a prefix that means nothing.", "Leave it out.")
    texts = (mapping.separator or "", mapping.prefix)
    if not all(len(text) <= MAX_TEXT and text.isprintable() for text in texts):
        return ("has a malformed separator or prefix.", f"Use up to {MAX_TEXT} printable characters.")
    return None


def mapped(claims: Mapping[str, Any], mappings: Iterable[ClaimMapping]) -> dict[str, Any]:
    """The released claims as the client is told them."""
    by_claim = {mapping.claim: mapping for mapping in mappings}
    told = {}
    for claim, value in claims.items():
        mapping = by_claim.get(claim)
        told[mapping.told_as if mapping else claim] = _form(value, mapping) if mapping else value
    return told


def _form(value: Any, mapping: ClaimMapping) -> Any:
    if isinstance(value, str):
        return mapping.prefix + value
    if not isinstance(value, list):
        return value
    if mapping.separator is None:
        return [mapping.prefix + one for one in value]
    # A value with the separator in it would be read as two, and one of them may be somebody else's group.
    whole = (mapping.prefix + one for one in value if mapping.separator not in mapping.prefix + one)
    return mapping.separator.join(whole)
