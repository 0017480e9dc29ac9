"""Which claims about a person are told in which place, and how: the one answer for ID tokens, userinfo, access tokens
and introspection.

A claim is told when the person's agreement releases it *and*, where a resource server reads it, when a mapping chose
the place and the audience (A261, A260, A262). Whoever tells claims asks ``released``, reads the values of its
``names``, and gives them to ``told``.
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import product
from typing import Any

import msgspec

from domain.claim.catalogue import Catalogue
from domain.client.claim_mapping import TO_RESOURCES, ClaimMapping, mapped
from domain.client.resource import is_ours
from domain.resource.resource import NO_RESOURCES, Resources
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
    mappings = tuple(mappings)
    names = agreed_names(catalogue, agreed)
    if place in TO_RESOURCES:
        chosen = {mapping.claim for mapping in mappings if place in mapping.places}
        names = tuple(name for name in names if name in chosen)
    return as_decided(names, place, mappings)


def as_decided(names: tuple[str, ...], place: str, mappings: Iterable[ClaimMapping]) -> Released:
    """The claims that were decided for this place, told by the mappings that are for it."""
    return Released(names, tuple(mapping for mapping in mappings if place in mapping.places))


def agreed_names(catalogue: Catalogue, agreed: Agreed) -> tuple[str, ...]:
    """The claims that the agreement releases: a defined one while it is in use, and when the agreement named it."""
    names = dict.fromkeys((*catalogue.by_scope(agreed.scope), *agreed.by_name))
    return tuple(
        name
        for name in names
        if name in PERSON_CLAIMS or (name in catalogue.defined and name in agreed.defined)
    )


def for_audience(
    mappings: Iterable[ClaimMapping],
    audience: Collection[str],
    issuer: str,
    resources: Resources = NO_RESOURCES,
) -> tuple[ClaimMapping, ...]:
    """The mappings for a token that all of ``audience`` can read: each of them must be chosen. We ourselves, who are in
    it for userinfo, know the claims anyway, and count when nobody else is in it."""
    readers = {uri for uri in audience if not is_ours(uri, issuer)} or set(audience)
    chosen = _as_resources_choose(mappings, readers, resources)
    return tuple(mapping for mapping in chosen if readers and readers <= set(mapping.audiences))


def for_reader(
    mappings: Iterable[ClaimMapping], named: Collection[str], resources: Resources = NO_RESOURCES
) -> tuple[ClaimMapping, ...]:
    """The mappings for one resource server that asks about a token. ``named`` are the members of the token's audience
    that it is (``client.names_as_resource``): by one of them it was chosen."""
    chosen = _as_resources_choose(mappings, named, resources)
    return tuple(mapping for mapping in chosen if not set(named).isdisjoint(mapping.audiences))


def _as_resources_choose(
    mappings: Iterable[ClaimMapping], readers: Collection[str], resources: Resources
) -> tuple[ClaimMapping, ...]:
    """The client's mappings, and the claims that registered resource servers among the readers choose (A254). One that
    names claims is told these and no others; under which name, a mapping of the client for it says."""
    chosen = {
        uri: resources[uri].settings.claims
        for uri in readers
        if uri in resources and resources[uri].settings.claims
    }
    if not chosen:
        return tuple(mappings)
    told = _of_client(mappings, readers, chosen)
    for uri, claims in chosen.items():
        for claim, place in product(claims, TO_RESOURCES):
            before = told.get((claim, place)) or ClaimMapping(claim, places=(place,))
            given_away = any(one.claim != claim and one.clashes_with(before) for one in told.values())
            if not given_away:
                told[claim, place] = msgspec.structs.replace(before, audiences=(*before.audiences, uri))
    return tuple(told.values())


def _of_client(
    mappings: Iterable[ClaimMapping], readers: Collection[str], chosen: Mapping[str, Collection[str]]
) -> dict[tuple[str, str], ClaimMapping]:
    """What the client's mappings leave for these readers, by claim and place."""
    told = {}
    for mapping in mappings:
        audiences = tuple(
            uri
            for uri in mapping.audiences
            if uri in readers and (uri not in chosen or mapping.claim in chosen[uri])
        )
        for place in mapping.places if audiences else ():
            told[mapping.claim, place] = msgspec.structs.replace(
                mapping, places=(place,), audiences=audiences
            )
    return told
