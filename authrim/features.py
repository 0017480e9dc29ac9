"""Every feature once: its name, specification, status, routes, metadata and grant types.

Routing and discovery are computed from this table; a feature that is not in it leaves no route and no metadata.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

import msgspec
from aiohttp import web

from authrim.endpoints import (
    authorize,
    consent,
    discovery,
    health,
    introspect,
    logo,
    preflight,
    resume,
    revoke,
    sign_in,
    token,
    userinfo,
)
from authrim.runtime import Runtime
from authrim.web.interaction import ACR_SUPPORTED
from authrim.web.translations import LOCALES
from domain.authorization_parameters import DISPLAYS, PROMPTS, RESPONSE_MODES, RESPONSE_TYPES
from domain.claims import SCOPE_CLAIMS, STANDARD_CLAIMS
from domain.stream import DEFAULT_TENANT

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Metadata = Callable[[Runtime], dict[str, Any]]


class Route(msgspec.Struct, frozen=True):
    """One method of one path. ``at_root``: the path is not below the issuer's own path (RFC 8414 §3.1)."""

    method: Literal["GET", "POST", "OPTIONS"]
    path: str
    handler: Handler
    name: str
    at_root: bool = False


class Feature(msgspec.Struct, frozen=True):
    """A feature as its users know it. ``status``: ``stable``, or ``draft`` with the draft's number."""

    name: str
    specification: str
    routes: tuple[Route, ...] = ()
    metadata: Metadata = lambda _runtime: {}
    grant_types: tuple[str, ...] = ()
    status: str = "stable"


def _discovery(runtime: Runtime) -> dict[str, Any]:
    return {"issuer": runtime.issuer, "jwks_uri": runtime.url("/jwks")}


