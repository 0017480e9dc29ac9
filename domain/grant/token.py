"""Is this access token active? The one answer for introspection, userinfo and our own resources (A129)."""

import msgspec

from domain.liveness import Liveness, why_not


class TokenStatus(msgspec.Struct, frozen=True):
    """What the tokens projection says of a token. Times in seconds since the epoch."""

    expires_at: int
    revoked_at: int | None
    liveness: Liveness


def is_active(token: TokenStatus, now: int) -> bool:
    """Whether the token may be used at ``now`` (RFC 7662 §2.2)."""
    return why_inactive(token, now) == ""


def why_inactive(token: TokenStatus, now: int) -> str:
    """Why the token may not be used, as a word for the log; empty when it may."""
    if token.revoked_at is not None:
        return "revoked"
    if now >= token.expires_at:
        return "expired"
    return why_not(token.liveness)
