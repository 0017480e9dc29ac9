"""Events of the log that others are sent as they happen."""

from typing import Final

from authrim.auditor.event_stream import event_stream_endpoint as stream
from authrim.features.feature import Feature, Route
from authrim.tokens.resource import WELL_KNOWN

STREAMS: Final[tuple[Feature, ...]] = (
    Feature(
        "event_stream",
        "our own; HTML §9.2 (server-sent events)",
        (
            Route("GET", "/events", stream.events, "events"),
            Route(
                "GET",
                WELL_KNOWN,
                stream.metadata,
                "events_metadata",
                at_root=True,
                behind="/events",
                head=True,
            ),
        ),
        lambda core: {"authrim_events_endpoint": core.url("/events")},
        possible=lambda settings: settings.event_stream,
    ),
)