def _authorization(runtime: Runtime) -> dict[str, Any]:
    return {
        "authorization_endpoint": runtime.url("/authorize"),
        "response_types_supported": list(RESPONSE_TYPES),
        "response_modes_supported": list(RESPONSE_MODES),
        "prompt_values_supported": list(PROMPTS),
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def _openid(runtime: Runtime) -> dict[str, Any]:
    algorithms = runtime.key_ring.algorithms(DEFAULT_TENANT, runtime.now())
    return {
        "scopes_supported": ["openid", *SCOPE_CLAIMS, "offline_access"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(algorithms),
        "claims_supported": [
            "sub",
            "iss",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "acr",
            "amr",
            "nonce",
            *STANDARD_CLAIMS,
        ],
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": True,
        "acr_values_supported": list(ACR_SUPPORTED),
        "display_values_supported": list(DISPLAYS),
        "ui_locales_supported": list(LOCALES),
    }


CLIENT_AUTH_METHODS: Final = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
CONFIDENTIAL_METHODS: Final = CLIENT_AUTH_METHODS[:-1]
ASSERTION_ALGORITHMS: Final = ["RS256", "PS256", "ES256", "EdDSA"]


def _token(runtime: Runtime) -> dict[str, Any]:
    return {
        "token_endpoint": runtime.url("/token"),
        "token_endpoint_auth_methods_supported": CLIENT_AUTH_METHODS,
        "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
    }


def _introspection(runtime: Runtime) -> dict[str, Any]:
    return {
        "introspection_endpoint": runtime.url("/introspect"),
        "introspection_endpoint_auth_methods_supported": CONFIDENTIAL_METHODS,
        "introspection_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
    }


def _revocation(runtime: Runtime) -> dict[str, Any]:
    return {
        "revocation_endpoint": runtime.url("/revoke"),
        "revocation_endpoint_auth_methods_supported": CLIENT_AUTH_METHODS,
        "revocation_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
    }


FEATURES: Final[tuple[Feature, ...]] = (
    Feature(
        "discovery",
        "OpenID Connect Discovery 1.0, RFC 8414",
        (
            Route("GET", "/.well-known/openid-configuration", discovery.metadata, "discovery"),
            Route(
                "GET", "/.well-known/oauth-authorization-server", discovery.metadata, "metadata", at_root=True
            ),
            Route("GET", "/jwks", discovery.jwks, "jwks"),
        ),
        _discovery,
    ),
    Feature(
        "authorization",
        "RFC 6749 §3.1, OpenID Connect Core 1.0 §3.1.2",
        (
            Route("GET", "/authorize", authorize.authorize, "authorize"),
            Route("POST", "/authorize", authorize.authorize, "authorize_post"),
            Route("GET", "/authorize/{grant_id:[0-9a-f]{32}}", resume.resume, "authorize_resume"),
            Route("GET", "/login/{grant_id:[0-9a-f]{32}}", sign_in.show_sign_in, "login"),
            Route("POST", "/login/{grant_id:[0-9a-f]{32}}", sign_in.answer_sign_in, "login_post"),
            Route("GET", "/consent/{grant_id:[0-9a-f]{32}}", consent.show_consent, "consent"),
            Route("POST", "/consent/{grant_id:[0-9a-f]{32}}", consent.answer_consent, "consent_post"),
        ),
        _authorization,
    ),
    Feature("openid", "OpenID Connect Core 1.0", metadata=_openid),
    Feature(
        "userinfo",
        "OpenID Connect Core 1.0 §5.3, RFC 6750",
        (
            Route("GET", "/userinfo", userinfo.userinfo, "userinfo"),
            Route("POST", "/userinfo", userinfo.userinfo, "userinfo_post"),
            Route("OPTIONS", "/userinfo", preflight.preflight, "userinfo_preflight"),
        ),
        lambda runtime: {"userinfo_endpoint": runtime.url("/userinfo")},
    ),
    Feature(
        "token",
        "RFC 6749 §3.2, RFC 7523, RFC 9068",
        (
            Route("POST", "/token", token.token, "token"),
            Route("OPTIONS", "/token", preflight.preflight, "token_preflight"),
        ),
        _token,
    ),
    Feature("authorization_code", "RFC 6749 §4.1", grant_types=("authorization_code",)),
    Feature("refresh_token", "RFC 6749 §6, RFC 9700 §4.14", grant_types=("refresh_token",)),
    Feature("client_credentials", "RFC 6749 §4.4", grant_types=("client_credentials",)),
    Feature("pkce", "RFC 7636", metadata=lambda _runtime: {"code_challenge_methods_supported": ["S256"]}),
    Feature(
        "issuer_identification",
        "RFC 9207",
        metadata=lambda _runtime: {"authorization_response_iss_parameter_supported": True},
    ),
    Feature("resource_indicators", "RFC 8707"),
    Feature(
        "introspection",
        "RFC 7662",
        (Route("POST", "/introspect", introspect.introspect, "introspect"),),
        _introspection,
    ),
    Feature(
        "revocation",
        "RFC 7009",
        (
            Route("POST", "/revoke", revoke.revoke, "revoke"),
            Route("OPTIONS", "/revoke", preflight.preflight, "revoke_preflight"),
        ),
        _revocation,
    ),
    Feature(
        "client_logos",
        "RFC 7591 §2, §5",
        (
            Route(
                "GET", r"/logos/{client_id:[A-Za-z0-9\-._~]+}/{digest:[A-Za-z0-9_-]+}.png", logo.logo, "logo"
            ),
        ),
    ),
    Feature(
        "health",
        "our own",
        (
            Route("GET", "/health/live", health.live, "health_live"),
            Route("GET", "/health/ready", health.ready, "health_ready"),
        ),
    ),
)


def server_metadata(runtime: Runtime) -> dict[str, Any]:
    """The authorization server metadata (RFC 8414 §2, OpenID Connect Discovery §3) of all features."""
    document: dict[str, Any] = {}
    for feature in FEATURES:
        document |= feature.metadata(runtime)
    document["grant_types_supported"] = [name for feature in FEATURES for name in feature.grant_types]
    return document
