"""OAuth 2.0: the token endpoint with its grants, introspection and revocation."""

from typing import Any, Final

from authrim.core.parts import Core
from authrim.features.feature import Feature, Route
from authrim.features.on_demand import on_demand
from authrim.tokens.introspect_endpoint import INTROSPECT
from authrim.tokens.revoke_endpoint import REVOKE
from authrim.tokens.token_endpoint import TOKEN
from authrim.web.overload import Urgency
from domain.client.profile import ATTESTED_METHODS, CERTIFICATE_METHODS, SECRET_ALGORITHM
from domain.vocabulary.features import (
    CLIENT_ATTESTATION,
    INTROSPECTION_AT,
    INTROSPECTION_POSITIONS,
    MTLS,
    RECEIPTS,
)

ASSERTION_ALGORITHMS: Final = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519", SECRET_ALGORITHM]


def client_auth_methods(core: Core, *, public: bool = True) -> list[str]:
    """The methods of client authentication; ``public``: with ``none``, for clients that cannot authenticate."""
    by_certificate = CERTIFICATE_METHODS if MTLS in core.features else ()
    attested = ATTESTED_METHODS if CLIENT_ATTESTATION in core.features else ()
    none = ("none",) if public else ()
    by_secret = ("client_secret_basic", "client_secret_post", "client_secret_jwt")
    return [*by_secret, "private_key_jwt", *attested, *by_certificate, *none]


def _token(core: Core) -> dict[str, Any]:
    return {
        "token_endpoint": core.url("/token"),
        "token_endpoint_auth_methods_supported": client_auth_methods(core),
        "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
    }


def _introspection(core: Core) -> dict[str, Any]:
    return {
        "introspection_endpoint": core.url("/introspect"),
        "introspection_endpoint_auth_methods_supported": client_auth_methods(core, public=False),
        "introspection_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
    }


def _revocation(core: Core) -> dict[str, Any]:
    return {
        "revocation_endpoint": core.url("/revoke"),
        "revocation_endpoint_auth_methods_supported": client_auth_methods(core),
        "revocation_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
    }


TOKENS: Final[tuple[Feature, ...]] = (
    Feature(
        "token",
        "RFC 6749 §3.2, RFC 7523, RFC 9068",
        (Route("POST", "/token", TOKEN.handle, "token", scripts=True),),
        _token,
        urgency=Urgency.TOKEN,
    ),
    Feature(
        "authorization_code",
        "RFC 6749 §4.1",
        grant_types=("authorization_code",),
    ),
    Feature(
        "refresh_token",
        "RFC 6749 §6, RFC 9700 §4.14",
        grant_types=("refresh_token",),
    ),
    Feature(
        "client_credentials",
        "RFC 6749 §4.4",
        grant_types=("client_credentials",),
    ),
    Feature(
        "pkce",
        "RFC 7636",
        metadata=lambda _core: {"code_challenge_methods_supported": ["S256"]},
    ),
    Feature(
        "issuer_identification",
        "RFC 9207",
        metadata=lambda _core: {"authorization_response_iss_parameter_supported": True},
    ),
    Feature(
        "resource_indicators",
        "RFC 8707",
    ),
    Feature(
        "introspection",
        "RFC 7662",
        (Route("POST", "/introspect", INTROSPECT.handle, "introspect"),),
        _introspection,
        urgency=Urgency.STATE,
    ),
    Feature(
        INTROSPECTION_AT,
        "our own",
        (
            Route(
                "POST",
                "/introspect/at",
                on_demand("authrim.tokens.introspect_at_endpoint", "INTROSPECT_AT.handle"),
                "introspect_at",
            ),
        ),
        lambda core: {"authrim_introspection_at_endpoint": core.url("/introspect/at")},
        possible=lambda settings: settings.introspection_at,
        urgency=Urgency.ADMINISTRATION,
    ),
    Feature(
        INTROSPECTION_POSITIONS,
        "our own",
        metadata=lambda _core: {"authrim_introspection_positions_supported": True},
        possible=lambda settings: settings.introspection_positions,
    ),
    Feature(
        RECEIPTS,
        "our own",
        metadata=lambda _core: {"authrim_receipts_supported": True},
        possible=lambda settings: settings.receipts,
    ),
    Feature(
        "revocation",
        "RFC 7009",
        (Route("POST", "/revoke", REVOKE.handle, "revoke", scripts=True),),
        _revocation,
        urgency=Urgency.ENDS,
    ),
)
