"""Which of two values of a client's field allows more. This is asked when a client changes what somebody else set
(A202).

The client is free to set the fields that are not listed here: its names and pages, its addresses and keys (which have
their own rule, ``client_metadata.addresses_or_keys_are_new``), and the logout of its sessions.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from domain.client.metadata import ClientMetadata
from domain.vocabulary import response_type as response_types

#: How hard it is to impersonate the client, by its ``token_endpoint_auth_method``: nothing is needed, a secret that is
#: sent, a secret that is not sent (OIDC Core §9), a key. Methods that are not listed use a key.
_STRENGTH: Final = {"none": 0, "client_secret_basic": 1, "client_secret_post": 1, "client_secret_jwt": 2}
_WITH_A_KEY: Final = 3


def _holds_more(kept: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return not set(wanted) <= set(kept)


def _more_response_types(kept: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return not set(map(response_types.spelled, wanted)) <= set(map(response_types.spelled, kept))


def _more_response_modes(kept: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """An empty list allows any."""
    return bool(kept) and (not wanted or _holds_more(kept, wanted))


def _weaker(kept: str, wanted: str) -> bool:
    return _STRENGTH.get(wanted, _WITH_A_KEY) < _STRENGTH.get(kept, _WITH_A_KEY)


def _longer(kept: int | None, wanted: int | None) -> bool:
    return kept is not None and (wanted is None or wanted > kept)


def _no_more(kept: bool, wanted: bool) -> bool:
    return kept and not wanted


def _not_pairwise(kept: str, wanted: str) -> bool:
    return kept == "pairwise" and wanted != kept


def _native(kept: str, wanted: str) -> bool:
    """A native client may have loopback redirect URIs and custom schemes, which every device has (RFC 8252 §7)."""
    return kept != "native" and wanted == "native"


#: Whether the second value of a field allows something that the first does not.
_ALLOWS_MORE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "scope": _holds_more,
    "grant_types": _holds_more,
    "response_types": _more_response_types,
    "response_modes": _more_response_modes,
    "token_endpoint_auth_method": _weaker,
    "application_type": _native,
    "subject_type": _not_pairwise,
    "default_max_age": _longer,
    "require_auth_time": _no_more,
    "require_signed_request_object": _no_more,
    "require_pushed_authorization_requests": _no_more,
    "dpop_bound_access_tokens": _no_more,
    "tls_client_certificate_bound_access_tokens": _no_more,
}

#: Fields where no value allows more than another, but omitting them does.
_CHOICES: Final = (
    "token_endpoint_auth_signing_alg", "request_object_signing_alg", "id_token_signed_response_alg",
    "id_token_encrypted_response_alg", "id_token_encrypted_response_enc", "userinfo_signed_response_alg",
    "userinfo_encrypted_response_alg", "userinfo_encrypted_response_enc", "authorization_signed_response_alg",
    "authorization_encrypted_response_alg", "authorization_encrypted_response_enc",
    "request_object_encryption_alg", "request_object_encryption_enc", "sector_identifier_uri",
    "default_acr_values", "either_secret_method",
)  # fmt: skip

#: Fields that an administrator restricts: when an update by the client omits them, they are not reset to their
#: defaults.
RESTRICTIONS: Final = (*_ALLOWS_MORE, *_CHOICES)


def allows_more(name: str, kept: Any, wanted: Any) -> bool:
    """Whether ``wanted`` in the field ``name`` allows a client something that ``kept`` does not."""
    compare = _ALLOWS_MORE.get(name)
    return compare is not None and compare(kept, wanted)


def gains(before: ClientMetadata, after: ClientMetadata) -> bool:
    """Whether the change allows the client anything new: more scope or grants, weaker authentication, less
    protection."""
    return any(allows_more(name, getattr(before, name), getattr(after, name)) for name in _ALLOWS_MORE)
