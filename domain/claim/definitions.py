"""The definitions of claims: one stream per tenant, so that their number and their names are decided in one place."""

from collections.abc import Iterable
from typing import Final

import msgspec

from domain.claim import names
from domain.claim.events import ClaimDefined, ClaimRetired
from domain.claim.values import TYPES
from domain.decision import Decision, refuse
from domain.errors import Refusal
from domain.event import Event, folding
from domain.vocabulary import scope as scopes

#: Claims that can be in use at once, and names that can ever have been: each process keeps them all in memory.
MAX_IN_USE: Final = 64
MAX_NAMES: Final = 256
MAX_SCOPES: Final = 8
MAX_SCOPE: Final = 128
MAX_LABEL: Final = 80

#: Says that there are refresh tokens, and nothing about the person (OIDC Core §11).
_NEVER_RELEASES: Final = frozenset({"offline_access"})


class Definition(msgspec.Struct, frozen=True, omit_defaults=True):
    """One claim as it was defined last. ``retired_at`` None: it is in use."""

    name: str
    type: str
    scopes: tuple[str, ...]
    label: str
    defined_at: int
    retired_at: int | None = None

    @property
    def in_use(self) -> bool:
        """Whether the claim may be told to clients."""
        return self.retired_at is None


class Definitions(msgspec.Struct, frozen=True):
    """All claims that were ever defined, by name, in the order of their first definition."""

    by_name: dict[str, Definition] = {}


NOTHING_DEFINED: Final = Definitions()


def apply(definitions: Definitions, event: Event) -> Definitions:
    """The definitions after one more event."""
    match event:
        case ClaimDefined():
            defined = Definition(event.name, event.value_type, event.scopes, event.label, event.defined_at)
            return Definitions({**definitions.by_name, event.name: defined})
        case ClaimRetired():
            retired = msgspec.structs.replace(definitions.by_name[event.name], retired_at=event.retired_at)
            return Definitions({**definitions.by_name, event.name: retired})
        case _:
            return definitions


#: The definitions after some events.
fold: Final = folding(apply, NOTHING_DEFINED)


def decide_define(definitions: Definitions, wanted: ClaimDefined) -> Decision[Definitions]:
    """Define a claim. One that was retired can be defined again with the type that it had: people still have values."""
    refusal = _name_refusal(definitions, wanted) or _form_refusal(wanted)
    if refusal is not None:
        return refuse(refusal)
    before = definitions.by_name.get(wanted.name)
    if before is not None and before.in_use:
        return refuse(_wrong(f"The claim {wanted.name} is defined already.", "Retire it first to change it."))
    if before is not None and before.type != wanted.value_type:
        return refuse(
            _wrong(
                f"The claim {wanted.name} was defined as {before.type}, and people may still have such values.",
                "Use the same type, or another name.",
            )
        )
    refusal = _number_refusal(definitions, is_new=before is None)
    if refusal is not None:
        return refuse(refusal)
    return Decision((wanted,), apply(definitions, wanted))


def decide_retire(definitions: Definitions, name: str, now: int) -> Decision[Definitions]:
    """Tell the claim to nobody any more; a second time it has no effect."""
    before = definitions.by_name.get(name)
    if before is None:
        return refuse(UNKNOWN)
    if not before.in_use:
        return Decision((), definitions)
    retired = ClaimRetired(name, now)
    return Decision((retired,), apply(definitions, retired))


def _name_refusal(definitions: Definitions, wanted: ClaimDefined) -> Refusal | None:
    problem = names.problem(wanted.name)
    if problem is not None:
        return _wrong(*problem)
    alike = _alike(wanted.name, definitions.by_name)
    if alike is not None:
        return _wrong(f"The claim {alike} differs from it by case alone.", "Use another name.")
    return None


def _alike(name: str, others: Iterable[str]) -> str | None:
    return next((other for other in others if other != name and other.lower() == name.lower()), None)


def _form_refusal(wanted: ClaimDefined) -> Refusal | None:
    if wanted.value_type not in TYPES:
        return _wrong("The type is not known.", f"Use one of these: {', '.join(TYPES)}.")
    if not 0 < len(wanted.scopes) <= MAX_SCOPES or len(set(wanted.scopes)) < len(wanted.scopes):
        return _wrong("A claim needs scopes that release it.", f"Name 1 to {MAX_SCOPES}, each once.")
    if not all(scopes.is_value(value) and len(value) <= MAX_SCOPE for value in wanted.scopes):
        return _wrong(
            "A scope is malformed.",
            f"Use up to {MAX_SCOPE} characters of printable ASCII without space, quote and backslash.",
        )
    if _NEVER_RELEASES & set(wanted.scopes):
        return _wrong("The scope offline_access releases no claim.", "Name another.")
    if len(wanted.label) > MAX_LABEL or not wanted.label.isprintable():
        return _wrong("The label cannot be used.", f"Use up to {MAX_LABEL} printable characters.")
    return None


def _number_refusal(definitions: Definitions, *, is_new: bool) -> Refusal | None:
    if sum(one.in_use for one in definitions.by_name.values()) >= MAX_IN_USE:
        return _wrong(f"There are {MAX_IN_USE} claims in use.", "Retire one first.")
    if is_new and len(definitions.by_name) >= MAX_NAMES:
        return _wrong(f"There were {MAX_NAMES} claims.", "Define a retired one again.")
    return None


def _wrong(description: str, hint: str) -> Refusal:
    return Refusal("invalid_request", description, hint=hint, section="OIDC Core §5.1.2")


UNKNOWN: Final = _wrong("There is no such claim definition.", "See authrim claim list.")
