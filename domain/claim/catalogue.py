"""Which claims there are now and which scope releases them: those of OpenID Connect, groups and roles, and the defined
ones that are in use (OIDC Core §5.1, §5.4, §5.5). One value, asked by every path that releases anything."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from domain.claim.definitions import NOTHING_DEFINED, Definitions
from domain.claim.values import JSON_TYPES, check_person, has_type
from domain.errors import Refusal
from domain.vocabulary.claims import PERSON_CLAIMS, SCOPE_CLAIMS


class Catalogue(msgspec.Struct, frozen=True):
    """``scopes``: by scope value, the claims that it stands for. ``defined``: the type of each defined claim in use;
    ``retired`` likewise. ``labels``: what people read of a defined claim."""

    scopes: Mapping[str, tuple[str, ...]]
    defined: Mapping[str, str] = {}
    retired: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Every claim about a person that clients can be told."""
        return (*PERSON_CLAIMS, *self.defined)

    def json_type_of(self, name: str) -> str | None:
        """``string``, ``array``, or another JSON type, of a claim that there is or once was; None: there never was."""
        if name in PERSON_CLAIMS:
            return JSON_TYPES[PERSON_CLAIMS[name]]
        return self.defined.get(name) or self.retired.get(name)

    def by_scope(self, scope: Iterable[str]) -> tuple[str, ...]:
        """The claims that the values of ``scope`` stand for."""
        return tuple(name for value in scope for name in self.scopes.get(value, ()))

    def scope_for(
        self, names: Iterable[str], have: Collection[str] = (), allowed: Collection[str] = ()
    ) -> tuple[str, ...]:
        """The scope values that stand for the claims ``names``: asking for a claim by name is asking for its scope, so
        that neither the client's allow-list nor the person's consent can be walked around. Of several one is enough:
        one that is asked for anyway (``have``), else one that the client may have."""
        chosen = set()
        for name in names:
            covering = [value for value, covered in self.scopes.items() if name in covered]
            best = [value for value in covering if value in have] or [
                value for value in covering if value in allowed
            ]
            chosen.update((best or covering)[:1])
        return tuple(value for value in self.scopes if value in chosen)

    def permitted(self, names: Iterable[str], allowed_scope: Iterable[str]) -> tuple[str, ...]:
        """Those of ``names`` that a client with ``allowed_scope`` may ask for by name."""
        covered = set(self.by_scope(allowed_scope))
        return tuple(name for name in names if name in covered)

    def select(self, person: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
        """The part of a person's claims that a response may contain: those of ``names`` that the person has.

        Only claims about a person ever leave: a stored ``sub`` or ``iss`` cannot take the place of the real one.
        """
        wanted = set(names)
        return {
            name: person[name]
            for name in self.names
            if name in wanted and person.get(name) is not None and self._fits(name, person[name])
        }

    def _fits(self, name: str, value: Any) -> bool:
        return name in PERSON_CLAIMS or has_type(value, self.defined[name])

    def check_person(self, person: Mapping[str, Any]) -> Refusal | None:
        """Why these claims cannot be stored, or None."""
        return check_person(person, self.defined)


def catalogue_of(definitions: Definitions) -> Catalogue:
    """What is released by the definitions as they are now."""
    in_use = [one for one in definitions.by_name.values() if one.in_use]
    by_scope = dict(SCOPE_CLAIMS)
    for one in in_use:
        for value in one.scopes:
            by_scope[value] = (*by_scope.get(value, ()), one.name)
    return Catalogue(
        by_scope,
        {one.name: one.type for one in in_use},
        {one.name: one.type for one in definitions.by_name.values() if not one.in_use},
        {one.name: one.label or one.name for one in in_use},
    )


#: What there is without any definition.
BUILT_IN: Final = catalogue_of(NOTHING_DEFINED)
