"""The rules of each profile for clients, as one immutable value per profile (OIDC Core, OAuth 2.1, FAPI 1, FAPI 2).

Code asks the profile for a rule and never compares the names of profiles, so a new profile is one new value here.
"""

from enum import Enum
from typing import Final

import msgspec

from domain.units import HOUR
from domain.vocabulary.features import DPOP, MTLS
from domain.vocabulary.response_type import RESPONSE_TYPES

#: The algorithm for signatures with a client secret of 256 bits, which is long enough for it (RFC 7518 §3.2).
SECRET_ALGORITHM: Final = "HS256"  # noqa: S105 - the name of an algorithm


#: The claims about the person in ID tokens: those that the request names, or also those of the granted scopes.
MINIMAL: Final = "minimal"
BY_SCOPES: Final = "scopes"
ID_TOKEN_CLAIMS: Final = (MINIMAL, BY_SCOPES)


class PkceRule(Enum):
    """Which authorization requests must have a ``code_challenge``."""

    PUBLIC_CLIENTS = "public_clients"
    PUSHED_REQUESTS = "pushed_requests"
    EVERY_CLIENT = "every_client"


class AssertionAudience(Enum):
    """The allowed ``aud`` of a client assertion. If it names another server too, that server could send the assertion
    to us (decisions.md 18)."""

    ISSUER_ALONE = "issuer_alone"
    OURS_ONLY = "ours_only"
    OURS_AMONG_OTHERS = "ours_among_others"


class RequestObjectRule(msgspec.Struct, frozen=True):
    """The requirements for request objects (RFC 9101, decisions.md 19). ``required``: every request must be an object.
    ``types``: the allowed values of ``typ``, which can be omitted. ``is_dated``: ``client_id``, ``aud``, ``exp`` and
    ``nbf`` are required, and the object must be neither older than ``longest_life`` seconds nor valid for longer."""

    required: bool = False
    types: frozenset[str] = frozenset({"oauth-authz-req+jwt"})
    is_dated: bool = False
    longest_life: int = HOUR


class Profile(msgspec.Struct, frozen=True):
    """The rules that hang on a profile. Times in seconds.

    ``signing_algorithms`` are those for all that the client or the server signs, the preferred one first;
    ``response_types`` those a client may register, ``jarm_only`` those of them that are answered by a signed JWT
    and in no other way (JARM). ``sender_constraints``: access tokens are bound in one of these ways, any of which
    will do; empty: they need not be. ``dpop_nonce_required``: their DPoP proofs hold a nonce of the server, where
    the server leaves that to the profile. ``nonce_required``: every OpenID Connect request has a ``nonce``.
    ``id_token_claims``: how much its ID tokens may say of the person. ``plain_http_redirect_uris``: an administrator
    may allow a client http addresses.
    ``interaction_ids``: our own resources repeat ``x-fapi-interaction-id``.
    A rotated refresh token is answered again for the server's or the client's grace, and never for more than
    ``longest_refresh_grace_seconds``.
    """

    name: str
    signing_algorithms: tuple[str, ...]
    client_auth_methods: tuple[str, ...]
    pkce: PkceRule
    assertion_audience: AssertionAudience
    redirect_uri_required: bool
    request_objects: RequestObjectRule = RequestObjectRule()
    require_pushed: bool = False
    sender_constraints: frozenset[str] = frozenset()
    dpop_nonce_required: bool = False
    response_types: tuple[str, ...] = ("code",)
    jarm_only: tuple[str, ...] = ()
    nonce_required: bool = False
    interaction_ids: bool = False
    code_lifetime: int = 60
    longest_refresh_grace_seconds: int = 60
    id_token_claims: tuple[str, ...] = (MINIMAL,)
    plain_http_redirect_uris: bool = False


