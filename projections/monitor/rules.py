"""The rules that the monitor proves, and a breach of one."""

from hashlib import sha256
from typing import Final, NamedTuple

ONE_REDEMPTION: Final = "one_redemption"
LIVE_CODE: Final = "live_code"
ONE_REFRESH_LINE: Final = "one_refresh_line"
SCOPE_WITHIN_GRANT: Final = "scope_within_grant"
AUDIENCE_WITHIN_GRANT: Final = "audience_within_grant"
SAME_CLIENT_AND_PERSON: Final = "same_client_and_person"
LIVE_GRANT: Final = "live_grant"
NOTHING_AFTER_REVOCATION: Final = "nothing_after_revocation"
LIVE_SESSION: Final = "live_session"
LIVE_ACCOUNT: Final = "live_account"
LIVE_CLIENT: Final = "live_client"
REVOKED_IS_INACTIVE: Final = "revoked_is_inactive"
ROWS_ARE_THE_FOLD: Final = "rows_are_the_fold"
READABLE_EVENTS: Final = "readable_events"

#: Each rule in words, as ``docs/audit/monitor.md`` has them.
RULES: Final[dict[str, str]] = {
    ONE_REDEMPTION: "A code is redeemed at most once.",
    LIVE_CODE: "A code is redeemed only when it was issued, is not void and has not expired.",
    ONE_REFRESH_LINE: "Each refresh token has one successor: generations go up by one, and only the newest is used, "
    "before it expires; the one before it only in its grace period.",
    SCOPE_WITHIN_GRANT: "No agreement is wider than the request, and no token wider than the agreement.",
    AUDIENCE_WITHIN_GRANT: "No token is for an audience that its grant or its client's registration does not name.",
    SAME_CLIENT_AND_PERSON: "A token is for the client and the person of its grant.",
    LIVE_GRANT: "Nothing is issued outside a live grant: each code and token follows from a consent, a redemption or a "
    "refresh, and from nothing else.",
    NOTHING_AFTER_REVOCATION: "Nothing is issued after the grant was revoked.",
    LIVE_SESSION: "Nothing is issued after the session ended that the grant depends on.",
    LIVE_ACCOUNT: "Nothing is issued while the account is disabled or erased, or after its grants ended.",
    LIVE_CLIENT: "Nothing is issued to a client that is unknown, disabled or deleted, or for a generation that is "
    "over.",
    REVOKED_IS_INACTIVE: "The row of a revoked access token says so from the moment of the revocation.",
    ROWS_ARE_THE_FOLD: "A row is what the events of its stream make of it (a sample of rows, in turn).",
    READABLE_EVENTS: "Every event that a rule speaks of can be read.",
}


class Breach(NamedTuple):
    """A rule that does not hold. ``positions``: the events that contradict each other. ``about``: what in the
    stream."""

    rule: str
    stream: str
    positions: tuple[int, ...]
    about: str = ""

    @property
    def id(self) -> str:
        """The same for the same breach, whoever finds it and how often."""
        return sha256("\n".join((self.rule, self.stream, self.about)).encode()).hexdigest()[:32]

    @property
    def tenant(self) -> str:
        """The tenant of the stream."""
        return self.stream.partition(":")[0]
