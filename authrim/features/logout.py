"""OpenID Connect logout: requested by one application, and notified to the others."""

from typing import Final

from authrim.features.feature import Feature, Route
from authrim.people.logout import logout_endpoint as logout
from authrim.people.sessions import check_session_endpoint as check_session
from authrim.web.overload import Urgency
from domain.vocabulary.features import BACKCHANNEL_LOGOUT, FRONTCHANNEL_LOGOUT, SESSION_MANAGEMENT

LOGOUT: Final[tuple[Feature, ...]] = (
    Feature(
        "rp_initiated_logout",
        "OpenID Connect RP-Initiated Logout 1.0",
        (
            Route("GET", "/logout", logout.logout, "logout"),
            Route("POST", "/logout", logout.logout, "logout_post"),
            Route("POST", "/logout/confirm", logout.answer_logout, "logout_confirm"),
        ),
        lambda core: {"end_session_endpoint": core.url("/logout")},
        urgency=Urgency.ENDS,
    ),
    Feature(
        FRONTCHANNEL_LOGOUT,
        "OpenID Connect Front-Channel Logout 1.0",
        metadata=lambda _core: {
            "frontchannel_logout_supported": True,
            "frontchannel_logout_session_supported": True,
        },
        optional=True,
    ),
    Feature(
        BACKCHANNEL_LOGOUT,
        "OpenID Connect Back-Channel Logout 1.0",
        metadata=lambda _core: {
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
        },
        optional=True,
    ),
    Feature(
        SESSION_MANAGEMENT,
        "OpenID Connect Session Management 1.0",
        (Route("GET", "/check-session", check_session.check_session, "check_session"),),
        lambda core: {"check_session_iframe": core.url("/check-session")},
        optional=True,
    ),
)
