"""The policy for client metadata. It checks the whole resulting client at creation and at every update, so no change of
a single field can bypass a rule (RFC 7591 §2, A202)."""

# ruff: noqa: S105 - RFC 7591's names hold the word token, their values are no passwords

import re
from collections.abc import Iterable
from typing import Final

from domain.claim.catalogue import BUILT_IN, Catalogue
from domain.client import claim_mapping, redirect_uri, resource
from domain.client.client import SIGNED_SECRET
from domain.client.metadata import ClientMetadata
from domain.client.profile import ID_TOKEN_CLAIMS, PROFILES, SECRET_ALGORITHM
from domain.client.subject_type import SUBJECT_TYPES
from domain.errors import Refusal
from domain.key.key import KeyTimes
from domain.registration import (
    _policy_encryption as client_policy_encryption,
)
from domain.registration import (
    _policy_keys as client_policy_keys,
)
from domain.registration import (
    _policy_logout as client_policy_logout,
)
from domain.registration import (
    _policy_requests as client_policy_requests,
)
from domain.registration import (
    _policy_responses as client_policy_responses,
)
from domain.registration import (
    _policy_texts as client_policy_registration,
)
from domain.registration import (
    policy_mtls as client_policy_mtls,
)
from domain.registration import (
    sector,
)
from domain.registration.invalid_metadata import invalid, unlike
from domain.resource.resource import ACCESS_TOKEN_FORMATS
from domain.units import DAY
from domain.vocabulary import scope

GRANT_TYPES: Final = ("authorization_code", "implicit", "refresh_token", "client_credentials")
APPLICATION_TYPES: Final = ("web", "native")

MAX_ENTRIES: Final = 64
LONGEST_ACCESS_TOKEN: Final = DAY
LONGEST_REFRESH_TOKEN: Final = 366 * DAY
MOST_GRACE_REPEATS: Final = 1000

_DIGEST: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def key_times(cache_seconds: int, id_token_lifetime: int) -> KeyTimes:
    """The times by which keys live. A client's own lifetime may be longer than the setting, so a retired key waits for
    the longest that is allowed."""
    return KeyTimes(cache_seconds, max(id_token_lifetime, LONGEST_ACCESS_TOKEN))


def check(
    metadata: ClientMetadata, development: bool = False, catalogue: Catalogue | None = BUILT_IN
) -> Refusal | None:
    """Why the client cannot be registered like this, or None. ``development``: loopback http is allowed. ``catalogue``:
    the claims that can be mapped; None: the mapping is an old one."""
    for refusal in _checks(metadata, development, catalogue):
        if refusal is not None:
            return refusal
    return None


def _checks(
    metadata: ClientMetadata, development: bool, catalogue: Catalogue | None
) -> Iterable[Refusal | None]:
    """All rules, in order. Later rules rely on earlier ones."""
    yield unlike("profile", metadata.profile, tuple(PROFILES))
    yield unlike("application_type", metadata.application_type, APPLICATION_TYPES)
    yield unlike("subject_type", metadata.subject_type, SUBJECT_TYPES)
    yield unlike("access_token_format", metadata.access_token_format, ACCESS_TOKEN_FORMATS)
    yield _number_of_entries(metadata)
    yield client_policy_registration.name_refusal(metadata)
    yield from _client_authentication(metadata)
    yield from client_policy_keys.checks(metadata, development)
    yield from client_policy_mtls.checks(metadata)
    yield from _grants(metadata)
    yield from client_policy_requests.checks(metadata)
    yield from client_policy_responses.checks(metadata)
    yield _plain_http(metadata)
    yield from _redirect_uris(metadata, development)
    yield from sector.checks(metadata, development)
    yield from _pages(metadata, development)
    yield from client_policy_logout.checks(metadata, development)
    yield _logo_digest(metadata)
    yield from _signing(metadata)
    yield _id_token_claims(metadata)
    yield from _claim_mapping(metadata, catalogue)
    yield from client_policy_encryption.checks(metadata)
    yield from _scope_and_audience(metadata)
    yield from _lifetimes(metadata)
    yield _default_acr_values(metadata)
    yield _skip_consent(metadata)
    yield from client_policy_registration.checks(metadata, development)


