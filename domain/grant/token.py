"""Whether an access token is active: the one answer for introspection, userinfo and the server's own resources
(A129)."""

import msgspec

from domain.liveness import Liveness, why_not


class TokenStatus(msgspec.Struct, frozen=True):
    """The row of a token in the tokens projection. Times are in seconds since 1970."""

    expires_at: int
    revoked_at: int | None
    liveness: Liveness


def is_active(token: TokenStatus, now: int) -> bool:
    """Whether the token can be used at ``now`` (RFC 7662 §2.2)."""
    return why_inactive(token, now) == ""


def why_inactive(token: TokenStatus, now: int) -> str:
    """Why the token cannot be used, as a word for the log; empty when it can."""
    if token.revoked_at is not None:
        return "revoked"
    if now >= token.expires_at:
        return "expired"
    return why_not(token.liveness)
