"""The roles of the server itself: which accounts have one.

They are in the log, so that it shows who gave whom a role and when. The claim ``roles`` of a person is personal data
for applications; it opens nothing here, and a role of the server is told to no client.
"""

from typing import Final

import msgspec

from domain.decision import Decision, refuse
from domain.errors import invalid_request
from domain.event import Event, folding
from domain.person.account import UNKNOWN, Account
from domain.person.role_events import RoleGranted, RoleTaken

#: May read the log on the auditor's pages.
AUDITOR: Final = "auditor"
ROLES: Final = (AUDITOR,)
#: Accounts with one role: the pages read all of them.
MOST: Final = 1000

TOO_MANY: Final = invalid_request(
    f"{MOST} accounts have this role already.", hint="Take it from somebody who does not need it."
)


class Holders(msgspec.Struct, frozen=True):
    """The accounts that have a role, in the order in which they got it."""

    subjects: tuple[str, ...] = ()


NOBODY: Final = Holders()


def apply(holders: Holders, event: Event) -> Holders:
    """The holders after one more event."""
    match event:
        case RoleGranted():
            return Holders((*_others(holders, event.subject), event.subject))
        case RoleTaken():
            return Holders(_others(holders, event.subject))
        case _:
            return holders


#: The holders after some events.
fold: Final = folding(apply, NOBODY)


def decide_grant(holders: Holders, role: str, account: Account, now: int) -> Decision[Holders]:
    """Give an account a role. Giving it again appends nothing."""
    if not account.exists:
        return refuse(UNKNOWN)
    if account.subject in holders.subjects:
        return Decision((), holders)
    if len(holders.subjects) >= MOST:
        return refuse(TOO_MANY)
    return _accept(holders, RoleGranted(role, account.subject, now))


def decide_take(holders: Holders, role: str, subject: str, now: int) -> Decision[Holders]:
    """Take a role away, from a disabled or an erased account too."""
    if subject not in holders.subjects:
        return Decision((), holders)
    return _accept(holders, RoleTaken(role, subject, now))


def _others(holders: Holders, subject: str) -> tuple[str, ...]:
    return tuple(one for one in holders.subjects if one != subject)


def _accept(holders: Holders, event: Event) -> Decision[Holders]:
    return Decision((event,), apply(holders, event))
