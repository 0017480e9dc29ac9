"""Erasing a person, and what forbids it or makes it wait: given events, when decided, then events."""

import msgspec
import pytest

from authrim.audit.replay.from_events import DECIDED
from authrim.audit.replay.policy import Policy
from authrim.audit.replay.states import States
from domain.decision import Decision
from domain.errors import Refusal
from domain.event import Event
from domain.person import account, erasure
from domain.person.account import UNKNOWN, Account
from domain.person.account_events import (
    AccountCreated,
    ErasureRequested,
    ErasureWithdrawn,
    HoldPlaced,
    HoldReleased,
    PersonErased,
)
from domain.person.erasure import AT_ONCE, Erasing, ErasurePolicy
from domain.stream import account_stream, parse

CREATED = AccountCreated("subject", 1)
ADA, BEN = Erasing("uid 1", "by letter", ("key",)), Erasing("uid 2", "by letter", ("key",))
HOLD = HoldPlaced("h", "case 7", 2, None, "uid 9")
TWO = ErasurePolicy(two_persons=True)
WAIT = ErasurePolicy(delay_seconds=100)


def given(*events: Event) -> Account:
    return account.fold((CREATED, *events))


def refused(decision: Decision[Account]) -> Refusal:
    assert decision.events == ()
    assert isinstance(decision.answer, Refusal)
    return decision.answer


def test_a_hold_forbids_to_erase() -> None:
    """A235: while there is a hold, neither a request nor an erasure is accepted, whatever the policy."""
    for policy in (AT_ONCE, TWO, WAIT):
        assert refused(erasure.decide_ask_to_erase(given(HOLD), 9, ADA, policy)) == erasure.HELD
        assert refused(erasure.decide_erase(given(HOLD), 9, ADA, policy)) == erasure.HELD


def test_every_hold_counts_until_it_ends() -> None:
    """A235: of two holds the one that is left still forbids; one with a time forbids before it and not from it on."""
    until = HoldPlaced("i", "case 8", 2, 50, "uid 9")
    both = given(HOLD, until)
    assert refused(erasure.decide_release_hold(both, None, "over", "uid 9", 9)) == erasure.WHICH_HOLD
    assert refused(erasure.decide_release_hold(both, "other", "over", "uid 9", 9)) == erasure.NOT_HELD
    released = erasure.decide_release_hold(both, "h", "over", "uid 9", 9)
    assert released.events == (HoldReleased("h", "over", 9, "uid 9"),)
    assert isinstance(released.answer, Account)
    assert refused(erasure.decide_erase(released.answer, 49, ADA)) == erasure.HELD
    assert erasure.decide_erase(released.answer, 50, ADA).events == (
        PersonErased(50, ("key",), "by letter", "uid 1"),
    )


def test_a_hold_voids_a_request_of_before() -> None:
    """A235: after a hold the erasure is asked for again, with its whole delay."""
    after = given(ErasureRequested("x", 2, 102, "uid 1"), HOLD, HoldReleased("h", "over", 200, "uid 9"))
    assert erasure.decide_ask_to_erase(after, 300, BEN, WAIT).events == (
        ErasureRequested("by letter", 300, 400, "uid 2"),
    )


def test_two_persons() -> None:
    """A235: who asked may not confirm; another operator may, and both are in the event."""
    asked = erasure.decide_ask_to_erase(given(), 5, ADA, TWO)
    assert asked.events == (ErasureRequested("by letter", 5, 5, "uid 1", two_persons=True),)
    waiting = asked.answer
    assert isinstance(waiting, Account)
    for policy in (TWO, AT_ONCE):  # a setting that was changed since does not help
        assert refused(erasure.decide_ask_to_erase(waiting, 6, ADA, policy)) == erasure.SAME_PERSON
        assert erasure.decide_ask_to_erase(waiting, 6, BEN, policy).events == (
            PersonErased(6, ("key",), "by letter", "uid 2", "uid 1"),
        )


def test_delay() -> None:
    """A235: the delay is that of the request or of today, whichever is longer; the request can be taken back."""
    waiting = given(ErasureRequested("x", 5, 105, "uid 1"))
    assert refused(erasure.decide_ask_to_erase(waiting, 104, ADA)) == erasure.WAITING
    assert refused(erasure.decide_ask_to_erase(waiting, 105, ADA, ErasurePolicy(200))) == erasure.WAITING
    assert erasure.decide_ask_to_erase(waiting, 105, ADA).events[0].__class__ is PersonErased
    withdrawn = erasure.decide_withdraw_erasure(waiting, "mistake", "uid 3", 9)
    assert withdrawn.events == (ErasureWithdrawn("mistake", 9, "uid 3"),)
    assert withdrawn.answer == given()
    assert refused(erasure.decide_withdraw_erasure(given(), "x", "uid 3", 9)) == erasure.NOT_REQUESTED


def test_nothing_is_decided_on_nobody() -> None:
    """A hold, a release, a request, a withdrawal of nobody are refused; so is a hold of the past or one too many."""
    nobody = given(PersonErased(2))
    for decision in (
        erasure.decide_place_hold(nobody, "h", "x", "uid 1", None, 3),
        erasure.decide_release_hold(nobody, None, "x", "uid 1", 3),
        erasure.decide_withdraw_erasure(nobody, "x", "uid 1", 3),
        erasure.decide_ask_to_erase(nobody, 3, ADA, TWO),
    ):
        assert refused(decision) == UNKNOWN
    assert refused(erasure.decide_place_hold(given(), "h", "x", "uid 1", 3, 3)) == erasure.HOLD_IS_OVER
    many = given(*(HoldPlaced(str(n), "x", 2) for n in range(erasure.MOST_HOLDS)))
    assert refused(erasure.decide_place_hold(many, "h", "x", "uid 1", None, 3)) == erasure.TOO_MANY_HOLDS


HISTORY = (
    CREATED,
    ErasureRequested("x", 2, 102, "uid 1", two_persons=True),
    ErasureWithdrawn("y", 3, "uid 2"),
    HOLD,
    HoldPlaced("i", "case 8", 4, 50, "uid 9"),
    HoldReleased("h", "over", 5, "uid 9"),
    ErasureRequested("x", 60, 160, "uid 1", two_persons=True),
    PersonErased(160, ("key",), "z", "uid 2", "uid 1"),
)


@pytest.mark.parametrize("place", range(1, len(HISTORY)))
def test_each_is_decided_the_same_again(place: int) -> None:
    """A285: a replay decides every event of a hold and of an erasure again from the log, to the same event."""
    event, stream = HISTORY[place], parse(account_stream("default", "subject"))

    class Before(States):
        def account(self, tenant: str, subject: str) -> Account | None:
            return account.fold(HISTORY[:place])

    decided = DECIDED[type(event)](Before.__new__(Before), stream, event, Policy())
    assert decided == (event,)


def test_the_state_survives_its_row() -> None:
    """Holds and a waiting request are in the account's row, and are the same when it is read."""
    state = given(HOLD, ErasureRequested("x", 2, 102, "uid 1", two_persons=True))
    assert msgspec.json.decode(msgspec.json.encode(state), type=Account) == state
