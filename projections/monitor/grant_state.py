"""What the monitor knows of a grant: the row that it keeps while something can still be issued."""

from typing import Final

import msgspec

#: The grant's code.
GIVEN: Final = 1
REDEEMED: Final = 2
VOID: Final = 3
#: The request was answered without a code.
ANSWERED: Final = 4


class GrantState(msgspec.Struct, array_like=True):
    """What the monitor knows of a grant. Times are in seconds; ``granted``, ``redeemed``, ``refreshed`` and ``ended``
    are positions. ``at`` is the position of the last event from which tokens follow, or of such a token, ``may`` what
    may still follow it. ``at_once``: the tokens of the response type. ``told``: the rules that were
    found broken already."""

    client_id: str = ""
    asked: tuple[str, ...] = ()
    resource: tuple[str, ...] = ()
    default_audience: str | None = None
    generation: int = 0
    constrained: bool = False
    of_client: bool = False
    subject: str | None = None
    session_id: str | None = None
    epoch: int = 0
    scope: tuple[str, ...] | None = None
    granted: int = 0
    at_once: int = 0
    expires_at: int = 0
    code: int = 0
    redeemed: int = 0
    refresh: int = 0
    grace_until: int = 0
    refreshed: int = 0
    ended: int = 0
    revoked: bool = False
    may: int = 0
    at: int = 0
    told: tuple[str, ...] = ()
    unreadable: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nothing can be issued any more."""
        if self.ended or self.of_client:
            return True
        return self.code in (VOID, ANSWERED) or (self.code == REDEEMED and not self.refresh)
