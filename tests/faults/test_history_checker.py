"""The checker of histories: it takes what a server may do, and rejects each history that it may not produce."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.faults.history.calls import Call, Given, Outcome
from tests.faults.history.checker import RULES, check
from tests.faults.history.log import Event, log_of

STREAM = "default:grant:one"


class History(NamedTuple):
    """Both sides."""

    calls: list[Call]
    events: list[Event]


def event(position: int, type_: str, stream: str = STREAM, **payload: object) -> Event:
    return Event(position, position * 10, stream, f"grant.{type_}.v1", payload)


def call(operation: str, presented: str, began: int, **more: object) -> Call:
    return Call(1, operation, presented, began, began + 5, more.pop("outcome", Outcome.DONE), **more)  # type: ignore[arg-type]


def sound() -> History:
    """A code is redeemed, its refresh token replaced by one that ends the grant; a call has no answer."""
    return History(
        [
            call("sign in", "", 9, given=Given(code="code")),
            call("redeem", "code", 27, given=Given("", "token-1", "refresh-1")),
            call("redeem", "code", 28, outcome=Outcome.UNKNOWN),
            call("introspect", "token-1", 41, active=True),
            call("refresh", "refresh-1", 52, given=Given("", "token-2", "refresh-2")),
            call("refresh", "refresh-1", 56, given=Given("", "token-2", "refresh-2")),
            call("revoke", "token-1", 75),
            call("introspect", "token-1", 81, active=False),
            call("introspect", "token-2", 81, active=True),
            call("revoke", "refresh-2", 88),
            call("introspect", "token-2", 94, active=False),
            call("refresh", "refresh-2", 94, outcome=Outcome.REFUSED),
        ],
        [
            event(1, "code_issued", code_hash="code"),
            event(2, "code_redeemed"),
            event(3, "access_token_issued", token_id="token-1"),
            event(4, "refresh_token_issued", token_hash="refresh-1", generation=1),
            event(5, "refresh_token_rotated", token_hash="refresh-2", generation=2),
            event(6, "access_token_issued", token_id="token-2"),
            event(7, "access_token_revoked", token_id="token-1"),
            event(8, "revoked"),
        ],
    )


def without(history: History, position: int) -> History:
    """The same without an event; those behind it move up."""
    left = [one for one in history.events if one.position != position]
    return History(history.calls, [one._replace(position=n) for n, one in enumerate(left, 1)])


def instead(history: History, number: int, made: Call) -> History:
    """The same with another call in place of one."""
    return History([*history.calls[:number], made, *history.calls[number + 1 :]], history.events)


def beside(history: History, *made: Call | Event) -> History:
    """The same with more calls and events."""
    calls = [one for one in made if isinstance(one, Call)]
    events = [one for one in made if isinstance(one, Event)]
    return History(history.calls + calls, history.events + events)


BROKEN: dict[str, tuple[str, Callable[[History], History]]] = {
    "an event is missing": (
        "positions_have_no_gap",
        lambda sound: History(sound.calls, [one for one in sound.events if one.position != 2]),
    ),
    "two events have changed places": (
        "positions_have_no_gap",
        lambda sound: History(sound.calls, [sound.events[1], sound.events[0], *sound.events[2:]]),
    ),
    "two answers have tokens for one code": (
        "a_code_is_redeemed_once",
        lambda sound: instead(sound, 2, call("redeem", "code", 28, given=Given("", "token-1", "refresh-1"))),
    ),
    "the log has the code redeemed twice": (
        "a_code_is_redeemed_once",
        lambda sound: beside(sound, event(9, "code_redeemed")),
    ),
    "a refresh token has two successors": (
        "a_refresh_token_has_one_successor",
        lambda sound: instead(
            sound, 5, call("refresh", "refresh-1", 56, given=Given("", "token-2", "other"))
        ),
    ),
    "the log has a generation twice": (
        "a_refresh_token_has_one_successor",
        lambda sound: beside(sound, event(9, "refresh_token_rotated", token_hash="other", generation=2)),
    ),
    "a token that was answered is not in the log": (
        "what_was_answered_is_in_the_log",
        lambda sound: without(sound, 6),
    ),
    "a code that was answered is not in the log": (
        "what_was_answered_is_in_the_log",
        lambda sound: without(sound, 1),
    ),
    "a revocation that was answered is not in the log": (
        "what_was_answered_is_in_the_log",
        lambda sound: without(sound, 8),
    ),
    "the revocation of an access token is not in the log": (
        "what_was_answered_is_in_the_log",
        lambda sound: without(without(sound, 8), 7),
    ),
    "a token is issued after the end": (
        "nothing_is_issued_after_the_end",
        lambda sound: beside(sound, event(9, "access_token_issued", token_id="late")),
    ),
    "a revoked access token is active": (
        "what_is_revoked_is_dead",
        lambda sound: instead(sound, 7, call("introspect", "token-1", 81, active=True)),
    ),
    "a token of a revoked grant is active": (
        "what_is_revoked_is_dead",
        lambda sound: instead(sound, 10, call("introspect", "token-2", 94, active=True)),
    ),
    "a revoked refresh token gives tokens": (
        "what_is_revoked_is_dead",
        lambda sound: instead(sound, 11, call("refresh", "refresh-2", 94, given=Given("", "token-2"))),
    ),
    "a token works that nobody issued": (
        "what_works_was_issued",
        lambda sound: beside(sound, call("introspect", "forged", 50, active=True)),
    ),
    "a token dies without a cause": (
        "nothing_dies_without_a_cause",
        lambda sound: instead(sound, 3, call("introspect", "token-1", 41, active=False)),
    ),
    "a code is refused that is still good": (
        "nothing_dies_without_a_cause",
        lambda sound: instead(sound, 1, call("redeem", "code", 10, outcome=Outcome.REFUSED)),
    ),
    "a refresh token is refused that is still good": (
        "nothing_dies_without_a_cause",
        lambda sound: instead(sound, 4, call("refresh", "refresh-1", 40, outcome=Outcome.REFUSED)),
    ),
}


def test_a_sound_history_passes() -> None:
    """What a server may do breaks no rule."""
    history = sound()
    assert check(history.calls, log_of(history.events)) == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_history_is_rejected(name: str) -> None:
    """F01 to F03, F14 to F17: each way to break a history is found, by its rule."""
    rule, broken = BROKEN[name]
    history = broken(sound())
    assert rule in {found.rule for found in check(history.calls, log_of(history.events))}


def test_what_has_expired_may_be_refused() -> None:
    """A code that was kept for too long needs no event to be refused."""
    late = call("redeem", "code", 1_000_000, outcome=Outcome.REFUSED)
    calls = [call("sign in", "", 9, given=Given(code="code")), late]
    issued = event(1, "code_issued", code_hash="code", expires_at=1)
    assert check(calls, log_of([issued])) == []
    assert check(calls, log_of([issued._replace(payload={"code_hash": "code", "expires_at": 2})])) != []


def test_each_rule_rejects_something() -> None:
    """A rule that nothing breaks would prove nothing."""
    assert {rule for rule, _ in BROKEN.values()} == {rule.__name__ for rule in RULES}
