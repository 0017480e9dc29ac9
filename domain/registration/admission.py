"""The limits of a client's own updates: the rules under which it was admitted, and what an administrator has set since
(A202).

This is a fold of the client's own events. It is read only when the client updates itself (RFC 7592) or its metadata
document changes. These limits apply to every later update, even when the settings have changed.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from domain.client.events import AdmittedBy, ClientRegistered, ClientUpdated
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.event import Event, folding
from domain.registration.bounds import RESTRICTIONS, allows_more
from domain.registration.invalid_metadata import invalid


class RegistrationRules(msgspec.Struct, frozen=True):
    """What clients that register themselves may have: any of ``scope`` and ``grant_types``, and their profile.
    ``by_token``: which of the two came from an initial access token instead of the settings."""

    scope: tuple[str, ...]
    grant_types: tuple[str, ...]
    profile: str = "oidc"
    by_token: tuple[str, ...] = ()

    @property
    def kept(self) -> AdmittedBy:
        """The rules as the registration event stores them."""
        return AdmittedBy(self.scope, self.grant_types, self.by_token)


class Admission(msgspec.Struct, frozen=True):
    """``rules`` None: only the current settings apply. ``administered``: the values that an administrator set, by
    field."""

    rules: AdmittedBy | None = None
    administered: Mapping[str, Any] = {}
    metadata: ClientMetadata = ClientMetadata()


NOBODYS: Final = Admission()


def apply(admission: Admission, event: Event) -> Admission:
    """The admission after one more event."""
    match event:
        case ClientRegistered():
            return _registered(event)
        case ClientUpdated():
            return _updated(admission, event)
        case _:
            return admission


#: The admission after some events.
fold: Final = folding(apply, NOBODYS)


def _registered(event: ClientRegistered) -> Admission:
    metadata = msgspec.convert(event.metadata, ClientMetadata)
    if event.source == "admin":
        set_then = {name: getattr(metadata, name) for name in RESTRICTIONS}
        return Admission(administered=set_then, metadata=metadata)
    rules = event.admitted_by
    if rules is None and event.initial_token_id is not None:
        # The client registered before its rules were stored. What its token allowed is unknown, so it may keep what it
        # has.
        rules = AdmittedBy(metadata.scope, metadata.grant_types, ("scope", "grant_types"))
    return Admission(rules, metadata=metadata)


def _updated(admission: Admission, event: ClientUpdated) -> Admission:
    """Changes by an administrator apply from now on. In old events, only a client's own update voids consents without
    changing its subjects."""
    metadata = msgspec.convert(event.metadata, ClientMetadata)
    updated = msgspec.structs.replace(admission, metadata=metadata)
    if event.by_itself or (event.consents_void and not event.subjects_changed):
        return updated
    changed = {
        name: getattr(metadata, name)
        for name in RESTRICTIONS
        if getattr(metadata, name) != getattr(admission.metadata, name)
    }
    return msgspec.structs.replace(updated, administered={**admission.administered, **changed})


def left_out(admission: Admission, client: ClientMetadata, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The values that an update by the client keeps although it omits them: all that an administrator set, as they are
    now (RFC 7592 §2.2: the server may ignore omitted fields). Grant types and response types are treated together."""
    kept = {name: getattr(client, name) for name in admission.administered if name not in fields}
    if "token_endpoint_auth_method" in kept:
        kept["either_secret_method"] = client.either_secret_method
    if "grant_types" in fields or "response_types" in fields:
        kept.pop("grant_types", None)
        kept.pop("response_types", None)
    return kept


def bounds(admission: Admission, today: RegistrationRules) -> RegistrationRules:
    """What the client may have: the values that an administrator set, else those of its admission. Values that came
    from the settings must still be in the settings."""
    return msgspec.structs.replace(
        today,
        scope=_bound("scope", admission, today.scope),
        grant_types=_bound("grant_types", admission, today.grant_types),
    )


def _bound(name: str, admission: Admission, today: tuple[str, ...]) -> tuple[str, ...]:
    if name in admission.administered:
        set_by_administrator: tuple[str, ...] = admission.administered[name]
        return set_by_administrator
    if admission.rules is None:
        return today
    admitted: tuple[str, ...] = getattr(admission.rules, name)
    if name in admission.rules.by_token:
        return admitted
    return tuple(value for value in admitted if value in today)


def own_change_refusal(
    metadata: ClientMetadata, today: RegistrationRules, admission: Admission = NOBODYS,
    before: ClientMetadata | None = None,
) -> Refusal | None:  # fmt: skip
    """Why a client cannot change itself like this, or None. What it had ``before`` it may keep."""
    return rules_refusal(metadata, bounds(admission, today), before) or _restricted(
        metadata, admission, before
    )


def rules_refusal(
    metadata: ClientMetadata, rules: RegistrationRules, before: ClientMetadata | None = None
) -> Refusal | None:
    """Why the rules do not allow a client this, or None. What it had ``before`` it may keep."""
    had = before or ClientMetadata(grant_types=())
    if not {*metadata.scope} <= {*rules.scope, *had.scope}:
        allowed = " ".join(rules.scope)
        return invalid("scope", "has more than a client may give itself.", hint=f"Choose from: {allowed}.")
    if not {*metadata.grant_types} <= {*rules.grant_types, *had.grant_types}:
        allowed = ", ".join(rules.grant_types)
        return invalid(
            "grant_types", "include one that a client may not give itself.", hint=f"Choose from: {allowed}."
        )
    return None


def _restricted(
    metadata: ClientMetadata, admission: Admission, before: ClientMetadata | None
) -> Refusal | None:
    """A client's own update cannot relax what an administrator set."""
    for name, value in admission.administered.items():
        wanted = getattr(metadata, name)
        is_new = before is None or allows_more(name, getattr(before, name), wanted)
        if is_new and allows_more(name, value, wanted):
            return invalid(
                name,
                "would allow more than the administrator has.",
                hint="Leave it out, or ask the administrator.",
            )
    return None
