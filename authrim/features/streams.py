"""Events of the log that others are sent as they happen."""

from typing import Final

from authrim.features.feature import Feature, Handler, Route
from authrim.features.on_demand import on_demand
from authrim.tokens.resource import WELL_KNOWN
from authrim.web.overload import Urgency
from domain.vocabulary.features import SHARED_SIGNALS


def _events(name: str) -> Handler:
    return on_demand("authrim.auditor.event_stream.event_stream_endpoint", name)


def _signals(module: str, name: str) -> Handler:
    return on_demand(f"authrim.signals.{module}", name)


STREAMS: Final[tuple[Feature, ...]] = (
    Feature(
        "event_stream",
        "our own; HTML §9.2 (server-sent events)",
        (
            Route("GET", "/events", _events("events"), "events"),
            Route(
                "GET",
                WELL_KNOWN,
                _events("metadata"),
                "events_metadata",
                at_root=True,
                behind="/events",
                head=True,
            ),
        ),
        lambda core: {"authrim_events_endpoint": core.url("/events")},
        possible=lambda settings: settings.event_stream,
        urgency=Urgency.ADMINISTRATION,
    ),
    Feature(
        SHARED_SIGNALS,
        "OpenID Shared Signals Framework 1.0, CAEP 1.0, RISC 1.0, RFC 8417, RFC 8935, RFC 8936, RFC 9493",
        (
            Route(
                "GET",
                "/.well-known/ssf-configuration",
                _signals("metadata_endpoint", "configuration"),
                "ssf_configuration",
                at_root=True,
                both_forms=True,
                head=True,
            ),
            Route(
                "GET",
                WELL_KNOWN,
                _signals("metadata_endpoint", "resource"),
                "ssf_metadata",
                at_root=True,
                behind="/ssf",
                head=True,
            ),
            Route("POST", "/ssf/streams", _signals("stream_endpoint", "create"), "ssf_stream_create"),
            Route("GET", "/ssf/streams", _signals("stream_endpoint", "read"), "ssf_stream_read"),
            Route("PATCH", "/ssf/streams", _signals("stream_endpoint", "update"), "ssf_stream_update"),
            Route("PUT", "/ssf/streams", _signals("stream_endpoint", "replace"), "ssf_stream_replace"),
            Route("DELETE", "/ssf/streams", _signals("stream_endpoint", "delete"), "ssf_stream_delete"),
            Route("GET", "/ssf/status", _signals("status_endpoint", "read"), "ssf_status"),
            Route("POST", "/ssf/status", _signals("status_endpoint", "update"), "ssf_status_update"),
            Route("POST", "/ssf/subjects/add", _signals("subject_endpoint", "add"), "ssf_subject_add"),
            Route(
                "POST", "/ssf/subjects/remove", _signals("subject_endpoint", "remove"), "ssf_subject_remove"
            ),
            Route(
                "POST", "/ssf/verification", _signals("verification_endpoint", "verify"), "ssf_verification"
            ),
            Route(
                "POST", r"/ssf/poll/{stream_id:[0-9a-f]{32}}", _signals("poll_endpoint", "poll"), "ssf_poll"
            ),
        ),
        possible=lambda settings: settings.shared_signals,
        urgency=Urgency.ADMINISTRATION,
    ),
)
