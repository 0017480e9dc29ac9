"""What clients and resource servers may have in hand: signed answers, receipts, positions of the log."""

from pydantic import Field

from authrim.settings.kinds import Count, Group, Seconds


class Evidence(Group):
    """What clients and resource servers may have in hand: signed answers about the past, receipts, and positions of the
    log."""

    introspection_at: bool = Field(
        default=False,
        description="Whether a resource server may ask at `/introspect/at` whether a token was active at an "
        "earlier time. The answer is signed, and each question is recorded.",
    )
    introspection_at_per_minute: Count = Field(
        default=60,
        ge=1,
        le=10_000,
        description="How many such questions one client may ask per minute. Further ones get 429.",
    )
    introspection_positions: bool = Field(
        default=False,
        description="Whether an introspection may ask for the position of the log that its answer is from "
        "(`log_position`), and demand a position that the answer must have reached (`min_position`).",
    )
    min_position_wait_seconds: Seconds = Field(
        default=2,
        ge=0,
        le=30,
        description="How long an introspection waits for the position that it demands. After that it gets 503 with "
        "`Retry-After`.",
    )
    receipts: bool = Field(
        default=False,
        description="Whether clients may ask for signed receipts of grants and revocations (`receipt=true`).",
    )
