"""Client metadata as JSON, with the names of RFC 7591 §2 and OIDC DCR §2, converted to ``ClientMetadata`` and back.

Unknown members are ignored (RFC 7591 §2), and null means an omitted member (RFC 7592 §2.2). Authrim's own fields are
refused: only an administrator can set them (A202).
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
        "client_attesters", "default_audience", "either_secret_method", "localized", "logo_digest",
        "may_introspect", "plain_http_redirect_uris", "profile",
        "protected_resources",
        "refresh_grace_count", "refresh_grace_seconds", "refresh_token_lifetime", "skip_consent",
    }
)  # fmt: skip

#: Fields of the specifications and their types.
STANDARD: Final[dict[str, Any]] = {
    name: hint for name, hint in typing.get_type_hints(ClientMetadata).items() if name not in OWN
}
#: Fields that are returned even when they are empty, because the empty value has a meaning.
_ALWAYS_TOLD: Final = frozenset({"grant_types", "response_types"})

_CODE: Final = "authorization_code"
_IMPLICIT: Final = "implicit"


def read(document: Mapping[str, Any]) -> dict[str, Any] | Refusal:
    """The fields of a registration, by their names in ``ClientMetadata``."""
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
            return invalid(name, "can only be set by an administrator.", hint="Leave it out.")
        elif name in STANDARD:
            typed = _scope(value) if name == "scope" else _typed(name, value)
            if isinstance(typed, Refusal):
                return typed
            fields[name] = typed
    if localized:
        fields["localized"] = localized
    return fields | _corresponding(fields) | _native(fields)


def _native(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A client with an address on the person's own machine, or of an app's own scheme, is a native application, even if
    it does not say so, and whatever else it has: RFC 7591 has no application_type, and OIDC DCR §2 does not allow a web
    client such an address."""
    addresses = fields.get("redirect_uris", ())
    is_native = any(redirect_uri.is_of_native_app(uri) for uri in addresses)
    return {"application_type": "native"} if is_native and "application_type" not in fields else {}


def _scope(value: object) -> tuple[str, ...] | Refusal:
    """Split the space-separated values (RFC 7591 §2)."""
    if not isinstance(value, str):
        return _wrong_type("scope")
    return tuple(dict.fromkeys(part for part in value.split(" ") if part))


def _typed(name: str, value: object) -> Any | Refusal:
    try:
        return msgspec.convert(value, STANDARD[name], strict=True)
    except msgspec.ValidationError:
        return _wrong_type(name)


def _wrong_type(name: str) -> Refusal:
    return invalid(name, "has the wrong JSON type.", hint="See section 2 of RFC 7591 and of OIDC DCR.")


def _corresponding(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Derive omitted grant types or response types from the others (RFC 7591 §2.1)."""
    if "response_types" in fields and "grant_types" not in fields:
        needed = {name for one in fields["response_types"] for name in response_types.grant_types_of(one)}
        return {"grant_types": tuple(sorted(needed))}
    if "grant_types" in fields and "response_types" not in fields and _CODE not in fields["grant_types"]:
        return {"response_types": ("id_token",) if _IMPLICIT in fields["grant_types"] else ()}
    return {}


def whole(fields: Mapping[str, Any], own: ClientMetadata, defaults: Mapping[str, Any]) -> ClientMetadata:
    """The whole client for ``fields``. Omitted fields get their defaults, and the administrator's fields are those of
    ``own``."""
    kept = {name: getattr(own, name) for name in OWN - {"localized"}}
    kept["either_secret_method"] = _either_secret_method(fields, own, defaults)
    return ClientMetadata(**{**defaults, **kept, **fields})


def _either_secret_method(
    fields: Mapping[str, Any], own: ClientMetadata, defaults: Mapping[str, Any]
) -> bool:
    """Whether the client may send its secret in both ways: it names no method. RFC 7591 §2 has a default for that,
    which the answer shows; an update that sends it back as it was shown (RFC 7592 §2.2) chooses nothing by that."""
    named = fields.get("token_endpoint_auth_method")
    if named is None:
        return bool(defaults.get("either_secret_method", True))
    return own.either_secret_method and named == own.token_endpoint_auth_method


def told(client: Client) -> dict[str, Any]:
    """All registered metadata that the client may see (RFC 7591 §3.2.1)."""
    metadata = client.metadata
    members: dict[str, Any] = {}
    for name in STANDARD:
        value = getattr(metadata, name)
        if name in _ALWAYS_TOLD or value not in (None, "", ()):
            members[name] = value
    members["scope"] = " ".join(metadata.scope)
    return {"client_id": client.client_id, **members, **metadata.localized}
