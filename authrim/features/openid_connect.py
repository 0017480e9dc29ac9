"""OpenID Connect: discovery, the authorization endpoint and its pages, claims about a person."""

from typing import Any, Final

from authrim.authorization import authorize_endpoint as authorize
from authrim.authorization import resume_endpoint as resume
from authrim.authorization.pages import consent, create_account, sign_in
from authrim.core.parts import Core
from authrim.features.feature import Feature, Route
from authrim.pages.translations import LOCALES
from authrim.tokens import userinfo_endpoint as userinfo
from authrim.web import discovery_endpoint as discovery
from authrim.web.overload import Urgency
from domain.authorization.parameters import CREATE, DISPLAYS, PROMPTS
from domain.stream import DEFAULT_TENANT
from domain.vocabulary.acr import ACR_SUPPORTED
from domain.vocabulary.features import USER_REGISTRATION


def _discovery(core: Core) -> dict[str, Any]:
    return {"issuer": core.issuer, "jwks_uri": core.url("/jwks")}


def _authorization(core: Core) -> dict[str, Any]:
    return {
        "authorization_endpoint": core.url("/authorize"),
        "response_types_supported": list(core.response_types),
        "response_modes_supported": list(core.response_modes),
        "prompt_values_supported": list(PROMPTS),
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def _openid(core: Core) -> dict[str, Any]:
    algorithms = core.key_ring.algorithms(DEFAULT_TENANT, core.now())
    catalogue = core.configuration.catalogue(DEFAULT_TENANT)
    return {
        "scopes_supported": list(dict.fromkeys(("openid", *catalogue.scopes, "offline_access"))),
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
            *catalogue.names,
        ],
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": True,
        "acr_values_supported": list(ACR_SUPPORTED),
        "display_values_supported": list(DISPLAYS),
        "ui_locales_supported": list(LOCALES),
    }


_CREATE_ACCOUNT: Final = "/create-account/{grant_id:[0-9a-f]{32}}"


OPENID_CONNECT: Final[tuple[Feature, ...]] = (
    Feature(
        "discovery",
        "OpenID Connect Discovery 1.0, RFC 8414",
        (
            Route(
                "GET",
                "/.well-known/openid-configuration",
                discovery.METADATA_DOCUMENT.handle,
                "discovery",
                head=True,
                scripts=True,
                both_forms=True,
            ),
            Route(
                "GET",
                "/.well-known/oauth-authorization-server",
                discovery.METADATA_DOCUMENT.handle,
                "metadata",
                at_root=True,
                head=True,
                scripts=True,
                both_forms=True,
            ),
            Route("GET", "/jwks", discovery.KEY_SET.handle, "jwks", head=True, scripts=True),
        ),
        _discovery,
        urgency=Urgency.STATE,
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
            Route(
                "POST",
                "/consent/{grant_id:[0-9a-f]{32}}/another-account",
                consent.switch_account,
                "consent_another_account",
            ),
        ),
        _authorization,
    ),
    Feature(
        USER_REGISTRATION,
        "Initiating User Registration via OpenID Connect 1.0",
        (
            Route("GET", _CREATE_ACCOUNT, create_account.show_create_account, "create_account"),
            Route("POST", _CREATE_ACCOUNT, create_account.answer_create_account, "create_account_post"),
        ),
        lambda _core: {"prompt_values_supported": [*PROMPTS, CREATE]},
        possible=lambda settings: settings.self_registration,
    ),
    Feature(
        "openid",
        "OpenID Connect Core 1.0",
        metadata=_openid,
    ),
    Feature(
        "userinfo",
        "OpenID Connect Core 1.0 §5.3, RFC 6750",
        (
            Route("GET", "/userinfo", userinfo.userinfo, "userinfo", scripts=True),
            Route("POST", "/userinfo", userinfo.userinfo, "userinfo_post", scripts=True),
        ),
        lambda core: {"userinfo_endpoint": core.url("/userinfo")},
        urgency=Urgency.TOKEN,
    ),
)
