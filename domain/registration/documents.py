"""Client metadata as it travels: JSON in the names of RFC 7591 §2 and OIDC DCR §2, to ``ClientMetadata`` and back.

A member that is not known is ignored (RFC 7591 §2), and null is a member that is left out (RFC 7592 §2.2). A field of
our own is refused: what only an administrator may say, no client says of itself (A202).
"""

import typing
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from domain.client import redirect_uri
from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.registration._policy_texts import LOCALIZABLE
from domain.registration.invalid_metadata import invalid
from domain.vocabulary import response_type as response_types

#: Fields that only an administrator sets (A202).
OWN: Final = frozenset(
    {
        "access_token_format", "access_token_lifetime", "access_token_signing_alg", "audiences", "claim_mapping",
        "client_attesters", "default_audience", "localized", "logo_digest", "may_introspect", "profile",
        "protected_resources",
        "refresh_grace_count", "refresh_grace_seconds", "refresh_token_lifetime", "skip_consent",
    }
)  # fmt: skip

#: Fields of the specifications, with the type of each.
STANDARD: Final[dict[str, Any]] = {
    name: hint for name, hint in typing.get_type_hints(ClientMetadata).items() if name not in OWN
}
#: Fields that are told of even when they are empty: their emptiness means something.
_ALWAYS_TOLD: Final = frozenset({"grant_types", "response_types"})

_CODE: Final = "authorization_code"
_IMPLICIT: Final = "implicit"


def read(document: Mapping[str, Any]) -> dict[str, Any] | Refusal:
    """The fields that a registration names, by their names in ``ClientMetadata``."""
    fields: dict[str, Any] = {}
    localized: dict[str, str] = {}
    for name, value in document.items():
        if value is None:
            continue
        base, has_language, _ = name.partition("#")
        if has_language:
            if base in LOCALIZABLE:
                if not isinstance(value, str):
                    return _wrong_type(base)
                localized[name] = value
        elif name in OWN:
            return invalid(
                name, "is not for clients to set.", hint="Leave it out; an administrator may set it."
            )
        elif name in STANDARD:
            typed = _scope(value) if name == "scope" else _typed(name, value)
            if isinstance(typed, Refusal):
                return typed
            fields[name] = typed
    if localized:
        fields["localized"] = localized
    return fields | _corresponding(fields) | _native(fields)


def _native(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Who answers on the person's own machine alone is a native application, whether it says so or not: RFC 7591 has
    no application_type, and OIDC DCR §2 lets a client of the web have no such address."""
    addresses = fields.get("redirect_uris", ())
    is_native = bool(addresses) and all(redirect_uri.is_loopback(uri) for uri in addresses)
    return {"application_type": "native"} if is_native and "application_type" not in fields else {}


def _scope(value: object) -> tuple[str, ...] | Refusal:
    """One text of values between spaces (RFC 7591 §2)."""
    if not isinstance(value, str):
        return _wrong_type("scope")
    return tuple(dict.fromkeys(part for part in value.split(" ") if part))


def _typed(name: str, value: object) -> Any | Refusal:
    try:
        return msgspec.convert(value, STANDARD[name], strict=True)
    except msgspec.ValidationError:
        return _wrong_type(name)


def _wrong_type(name: str) -> Refusal:
    return invalid(
        name, "has another JSON type than it should.", hint="See section 2 of RFC 7591 and of OIDC DCR."
    )


def _corresponding(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What is left out of grant types and response types follows from what is there (RFC 7591 §2.1)."""
    if "response_types" in fields and "grant_types" not in fields:
        needed = {name for one in fields["response_types"] for name in response_types.grant_types_of(one)}
        return {"grant_types": tuple(sorted(needed))}
    if "grant_types" in fields and "response_types" not in fields and _CODE not in fields["grant_types"]:
        return {"response_types": ("id_token",) if _IMPLICIT in fields["grant_types"] else ()}
    return {}


def whole(fields: Mapping[str, Any], own: ClientMetadata, defaults: Mapping[str, Any]) -> ClientMetadata:
    """The whole client that ``fields`` ask for: what they leave out is at its default, and what is an
    administrator's is as in ``own``."""
    kept = {name: getattr(own, name) for name in OWN - {"localized"}}
    return ClientMetadata(**{**defaults, **kept, **fields})


def told(client: Client) -> dict[str, Any]:
    """All that is registered, as the client may know it (RFC 7591 §3.2.1)."""
    metadata = client.metadata
    members: dict[str, Any] = {}
    for name in STANDARD:
        value = getattr(metadata, name)
        if name in _ALWAYS_TOLD or value not in (None, "", ()):
            members[name] = value
    members["scope"] = " ".join(metadata.scope)
    return {"client_id": client.client_id, **members, **metadata.localized}
