"""Features without a specification: clients' logos, health checks, and the answers to ``authrim doctor``."""

from typing import Final

from authrim.clients import logo_endpoint as logo
from authrim.clients.authentication import seen_endpoint as seen
from authrim.features.feature import Feature, Route
from authrim.people import front_endpoint as front
from authrim.web import health_endpoint as health
from authrim.web.overload import Urgency
from domain.vocabulary.features import DOCTOR

OWN: Final[tuple[Feature, ...]] = (
    Feature(
        "front_page",
        "our own",
        (
            Route("GET", "/", front.front, "front", head=True),
            # The same without the slash, where the issuer has a path.
            Route("GET", "", front.front, "front_bare", head=True),
        ),
    ),
    Feature(
        "client_logos",
        "RFC 7591 §2, §5",
        (
            Route(
                "GET",
                r"/logos/{client_id:[A-Za-z0-9\-._~]+}/{digest:[A-Za-z0-9_-]+}.png",
                logo.logo,
                "logo",
                head=True,
            ),
        ),
    ),
    Feature(
        "health",
        "our own",
        (
            Route("GET", "/health/live", health.live, "health_live", head=True),
            Route("GET", "/health/ready", health.ready, "health_ready", head=True),
        ),
        urgency=Urgency.ENDS,
    ),
    Feature(
        DOCTOR,
        "our own",
        (Route("POST", "/doctor", seen.seen, "doctor", hidden=True),),
        optional=True,
    ),
)
