"""Events of the log that others are sent as they happen."""

from pydantic import BaseModel, Field

from authrim.settings.kinds import Count, Seconds


class Streams(BaseModel):
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
