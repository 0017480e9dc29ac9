"""Which claims about a person are told in which place, and how: the one answer for ID tokens, userinfo, access tokens
and introspection.

A claim is told when the person's agreement releases it *and*, where a resource server reads it, when a mapping chose
the place and the audience (A261, A260, A262). Whoever tells claims asks ``released``, reads the values of its
``names``, and gives them to ``told``.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from domain.claim.catalogue import Catalogue
from domain.client.claim_mapping import TO_RESOURCES, ClaimMapping, mapped
from domain.client.resource import is_ours
from domain.vocabulary.claims import PERSON_CLAIMS


class Agreed(msgspec.Struct, frozen=True):
    """What a client may know of a person by one grant. ``scope``: of the token in question; ``by_name``: claims that
    were asked for one by one (OIDC Core §5.5); ``defined``: the defined claims that the agreement named. A claim that
    is added to a scope later is not among them, so an agreement never grows."""

    scope: tuple[str, ...]
    by_name: tuple[str, ...] = ()
    defined: tuple[str, ...] = ()


class Released(msgspec.Struct, frozen=True):
    """What one place may hold: the names of the claims, and how they are told there."""

    names: tuple[str, ...]
    mappings: tuple[ClaimMapping, ...] = ()

    def told(self, person: Mapping[str, Any]) -> dict[str, Any]:
        """The claims of ``person``, of which those that are not released are left out."""
        return mapped({name: person[name] for name in self.names if name in person}, self.mappings)


def released(catalogue: Catalogue, agreed: Agreed, place: str, mappings: Iterable[ClaimMapping]) -> Released:
    """The claims of a person under this agreement, for this place. For an access token and for introspection
    ``mappings`` are those of ``for_audience`` or ``for_reader``: what they do not name stays out."""
    here = tuple(mapping for mapping in mappings if place in mapping.places)
    names = agreed_names(catalogue, agreed)
    if place in TO_RESOURCES:
        chosen = {mapping.claim for mapping in here}
        names = tuple(name for name in names if name in chosen)
    return Released(names, here)


def agreed_names(catalogue: Catalogue, agreed: Agreed) -> tuple[str, ...]:
    """The claims that the agreement releases: a defined one while it is in use, and when the agreement named it."""
    names = dict.fromkeys((*catalogue.by_scope(agreed.scope), *agreed.by_name))
    return tuple(
        name
        for name in names
        if name in PERSON_CLAIMS or (name in catalogue.defined and name in agreed.defined)
    )


def for_audience(
    mappings: Iterable[ClaimMapping], audience: Collection[str], issuer: str
) -> tuple[ClaimMapping, ...]:
    """The mappings for a token that all of ``audience`` can read: each of them must be chosen. We ourselves, who are in
    it for userinfo, know the claims anyway, and count when nobody else is in it."""
    readers = {uri for uri in audience if not is_ours(uri, issuer)} or set(audience)
    return tuple(mapping for mapping in mappings if readers and readers <= set(mapping.audiences))


def for_reader(mappings: Iterable[ClaimMapping], named: Collection[str]) -> tuple[ClaimMapping, ...]:
    """The mappings for one resource server that asks about a token. ``named`` are the members of the token's audience
    that it is (``client.names_as_resource``): by one of them it was chosen."""
    return tuple(mapping for mapping in mappings if not set(named).isdisjoint(mapping.audiences))
