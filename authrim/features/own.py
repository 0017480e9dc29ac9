"""Features without a specification: clients' logos, and health checks."""

from typing import Final

from authrim.clients import logo_endpoint as logo
from authrim.features.feature import Feature, Route
from authrim.web import health_endpoint as health

OWN: Final[tuple[Feature, ...]] = (
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
    ),
)
