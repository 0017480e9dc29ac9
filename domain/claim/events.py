"""What can happen to the definitions of claims. The values are people's data and never in an event."""

from domain.event import Event, registry


class ClaimDefined(Event, frozen=True, tag="claim.defined.v1"):
    """An administrator defined a claim about people, for the first time or again after it was retired. ``value_type``
    is its JSON type, each of ``scopes`` releases it, and ``label`` is what people read of it on the consent page."""

    name: str
    value_type: str
    scopes: tuple[str, ...]
    defined_at: int
    label: str = ""


class ClaimRetired(Event, frozen=True, tag="claim.retired.v1"):
    """The claim is told to nobody any more. Its values stay with the people until they are replaced or erased."""

    name: str
    retired_at: int


CLAIM_EVENTS = registry(ClaimDefined, ClaimRetired)
