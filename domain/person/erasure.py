"""The erasure of a person (GDPR Art. 17), and the holds that forbid it (Art. 17(3)(e), A235).

``decide_erase`` is the only way to a ``PersonErased``. A request that waits keeps the rules that it was made under: a
later setting makes it wait longer, never shorter.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from domain.decision import Decision, refuse
from domain.errors import Refusal, invalid_request
from domain.event import Event
from domain.person.account import UNKNOWN, Account, fold
from domain.person.account_events import (
    ErasureRequested,
    ErasureWithdrawn,
    HoldPlaced,
    HoldReleased,
    PersonErased,
)

#: Holds of one person at a time.
MOST_HOLDS: Final = 100

HELD: Final = invalid_request(
    "A legal hold forbids to erase this person.",
    hint="See authrim account show. End the hold with authrim account release.",
)
WAITING: Final = invalid_request(
    "The erasure was requested, and its delay is not over.",
    hint="Run the command again when it is due: see authrim account show.",
)
SAME_PERSON: Final = invalid_request(
    "The erasure needs a second person: who asked for it may not confirm it.",
    hint="Let somebody run the command who has another user id on this machine.",
)
NOT_REQUESTED: Final = invalid_request("Nobody has asked to erase this person.")
NOT_HELD: Final = invalid_request(
    "The person has no such hold.", hint="authrim account show lists those that there are."
)
WHICH_HOLD: Final = invalid_request(
    "The person has several holds.", hint="Name one with --hold; authrim account show lists them."
)
TOO_MANY_HOLDS: Final = invalid_request(
    f"The person has {MOST_HOLDS} holds already.", hint="Release those that nobody needs any more."
)
HOLD_IS_OVER: Final = invalid_request(
    "The hold would end before it begins.", hint="--until is a time to come."
)


class ErasurePolicy(msgspec.Struct, frozen=True):
    """What an erasure has to wait for: so many seconds, and a second operator."""

    delay_seconds: int = 0
    two_persons: bool = False


class Erasing(msgspec.Struct, frozen=True):
    """Who erases a person and why, and the ids of the keys that are destroyed."""

    operator: str = ""
    reason: str = ""
    keys: tuple[str, ...] = ()


AT_ONCE: Final = ErasurePolicy()
NOBODY: Final = Erasing()


def decide_place_hold(
    account: Account, hold_id: str, reason: str, operator: str, until: int | None, now: int
) -> Decision[Account]:
    """Forbid to erase the person. A request to erase them from before is void: it has to be made again."""
    if not account.exists:
        return refuse(UNKNOWN)
    if until is not None and until <= now:
        return refuse(HOLD_IS_OVER)
    if len(account.holds) >= MOST_HOLDS:
        return refuse(TOO_MANY_HOLDS)
    return _accept(account, HoldPlaced(hold_id, reason, now, until, operator))


def decide_release_hold(
    account: Account, hold_id: str | None, reason: str, operator: str, now: int
) -> Decision[Account]:
    """End a hold; ``hold_id`` None: the only one."""
    if not account.exists:
        return refuse(UNKNOWN)
    chosen = _hold(account.holds, hold_id)
    if isinstance(chosen, Refusal):
        return refuse(chosen)
    return _accept(account, HoldReleased(chosen, reason, now, operator))


def _hold(holds: Iterable[str], hold_id: str | None) -> str | Refusal:
    known = tuple(holds)
    if hold_id is None and len(known) > 1:
        return WHICH_HOLD
    matching = [one for one in known if hold_id in (None, one)]
    return matching[0] if matching else NOT_HELD


def decide_ask_to_erase(
    account: Account, now: int, erasing: Erasing = NOBODY, policy: ErasurePolicy = AT_ONCE
) -> Decision[Account]:
    """Erase the person, or note the request where the policy wants time or a second operator."""
    waits = policy.delay_seconds > 0 or policy.two_persons
    if not account.exists or account.is_held(now) or account.erasure is not None or not waits:
        return decide_erase(account, now, erasing, policy)
    due_at = now + policy.delay_seconds
    return _accept(
        account, ErasureRequested(erasing.reason, now, due_at, erasing.operator, policy.two_persons)
    )


def decide_erase(
    account: Account, now: int, erasing: Erasing = NOBODY, policy: ErasurePolicy = AT_ONCE
) -> Decision[Account]:
    """Record that the keys of the person's data are destroyed. The subject cannot be used again."""
    refusal = why_not_erase(account, policy, erasing.operator, now)
    if refusal is not None:
        return refuse(refusal)
    requested_by = "" if account.erasure is None else account.erasure.operator
    return _accept(account, PersonErased(now, erasing.keys, erasing.reason, erasing.operator, requested_by))


def why_not_erase(account: Account, policy: ErasurePolicy, operator: str, now: int) -> Refusal | None:
    """Why the person may not be erased now by this operator."""
    if not account.exists:
        return UNKNOWN
    if account.is_held(now):
        return HELD
    pending = account.erasure
    if pending is None:
        return None
    if now < max(pending.due_at, pending.requested_at + policy.delay_seconds):
        return WAITING
    if (pending.two_persons or policy.two_persons) and operator == pending.operator:
        return SAME_PERSON
    return None


def decide_withdraw_erasure(account: Account, reason: str, operator: str, now: int) -> Decision[Account]:
    """Take back the request to erase the person."""
    if not account.exists:
        return refuse(UNKNOWN)
    if account.erasure is None:
        return refuse(NOT_REQUESTED)
    return _accept(account, ErasureWithdrawn(reason, now, operator))


def _accept(account: Account, event: Event) -> Decision[Account]:
    return Decision((event,), fold((event,), account))
