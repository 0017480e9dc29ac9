"""What a registration may say of authorization responses: response types and the grant types that go with them
(OIDC DCR §2, RFC 7591 §2.1), response modes, and how JARM responses are signed and encrypted (JARM §3)."""

from collections.abc import Iterable

from domain.client.metadata import ClientMetadata
from domain.client.profile import PROFILES
from domain.errors import Refusal
from domain.registration import encryption
from domain.registration.invalid_metadata import invalid, unlike
from domain.vocabulary import response_mode as response_modes
from domain.vocabulary import response_type as response_types


def checks(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    """All rules, in order; grant types are known to be ours."""
    yield from _response_types(metadata)
    yield from _front_channel_tokens(metadata)
    yield from _response_modes(metadata)
    yield from _signed_responses(metadata)


def _response_types(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    """Each needs its grant types, and each of those has something to do (OIDC DCR §2, RFC 7591 §2.1)."""
    needed: set[str] = set()
    for response_type in metadata.response_types:
        spelled = response_types.spelled(response_type)
        yield unlike("response_types", spelled, PROFILES[metadata.profile].response_types)
        needed.update(response_types.grant_types_of(spelled))
    for grant_type in ("authorization_code", "implicit"):
        if (grant_type in needed) != (grant_type in metadata.grant_types):
            yield invalid(
                "response_types",
                f"do not go with grant_types: {grant_type} is in one of them alone.",
                hint="Register authorization_code for code, implicit for id_token and token.",
            )


def _front_channel_tokens(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    """Nobody proves a key at the authorization endpoint, so its tokens may be bearer tokens (RFC 9700 §2.1.2)."""
    is_bound = (
        metadata.dpop_bound_access_tokens
        or metadata.tls_client_certificate_bound_access_tokens
        or PROFILES[metadata.profile].sender_constraints
    )
    if is_bound and any(map(response_types.gives_access_token, metadata.response_types)):
        yield invalid(
            "response_types",
            "have token, for tokens that are bound to a key.",
            hint="Leave out those with token.",
        )


def _response_modes(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    profile = PROFILES[metadata.profile]
    for response_mode in metadata.response_modes:
        yield unlike("response_modes", response_mode, response_modes.RESPONSE_MODES)
    has_jarm = any(map(response_modes.is_jarm, metadata.response_modes))
    if metadata.response_modes and not has_jarm and set(profile.jarm_only) & set(metadata.response_types):
        yield invalid("response_modes", "have no signed one, which the profile demands.", hint="Add jwt.")


def _signed_responses(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    """Signed always, by an algorithm of the profile; encryption goes around the signature (JARM §2.2, A074, A076)."""
    algorithms = PROFILES[metadata.profile].signing_algorithms
    yield unlike("authorization_signed_response_alg", metadata.authorization_signed_response_alg, algorithms)
    yield from encryption.checks(metadata, "authorization_encrypted_response")
