"""OpenID Connect logout: asked for by an application, told to the others."""

from typing import Final

from authrim.endpoints import check_session, logout
from authrim.features.feature import Feature, Route

LOGOUT: Final[tuple[Feature, ...]] = (
    Feature(
        "rp_initiated_logout",
        "OpenID Connect RP-Initiated Logout 1.0",
        (
            Route("GET", "/logout", logout.logout, "logout"),
            Route("POST", "/logout", logout.logout, "logout_post"),
            Route("POST", "/logout/confirm", logout.answer_logout, "logout_confirm"),
        ),
        lambda runtime: {"end_session_endpoint": runtime.url("/logout")},
        files=("domain/logout.py", "domain/client_policy_logout.py", "authrim/protocol/id_token_hint.py"),
        tests=("tests/features/logout", "tests/attacks/test_logout.py"),
        suite=(
            "oidcc-rp-initiated-logout-discovery-endpoint-verification",
            "oidcc-rp-initiated-logout",
            "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri",
            "oidcc-rp-initiated-logout-modified-id-token-hint",
            "oidcc-rp-initiated-logout-bad-id-token-hint",
            "oidcc-rp-initiated-logout-no-id-token-hint",
            "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri",
            "oidcc-rp-initiated-logout-no-params",
            "oidcc-rp-initiated-logout-no-post-logout-redirect-uri",
            "oidcc-rp-initiated-logout-only-state",
            "oidcc-rp-initiated-logout-no-state",
        ),
    ),
    Feature(
        "frontchannel_logout",
        "OpenID Connect Front-Channel Logout 1.0",
        metadata=lambda _runtime: {
            "frontchannel_logout_supported": True,
            "frontchannel_logout_session_supported": True,
        },
        optional=True,
        files=("authrim/endpoints/logout.py", "authrim/session_clients.py", "projections/session_clients.py"),
        tests=("tests/features/frontchannel_logout",),
        suite=(
            "oidcc-frontchannel-logout-discovery-endpoint-verification",
            "oidcc-frontchannel-rp-initiated-logout",
        ),
    ),
    Feature(
        "backchannel_logout",
        "OpenID Connect Back-Channel Logout 1.0",
        metadata=lambda _runtime: {
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
        },
        optional=True,
        files=("authrim/logout_notices.py", "authrim/protocol/logout_token.py", "projections/outbox.py"),
        tests=("tests/features/backchannel_logout", "tests/faults/test_logout_notices.py"),
        suite=(
            "oidcc-backchannel-logout-discovery-endpoint-verification",
            "oidcc-backchannel-rp-initiated-logout",
        ),
    ),
    Feature(
        "session_management",
        "OpenID Connect Session Management 1.0",
        (Route("GET", "/check-session", check_session.check_session, "check_session"),),
        lambda runtime: {"check_session_iframe": runtime.url("/check-session")},
        optional=True,
        files=("authrim/web/session_state.py", "authrim/static/check-session.js"),
        tests=("tests/features/session_management",),
        suite=(
            "oidcc-session-management-discovery-endpoint-verification",
            "oidcc-session-management-rp-initiated-logout",
        ),
    ),
)
