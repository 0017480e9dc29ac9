"""Authorization responses: response types and their grant types (OIDC DCR §2, RFC 7591 §2.1), response modes, and the
signing and encryption of JARM responses (JARM §3)."""

from collections.abc import Iterable

from domain.client.metadata import ClientMetadata
from domain.client.profile import PROFILES
from domain.errors import Refusal
from domain.registration import encryption
from domain.registration.invalid_metadata import invalid, unlike
from domain.vocabulary import response_mode as response_modes
from domain.vocabulary import response_type as response_types


def checks(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    """All rules, in order. The grant types were checked before."""
    yield from _response_types(metadata)
    yield from _front_channel_tokens(metadata)
    yield from _response_modes(metadata)
    yield from _signed_responses(metadata)


def _response_types(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    """Each response type needs its grant types, and each of these grant types needs a response type (OIDC DCR §2, RFC
    7591 §2.1)."""
    needed: set[str] = set()
    for response_type in metadata.response_types:
        spelled = response_types.spelled(response_type)
        yield unlike("response_types", spelled, PROFILES[metadata.profile].response_types)
        needed.update(response_types.grant_types_of(spelled))
    for grant_type in ("authorization_code", "implicit"):
        if (grant_type in needed) != (grant_type in metadata.grant_types):
            yield invalid(
                "response_types",
                f"do not match grant_types: only one of them has {grant_type}.",
                hint="Register authorization_code for code, implicit for id_token and token.",
            )


def _front_channel_tokens(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    """Tokens from the authorization endpoint can only be bearer tokens, because no key is proved there (RFC 9700
    §2.1.2)."""
    is_bound = (
        metadata.dpop_bound_access_tokens
        or metadata.tls_client_certificate_bound_access_tokens
        or PROFILES[metadata.profile].sender_constraints
    )
    if is_bound and any(map(response_types.gives_access_token, metadata.response_types)):
        yield invalid(
            "response_types",
            "include token, but the client's tokens are bound to a key.",
            hint="Leave out those with token.",
        )


def _response_modes(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    profile = PROFILES[metadata.profile]
    for response_mode in metadata.response_modes:
        yield unlike("response_modes", response_mode, response_modes.RESPONSE_MODES)
    has_jarm = any(map(response_modes.is_jarm, metadata.response_modes))
    if metadata.response_modes and not has_jarm and set(profile.jarm_only) & set(metadata.response_types):
        yield invalid("response_modes", "have no signed mode, which the profile requires.", hint="Add jwt.")


def _signed_responses(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    """JARM responses are always signed, with an algorithm of the profile. Encryption wraps the signed response (JARM
    §2.2, A074, A076)."""
    algorithms = PROFILES[metadata.profile].signing_algorithms
    yield unlike("authorization_signed_response_alg", metadata.authorization_signed_response_alg, algorithms)
    yield from encryption.checks(metadata, "authorization_encrypted_response")
