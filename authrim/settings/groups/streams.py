"""Events of the log that others are sent as they happen."""

from pydantic import Field

from authrim.settings.kinds import Count, Group, Seconds
from domain.units import DAY


class Streams(Group):
    """Events of the log that others are sent as they happen."""

    event_stream: bool = Field(
        default=False,
        description="Whether clients whose registration has the scope `audit:events` may read the events of the "
        "log at `/events`. Each reader is recorded.",
    )
    event_streams: Count = Field(
        default=64,
        ge=1,
        le=10_000,
        description="How many such streams one process has open at most. A further one gets 503.",
    )
    event_streams_per_client: Count = Field(
        default=4,
        ge=1,
        le=1000,
        description="How many of them one client has open at most, in one process. A further one gets 429.",
    )
    event_stream_heartbeat_seconds: Seconds = Field(
        default=15,
        ge=1,
        le=300,
        description="After so long without an event, the reader is told that the stream is alive, and how far the "
        "log has been read.",
    )
    shared_signals: bool = Field(
        default=False,
        description="Whether clients whose registration has the scope `ssf.manage` may receive security event tokens "
        "about people that they know (Shared Signals Framework 1.0).",
    )
    signals_verification_seconds: Seconds = Field(
        default=10,
        ge=0,
        le=DAY,
        description="The least time between two verifications that a receiver asks for (`min_verification_interval`).",
    )
    signals_poll_wait_seconds: Seconds = Field(
        default=20,
        ge=0,
        le=300,
        description="How long a poll waits for a token, unless it asks for an immediate answer (RFC 8936 §2.4).",
    )
