"""Members of a registration that have no effect with the client's other members. They are dropped from the client and
so from the response, which shows what is registered (RFC 7591 §2, §3.2.1).

Libraries send them by default. A member that a client would rely on, but that cannot work, is refused by the policy
instead: encryption without a key, a response type without its grant type.
"""

# ruff: noqa: S105 - the names of methods, no passwords

from typing import Any, Final

import msgspec

from domain.client.client import SENT_SECRET_METHODS
from domain.client.metadata import CERTIFICATE_NAMES, ClientMetadata
from domain.client.profile import PROFILES, TLS_CLIENT_AUTH
from domain.registration._policy_keys import has_keys
from domain.vocabulary import response_type as response_types

#: Methods with which a client signs an assertion (OIDC Core §9).
_SIGNING_METHODS: Final = ("private_key_jwt", "client_secret_jwt")
_FROM_THE_BROWSER: Final = ("authorization_code", "implicit")


def without_idle_members(metadata: ClientMetadata) -> ClientMetadata:
    """The client without members that have no effect."""
    changes: dict[str, Any] = {"grant_types": _grant_types_in_use(metadata)}
    signs = metadata.token_endpoint_auth_method in _SIGNING_METHODS
    if (
        not signs and metadata.token_endpoint_auth_signing_alg != "none"
    ):  # which nobody may name (OIDC DCR §2)
        changes["token_endpoint_auth_signing_alg"] = None
    if metadata.token_endpoint_auth_method not in SENT_SECRET_METHODS:
        changes["either_secret_method"] = False
    if metadata.token_endpoint_auth_method != TLS_CLIENT_AUTH:
        changes |= dict.fromkeys(CERTIFICATE_NAMES)
    if _signs_no_requests(metadata):
        changes["request_object_signing_alg"] = None
    for channel in ("frontchannel", "backchannel"):
        if getattr(metadata, f"{channel}_logout_uri") is None:
            changes[f"{channel}_logout_session_required"] = False
    return msgspec.structs.replace(metadata, **changes)


def _grant_types_in_use(metadata: ClientMetadata) -> tuple[str, ...]:
    """Drop grant types that no registered response type uses, and refresh tokens when no code is redeemed (RFC 7591
    §2.1). If nothing would be left, all stay, and the policy refuses them."""
    begun = {name for one in metadata.response_types for name in response_types.grant_types_of(one)}
    in_use = tuple(name for name in metadata.grant_types if name in begun or name not in _FROM_THE_BROWSER)
    if "authorization_code" not in in_use:
        in_use = tuple(name for name in in_use if name != "refresh_token")
    return in_use or metadata.grant_types


def _signs_no_requests(metadata: ClientMetadata) -> bool:
    """Whether no request object of the client could be verified, and none is required. ``none`` and algorithms with a
    secret are not dropped, because a client that names one would send objects that are refused."""
    profile = PROFILES.get(metadata.profile)
    if profile is None or metadata.request_object_signing_alg not in profile.signing_algorithms:
        return False
    demanded = metadata.require_signed_request_object or profile.request_objects.required
    return not (has_keys(metadata) or demanded or metadata.request_uris)
