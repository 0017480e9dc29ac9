"""The account's stream: given events, when decided, then events."""

import msgspec
import pytest

from domain.decision import Decision
from domain.errors import Refusal
from domain.event import Event
from domain.person import account, erasure
from domain.person.account import Account
from domain.person.account_events import (
    AccountCreated,
    AccountDisabled,
    AccountEnabled,
    ClaimsChanged,
    ConsentRemembered,
    ConsentWithdrawn,
    PasswordSet,
    PersonErased,
)

CREATED = AccountCreated("subject", 1)


def given(*events: Event) -> Account:
    return account.fold(events)


def test_create() -> None:
    """A new subject becomes an active account."""
    decision = account.decide_create(account.NO_ACCOUNT, "subject", 1)
    assert decision.events == (CREATED,)
    assert isinstance(decision.answer, Account)
    assert decision.answer.status == "active"


@pytest.mark.parametrize("history", [(CREATED,), (CREATED, PersonErased(2))], ids=["live", "erased"])
def test_a_subject_is_used_once(history: tuple[Event, ...]) -> None:
    """Neither a live nor an erased subject is made again, so that no token changes its person."""
    decision = account.decide_create(given(*history), "subject", 3)
    assert decision.events == ()
    assert isinstance(decision.answer, Refusal)


@pytest.mark.parametrize("subject", ["", "a:b", "a b", "a*", "é", "a" * 256])
def test_a_subject_keeps_to_the_keys_of_its_rows(subject: str) -> None:
    """A colon or a star would reach into the rows of another person."""
    decision = account.decide_create(account.NO_ACCOUNT, subject, 1)
    assert decision.events == ()
    assert isinstance(decision.answer, Refusal)


def test_the_log_holds_names_and_times_only() -> None:
    """Password and claims are recorded as changed, without a value (decisions.md 16)."""
    assert account.decide_set_password(given(CREATED), 5).events == (PasswordSet(5),)
    assert account.decide_change_claims(given(CREATED), {"name", "email"}, 5).events == (
        ClaimsChanged(("email", "name"), 5),
    )


def test_disable_and_enable_say_something_new_or_nothing() -> None:
    """Repeating a command appends nothing."""
    disabled = given(CREATED, AccountDisabled("leak", 2))
    assert account.decide_disable(given(CREATED), "leak", 2).events == (AccountDisabled("leak", 2),)
    assert disabled.status == "disabled"
    assert account.decide_disable(disabled, "leak", 3).events == ()
    assert account.decide_enable(disabled, 3).events == (AccountEnabled(3),)
    assert account.decide_enable(given(CREATED), 3).events == ()
    assert given(CREATED, AccountDisabled("leak", 2), AccountEnabled(3)).status == "active"


def test_consent_is_remembered_as_a_whole() -> None:
    """A later agreement is added to the earlier one, and each client has its own."""
    agreed = given(CREATED, ConsentRemembered("a", ("openid", "email"), 2))
    assert account.decide_remember_consent(agreed, "a", ("openid", "phone"), 3).events == (
        ConsentRemembered("a", ("openid", "email", "phone"), 3),
    )
    assert agreed.remembered_scope("a") == ("openid", "email")
    assert agreed.remembered_scope("b") is None


def test_consent_that_is_known_appends_nothing() -> None:
    """A long-lived stream does not grow with each sign-in."""
    agreed = given(CREATED, ConsentRemembered("a", ("openid", "email"), 2))
    assert account.decide_remember_consent(agreed, "a", ("email",), 3).events == ()


def test_an_empty_agreement_is_still_an_agreement() -> None:
    """The first consent is recorded even when it holds no scope."""
    assert account.decide_remember_consent(given(CREATED), "a", (), 3).events == (
        ConsentRemembered("a", (), 3),
    )


def test_withdrawal_ends_the_agreement_and_what_came_of_it() -> None:
    """A127: after the withdrawal the person is asked again, and grants of before are over, also where no agreement was
    remembered, since a client may have been let in without a question."""
    agreed = given(CREATED, ConsentRemembered("a", ("openid",), 2))
    for before in (agreed, given(CREATED)):
        decision = account.decide_withdraw_consent(before, "a", 3)
        assert decision.events == (ConsentWithdrawn("a", 3, ends_grants=True),)
        withdrawn = account.fold(decision.events, before)
        assert withdrawn.remembered_scope("a") is None
        assert withdrawn.endings.why_over("a", 0, bound=True) == "consent_withdrawn"
        assert withdrawn.endings.why_over("a", withdrawn.endings.epoch, bound=False) == ""
        assert withdrawn.endings.why_over("b", 0, bound=False) == ""


def test_a_withdrawal_of_an_older_version_ends_no_grants() -> None:
    """A released event keeps its meaning: what was written without ``ends_grants`` ended the agreement alone."""
    withdrawn = given(CREATED, ConsentRemembered("a", ("openid",), 2), ConsentWithdrawn("a", 3))
    assert withdrawn.remembered_scope("a") is None
    assert withdrawn.endings == Account().endings


def test_erasure_leaves_the_subject_and_nothing_else() -> None:
    """What the account agreed to is forgotten with the person (GDPR Art. 17)."""
    before = given(CREATED, PasswordSet(2), ConsentRemembered("a", ("openid",), 2))
    decision = erasure.decide_erase(before, 4)
    assert decision.events == (PersonErased(4),)
    assert decision.answer == Account("subject", "erased")


@pytest.mark.parametrize("history", [(), (CREATED, PersonErased(2))], ids=["never was", "erased"])
def test_nothing_is_decided_on_nobody(history: tuple[Event, ...]) -> None:
    """Each command on an account that is not there is refused without an event."""
    nobody = given(*history)
    decisions: list[Decision[Account]] = [
        account.decide_set_password(nobody, 3),
        account.decide_change_claims(nobody, ("name",), 3),
        account.decide_disable(nobody, "x", 3),
        account.decide_enable(nobody, 3),
        account.decide_remember_consent(nobody, "a", ("openid",), 3),
        account.decide_withdraw_consent(nobody, "a", 3),
        erasure.decide_erase(nobody, 3),
    ]
    assert all(decision == Decision((), account.UNKNOWN) for decision in decisions)


def test_the_state_survives_its_row() -> None:
    """The projection keeps the state as JSON: read back it is the same."""
    state = given(CREATED, PasswordSet(2), ConsentRemembered("a", ("openid",), 2), AccountDisabled("x", 3))
    assert msgspec.json.decode(msgspec.json.encode(state), type=Account) == state