_GENERAL_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
_FAPI_ALGORITHMS: Final = ("PS256", "ES256", "EdDSA", "Ed25519")
#: draft-ietf-oauth-attestation-based-client-auth-10 §9
ATTESTED_METHODS: Final = ("attest_jwt_client_auth", "attest_jwt_client_auth_dpop")
TLS_CLIENT_AUTH: Final = "tls_client_auth"
SELF_SIGNED: Final = "self_signed_tls_client_auth"
#: The methods with which a client authenticates by its certificate (RFC 8705 §2).
CERTIFICATE_METHODS: Final = (TLS_CLIENT_AUTH, SELF_SIGNED)
_GENERAL_METHODS: Final = (
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    *ATTESTED_METHODS,
    *CERTIFICATE_METHODS,
    "none",
)
_FAPI_METHODS: Final = ("private_key_jwt", *CERTIFICATE_METHODS)

_OIDC = Profile(
    name="oidc",
    signing_algorithms=_GENERAL_ALGORITHMS,
    client_auth_methods=_GENERAL_METHODS,
    pkce=PkceRule.PUBLIC_CLIENTS,  # RFC 9700 §2.1.1: MUST for public clients
    assertion_audience=AssertionAudience.OURS_ONLY,
    redirect_uri_required=False,
    request_objects=RequestObjectRule(types=frozenset({"oauth-authz-req+jwt", "JWT"})),  # OIDC Core §6.1
    response_types=RESPONSE_TYPES,
    id_token_claims=ID_TOKEN_CLAIMS,
    plain_http_redirect_uris=True,  # OIDC Core §3.1.2.1 lets servers allow it
)
_OAUTH21 = Profile(
    name="oauth21",
    signing_algorithms=_GENERAL_ALGORITHMS,
    client_auth_methods=_GENERAL_METHODS,
    pkce=PkceRule.EVERY_CLIENT,  # draft-ietf-oauth-v2-1 §4.1.1
    assertion_audience=AssertionAudience.OURS_ONLY,
    redirect_uri_required=False,
    id_token_claims=ID_TOKEN_CLAIMS,
)
_FAPI1_ADVANCED = Profile(
    name="fapi1-advanced",
    signing_algorithms=_FAPI_ALGORITHMS,  # FAPI 1 Advanced §8.6
    client_auth_methods=_FAPI_METHODS,  # FAPI 1 Advanced §5.2.2
    pkce=PkceRule.PUSHED_REQUESTS,  # FAPI 1 Advanced §5.2.2 item 18
    assertion_audience=AssertionAudience.OURS_AMONG_OTHERS,
    redirect_uri_required=True,  # FAPI 1 Baseline §5.2.2 item 9
    request_objects=RequestObjectRule(required=True, is_dated=True),  # FAPI 1 Advanced §5.2.2 items 1, 13, 17
    sender_constraints=frozenset({MTLS}),  # FAPI 1 Advanced §5.2.2 item 5
    response_types=("code id_token", "code"),  # FAPI 1 Advanced §5.2.2 item 2
    jarm_only=("code",),
    nonce_required=True,  # FAPI 1 Baseline §5.2.2.2 item 1
    interaction_ids=True,  # FAPI 1 Baseline §6.2.1 item 11
)
_FAPI2_SECURITY = Profile(
    name="fapi2-security",
    signing_algorithms=_FAPI_ALGORITHMS,  # FAPI 2 Security Profile §5.4.1
    client_auth_methods=_FAPI_METHODS,  # FAPI 2 Security Profile §5.3.2.1
    pkce=PkceRule.EVERY_CLIENT,
    assertion_audience=AssertionAudience.ISSUER_ALONE,
    redirect_uri_required=True,
    request_objects=RequestObjectRule(is_dated=True),
    require_pushed=True,
    sender_constraints=frozenset({DPOP, MTLS}),  # FAPI 2 Security Profile §5.3.2.1
    dpop_nonce_required=True,  # FAPI 2 Security Profile §5.3.2.1 lets servers ask for it
)
_FAPI2_MESSAGE_SIGNING = msgspec.structs.replace(
    _FAPI2_SECURITY,
    name="fapi2-message-signing",
    request_objects=RequestObjectRule(required=True, is_dated=True),  # FAPI 2 Message Signing §5.3
    jarm_only=("code",),  # FAPI 2 Message Signing §5.4
)

#: Every profile, by name.
PROFILES: Final = {
    profile.name: profile
    for profile in (_OIDC, _OAUTH21, _FAPI1_ADVANCED, _FAPI2_SECURITY, _FAPI2_MESSAGE_SIGNING)
}
