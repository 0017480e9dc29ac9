"""Which of a person's grants are over: the marks that an account keeps, and the check against them.

Ending grants is one append to the account's stream. It takes effect at once, on every node and for all grants, without
a list of them. Each mark has a number. A grant contains its account's number from the last sign-in or consent, so no
clock is needed.
"""

from typing import Final, Literal

import msgspec

#: Marks that belong to no single client: every grant, and grants with tokens that a thief could use.
ALL: Final = "*"
UNBOUND: Final = "*unbound"

Grants = Literal["none", "unbound", "all"]
"""Which of the grants that outlive the session a new password ends. ``unbound``: those of public clients, and those
with tokens that are bound to no key."""


class Ending(msgspec.Struct, frozen=True):
    """Grants from before ``epoch`` are over. ``reason`` is a word for the log."""

    epoch: int
    reason: str


class Endings(msgspec.Struct, frozen=True, omit_defaults=True):
    """All marks of an account: by client id, ``ALL`` or ``UNBOUND``. ``epoch`` is the number of marks so far."""

    epoch: int = 0
    marks: dict[str, Ending] = {}

    def with_mark(self, name: str, reason: str) -> "Endings":
        """Add a mark, which replaces the marks that it includes."""
        ending = Ending(self.epoch + 1, reason)
        kept = {} if name == ALL else self.marks
        return Endings(ending.epoch, {**kept, name: ending})

    def why_over(self, client_id: str, epoch: int, *, bound: bool) -> str:
        """Why a grant of that client, made when the account was at ``epoch``, is over; empty when it is not. ``bound``:
        its tokens are useless without a key, and its client can keep one."""
        names = (ALL, client_id) if bound else (ALL, client_id, UNBOUND)
        over = (self.marks[name] for name in names if name in self.marks)
        return next((ending.reason for ending in over if epoch < ending.epoch), "")


NO_ENDINGS: Final = Endings()
