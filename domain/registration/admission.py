"""What a client may make of itself: the rules it was let in by, and what an administrator set since (A202).

This is a fold of the client's own events, read when the client changes itself (RFC 7592) or its document does; nothing
else asks for it. What is kept here judges each later update, whatever the settings say by then.
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
    """What clients that register themselves may have: any of ``scope`` and ``grant_types``; and the profile they are
    held to. ``by_token``: which of the two an initial access token said, and not the settings."""

    scope: tuple[str, ...]
    grant_types: tuple[str, ...]
    profile: str = "oidc"
    by_token: tuple[str, ...] = ()

    @property
    def kept(self) -> AdmittedBy:
        """The rules as the registration keeps them."""
        return AdmittedBy(self.scope, self.grant_types, self.by_token)


class Admission(msgspec.Struct, frozen=True):
    """``rules`` None: the settings of today alone. ``administered``: what an administrator set, by field."""

    rules: AdmittedBy | None = None
    administered: Mapping[str, Any] = {}
    metadata: ClientMetadata = ClientMetadata()


NOBODYS: Final = Admission()


def apply(admission: Admission, event: Event) -> Admission:
    """What holds after one more event."""
    match event:
        case ClientRegistered():
            return _registered(event)
        case ClientUpdated():
            return _updated(admission, event)
        case _:
            return admission


#: What holds after some events.
fold: Final = folding(apply, NOBODYS)


def _registered(event: ClientRegistered) -> Admission:
    metadata = msgspec.convert(event.metadata, ClientMetadata)
    if event.source == "admin":
        set_then = {name: getattr(metadata, name) for name in RESTRICTIONS}
        return Admission(administered=set_then, metadata=metadata)
    rules = event.admitted_by
    if rules is None and event.initial_token_id is not None:
        # Registered before the rules were kept: nobody knows what the token said, so it has what it has.
        rules = AdmittedBy(metadata.scope, metadata.grant_types, ("scope", "grant_types"))
    return Admission(rules, metadata=metadata)


def _updated(admission: Admission, event: ClientUpdated) -> Admission:
    """An administrator's changes hold from now on; consents were only ever void by the client's own."""
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
    """What an update by the client keeps of what it leaves out: all that an administrator set, as it is now (RFC 7592
    §2.2: the server may take no notice of what is left out). Grant types and response types go together."""
    kept = {name: getattr(client, name) for name in admission.administered if name not in fields}
    if "grant_types" in fields or "response_types" in fields:
        kept.pop("grant_types", None)
        kept.pop("response_types", None)
    return kept


def bounds(admission: Admission, today: RegistrationRules) -> RegistrationRules:
    """What the client may have: what an administrator set, else what it was let in by and, where the settings said
    that, they still say."""
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
    """Why a client may not have made itself this, or None. What it had ``before`` it keeps."""
    return rules_refusal(metadata, bounds(admission, today), before) or _restricted(
        metadata, admission, before
    )


def rules_refusal(
    metadata: ClientMetadata, rules: RegistrationRules, before: ClientMetadata | None = None
) -> Refusal | None:
    """Why the rules do not give a client this, or None. What it had ``before`` it keeps."""
    had = before or ClientMetadata(grant_types=())
    if not {*metadata.scope} <= {*rules.scope, *had.scope}:
        allowed = " ".join(rules.scope)
        return invalid("scope", "holds more than a client may give itself.", hint=f"Use of these: {allowed}.")
    if not {*metadata.grant_types} <= {*rules.grant_types, *had.grant_types}:
        allowed = ", ".join(rules.grant_types)
        return invalid(
            "grant_types", "hold one that a client may not give itself.", hint=f"Use of these: {allowed}."
        )
    return None


def _restricted(
    metadata: ClientMetadata, admission: Admission, before: ClientMetadata | None
) -> Refusal | None:
    """What an administrator set, no update of the client's own loosens."""
    for name, value in admission.administered.items():
        wanted = getattr(metadata, name)
        is_new = before is None or allows_more(name, getattr(before, name), wanted)
        if is_new and allows_more(name, value, wanted):
            return invalid(
                name,
                "would allow more than the administrator did.",
                hint="Leave it out, or ask the administrator.",
            )
    return None
