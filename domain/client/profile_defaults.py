"""Defaults for a client of a profile: what the profile requires anyway. So the registration shows it, and the command
that creates the client is short."""

from typing import Any

from domain.client.profile import Profile
from domain.vocabulary.features import MTLS


def defaults_of(profile: Profile) -> dict[str, Any]:
    """Fields of ``ClientMetadata``. They only state the profile's rules; omitting them would not make the client less
    strict."""
    fields: dict[str, Any] = {}
    if "client_secret_basic" not in profile.client_auth_methods:
        fields["token_endpoint_auth_method"] = profile.client_auth_methods[0]
    if profile.require_pushed:
        fields["require_pushed_authorization_requests"] = True
    if profile.request_objects.required:
        fields["require_signed_request_object"] = True
    if profile.sender_constraints == {MTLS}:
        fields["tls_client_certificate_bound_access_tokens"] = True
    return fields