def _client_authentication(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    profile = PROFILES[metadata.profile]
    method = metadata.token_endpoint_auth_method
    algorithm = metadata.token_endpoint_auth_signing_alg
    yield unlike("token_endpoint_auth_method", method, profile.client_auth_methods)
    allowed = (SECRET_ALGORITHM,) if method == SIGNED_SECRET else profile.signing_algorithms
    yield unlike("token_endpoint_auth_signing_alg", algorithm, allowed)
    if metadata.protected_resources and not metadata.may_introspect:
        yield invalid("protected_resources", "are for may_introspect only.", hint="Set may_introspect.")
    if metadata.may_introspect and method == "none":
        yield invalid("may_introspect", "is not for public clients.", hint="Register a secret or a key.")


def _grants(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    for grant_type in metadata.grant_types:
        yield unlike("grant_types", grant_type, GRANT_TYPES)
    if "refresh_token" in metadata.grant_types and "authorization_code" not in metadata.grant_types:
        yield invalid(
            "grant_types", "has refresh_token without authorization_code.", hint="Add authorization_code."
        )
    if "client_credentials" in metadata.grant_types and metadata.token_endpoint_auth_method == "none":
        yield invalid(
            "grant_types", "has client_credentials for a public client.", hint="Register a secret or a key."
        )


def _redirect_uris(metadata: ClientMetadata, development: bool) -> Iterable[Refusal | None]:
    if metadata.response_types and not metadata.redirect_uris:
        yield _invalid_redirect_uri("redirect_uris", "is empty.", "Register the addresses for responses.")
    for index, uri in enumerate(metadata.redirect_uris):
        problem = redirect_uri.registration_problem(
            uri, metadata.application_type, development, metadata.plain_http_redirect_uris
        )
        if problem is not None:
            yield _invalid_redirect_uri(f"redirect_uris[{index}]", problem.what, problem.fix)


def _plain_http(metadata: ClientMetadata) -> Refusal | None:
    """Anybody in the network can read what comes by such an address: a code, which is worth nothing without the
    client's own credentials, and never a token (OIDC Core §3.1.2.1, §3.2.2.1)."""
    if not metadata.plain_http_redirect_uris:
        return None
    if not PROFILES[metadata.profile].plain_http_redirect_uris:
        return invalid(
            "plain_http_redirect_uris", "is not for a client of this profile.",
            hint="Use https, or the profile oidc.", section="OIDC Core §3.1.2.1",
        )  # fmt: skip
    if metadata.token_endpoint_auth_method == "none":
        return invalid(
            "plain_http_redirect_uris", "is not for public clients.",
            hint="Register a secret or a key.", section="OIDC Core §3.1.2.1",
        )  # fmt: skip
    if not {*metadata.response_types} <= {"code", "none"}:
        return invalid(
            "plain_http_redirect_uris", "is for the code flow alone.",
            hint="Register the response_type code, and no other.", section="OIDC Core §3.2.2.1",
        )  # fmt: skip
    return None


def _pages(metadata: ClientMetadata, development: bool) -> Iterable[Refusal | None]:
    """Pages that are linked on the sign-in and consent pages, so they must be https (A006)."""
    for name in ("logo_uri", "client_uri", "policy_uri", "tos_uri"):
        uri: str | None = getattr(metadata, name)
        if uri is None:
            continue
        problem = redirect_uri.registration_problem(uri, "web", development)
        if problem is not None:
            yield invalid(name, problem.what, hint=problem.fix)


def _logo_digest(metadata: ClientMetadata) -> Refusal | None:
    """It becomes part of a path on our pages, so it must be a SHA-256 in base64url."""
    if metadata.logo_digest is None or _DIGEST.fullmatch(metadata.logo_digest):
        return None
    return invalid("logo_digest", "is not a digest.", hint="Give the image itself.")


def _signing(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    allowed = PROFILES[metadata.profile].signing_algorithms
    yield unlike("id_token_signed_response_alg", metadata.id_token_signed_response_alg, allowed)
    yield unlike("access_token_signing_alg", metadata.access_token_signing_alg, allowed)


def _id_token_claims(metadata: ClientMetadata) -> Refusal | None:
    """The ID tokens of FAPI clients are sent to others, as a hint or a detached signature. So they contain only the
    claims about the person that were requested by name."""
    chosen = metadata.id_token_claims
    if chosen in ID_TOKEN_CLAIMS and chosen not in PROFILES[metadata.profile].id_token_claims:
        return invalid(
            "id_token_claims", "is not allowed by the client's profile: its ID tokens are minimal.",
            hint="Leave it out, and ask userinfo or use the claims parameter.",
        )  # fmt: skip
    return unlike("id_token_claims", chosen, ID_TOKEN_CLAIMS)


def _claim_mapping(metadata: ClientMetadata, catalogue: Catalogue | None) -> Iterable[Refusal | None]:
    if catalogue is None:
        return
    problem = claim_mapping.problem(metadata.claim_mapping, catalogue)
    yield None if problem is None else invalid("claim_mapping", problem[0], hint=problem[1])
    for mapping in metadata.claim_mapping:
        if not all(map(resource.is_resource, mapping.audiences)):
            yield invalid(
                "claim_mapping", "names an audience that is no URI.",
                hint="Use absolute URIs without fragment.",
            )  # fmt: skip


def _scope_and_audience(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    if not all(scope.is_value(value) for value in metadata.scope):
        yield invalid(
            "scope", "has a malformed value.", hint="Use printable ASCII without space, quote and backslash."
        )
    if len(" ".join(metadata.scope)) > scope.MAX_LENGTH:
        yield invalid("scope", "is too long.", hint=f"Use at most {scope.MAX_LENGTH} characters.")
    for name in ("audiences", "protected_resources"):
        if not all(resource.is_resource(value) for value in getattr(metadata, name)):
            yield invalid(name, "has a value that is not a URI.", hint="Use absolute URIs without fragment.")
    if metadata.default_audience is not None and metadata.default_audience not in metadata.audiences:
        yield invalid("default_audience", "is not one of audiences.", hint="Add it there, or leave it out.")


def _lifetimes(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    profile = PROFILES[metadata.profile]
    yield _between("access_token_lifetime", metadata.access_token_lifetime, 1, LONGEST_ACCESS_TOKEN)
    yield _between("refresh_token_lifetime", metadata.refresh_token_lifetime, 1, LONGEST_REFRESH_TOKEN)
    yield _between("default_max_age", metadata.default_max_age, 0, 2**53 - 1)
    yield _between(
        "refresh_grace_seconds", metadata.refresh_grace_seconds, 0, profile.longest_refresh_grace_seconds
    )
    yield _between("refresh_grace_count", metadata.refresh_grace_count, 1, MOST_GRACE_REPEATS)


def _number_of_entries(metadata: ClientMetadata) -> Refusal | None:
    for name in metadata.__struct_fields__:
        value = getattr(metadata, name)
        if isinstance(value, tuple) and len(value) > MAX_ENTRIES:
            return invalid(name, "has too many entries.", hint=f"Use at most {MAX_ENTRIES}.")
    return None


def _default_acr_values(metadata: ClientMetadata) -> Refusal | None:
    if not all(scope.is_value(value) and len(value) <= 255 for value in metadata.default_acr_values):
        return invalid(
            "default_acr_values", "has a malformed value.", hint="Use printable ASCII without space."
        )
    return None


def _skip_consent(metadata: ClientMetadata) -> Refusal | None:
    """Any application on the device can impersonate a native client without a secret (RFC 8252 §8.6)."""
    if (
        metadata.skip_consent
        and metadata.application_type == "native"
        and metadata.token_endpoint_auth_method == "none"
    ):
        return invalid("skip_consent", "is not for public native clients.", hint="Leave it out.")
    return None


def _between(field: str, value: int | None, least: int, most: int) -> Refusal | None:
    if value is None or least <= value <= most:
        return None
    return invalid(field, "is out of range.", hint=f"Use {least} to {most}.")


def _invalid_redirect_uri(field: str, problem: str, fix: str) -> Refusal:
    return Refusal("invalid_redirect_uri", f"{field} {problem}", hint=fix, section="RFC 7591 §3.2.2")
