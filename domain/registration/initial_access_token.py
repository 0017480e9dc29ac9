"""An initial access token: lets a limited number of clients register (RFC 7591 §3).

The number of uses follows from its stream. When two servers receive the last use at once, only one append succeeds.
"""

from typing import Final

import msgspec

from domain.decision import Decision, refuse
from domain.errors import Refusal, invalid_request
from domain.event import Event, folding
from domain.registration.initial_access_token_events import (
    InitialAccessTokenIssued,
    InitialAccessTokenRevoked,
    InitialAccessTokenUsed,
)
from domain.units import DAY

#: The most clients that one token can admit; its stream is read at each use.
MOST_USES: Final = 1000
#: The longest lifetime of a token in seconds.
LONGEST_LIFE: Final = 366 * DAY

INVALID: Final = Refusal(
    "invalid_token",
    "The initial access token is not valid here.",
    hint="Ask the administrator for one.",
    section="RFC 7591 §3",
    reason="initial_token",
    status=401,
)
UNKNOWN: Final = invalid_request(
    "There is no such initial access token.", hint="Check its id.", section="RFC 7591 §3"
)


class RegistrationToken(msgspec.Struct, frozen=True):
    """The state of an initial access token; ``issued`` None: there is none."""

    issued: InitialAccessTokenIssued | None = None
    used: int = 0
    revoked_at: int | None = None

    def why_not(self, now: int) -> str:
        """Why the token admits nobody at ``now``, as a word for lists and logs; empty when it does."""
        if self.issued is None:
            return "unknown"
        if self.revoked_at is not None:
            return "revoked"
        if self.used >= self.issued.uses:
            return "used_up"
        return "expired" if now >= self.issued.expires_at else ""


NO_TOKEN: Final = RegistrationToken()


def apply(token: RegistrationToken, event: Event) -> RegistrationToken:
    """The token after one more event."""
    match event:
        case InitialAccessTokenIssued():
            return RegistrationToken(event)
        case InitialAccessTokenUsed():
            return msgspec.structs.replace(token, used=token.used + 1)
        case InitialAccessTokenRevoked():
            return msgspec.structs.replace(token, revoked_at=event.revoked_at)
        case _:
            return token


#: The token after some events.
fold: Final = folding(apply, NO_TOKEN)


def decide_issue(token: RegistrationToken, wanted: InitialAccessTokenIssued) -> Decision[RegistrationToken]:
    """Issue a new token. What its clients may have is checked when they register."""
    if token.issued is not None:
        return refuse(invalid_request("There already is a token with that id.", hint="Use another id."))
    if not 1 <= wanted.uses <= MOST_USES:
        return refuse(invalid_request("The number of uses is out of range.", hint=f"Use 1 to {MOST_USES}."))
    if not wanted.issued_at < wanted.expires_at <= wanted.issued_at + LONGEST_LIFE:
        return refuse(invalid_request("The expiry is out of range.", hint="Choose a time within a year."))
    return Decision((wanted,), fold((wanted,)))


def decide_use(
    token: RegistrationToken, token_hash: str, client_id: str, now: int
) -> Decision[RegistrationToken]:
    """Admit a client with the token whose digest is ``token_hash``."""
    if token.issued is None or token.issued.token_hash != token_hash:
        return refuse(INVALID)
    why_not = token.why_not(now)
    if why_not:
        return refuse(msgspec.structs.replace(INVALID, reason=f"initial_token_{why_not}"))
    used = InitialAccessTokenUsed(client_id, now)
    return Decision((used,), apply(token, used))


def decide_revoke(token: RegistrationToken, now: int) -> Decision[RegistrationToken]:
    """Revoke the token. Revoking it again appends nothing."""
    if token.issued is None:
        return refuse(UNKNOWN)
    if token.revoked_at is not None:
        return Decision((), token)
    revoked = InitialAccessTokenRevoked(now)
    return Decision((revoked,), apply(token, revoked))
