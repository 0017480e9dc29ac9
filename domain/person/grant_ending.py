"""Which of a person's grants are over: the marks that an account keeps, and the one question about them.

Ending is one append to the account's stream and holds at once, on every node and for grants that nobody has listed.
Each mark has a number; a grant knows which number its account had when the person last signed in or agreed, so no
clock is asked.
"""

from typing import Final, Literal

import msgspec

#: Marks that are of no single client: every grant, and those whose tokens a thief could use.
ALL: Final = "*"
UNBOUND: Final = "*unbound"

Grants = Literal["none", "unbound", "all"]
"""What a new password ends of the grants that outlive the session: ``unbound``: those of public clients, and those
whose tokens are bound to no key."""


class Ending(msgspec.Struct, frozen=True):
    """Grants of before ``epoch`` are over. ``reason`` is a word for the log."""

    epoch: int
    reason: str


class Endings(msgspec.Struct, frozen=True, omit_defaults=True):
    """All marks of an account: by client id, or ``ALL``, or ``UNBOUND``. ``epoch``: how many there ever were."""

    epoch: int = 0
    marks: dict[str, Ending] = {}

    def with_mark(self, name: str, reason: str) -> "Endings":
        """One mark more; it stands for the marks that it includes."""
        ending = Ending(self.epoch + 1, reason)
        kept = {} if name == ALL else self.marks
        return Endings(ending.epoch, {**kept, name: ending})

    def why_over(self, client_id: str, epoch: int, *, bound: bool) -> str:
        """Why a grant of that client, made when the account was at ``epoch``, is over; empty when it is not. ``bound``:
        its tokens are worth nothing without a key, and its client can keep one."""
        names = (ALL, client_id) if bound else (ALL, client_id, UNBOUND)
        over = (self.marks[name] for name in names if name in self.marks)
        return next((ending.reason for ending in over if epoch < ending.epoch), "")


NO_ENDINGS: Final = Endings()
