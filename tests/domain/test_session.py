"""A browser session: started, renewed by the same person with a new cookie, ended once (A181, A188)."""

import pytest

from domain.person.session import (
    NO_SESSION,
    Authentication,
    Session,
    continues,
    decide_end,
    decide_sign_in,
    fold,
)
from domain.person.session_events import SessionEnded, SessionReauthenticated, SessionStarted

NOW = 1_700_000_000
LIFETIME = 3600
PROOF = Authentication("person", "secret-1", "pwd-acr", ("pwd",))
AGAIN = Authentication("person", "secret-2", "otp-acr", ("pwd", "otp"))
SOMEBODY_ELSE = Authentication("stranger", "secret-3", "pwd-acr", ("pwd",))
LIVE = fold(decide_sign_in(NO_SESSION, PROOF, NOW, LIFETIME))
ENDED = fold((SessionEnded("logout", NOW),), LIVE)


def test_signing_in_starts_a_session() -> None:
    """The first sign-in of a browser: who, when, how, and until when."""
    [event] = decide_sign_in(NO_SESSION, PROOF, NOW, LIFETIME)
    assert event == SessionStarted("person", "secret-1", NOW, "pwd-acr", ("pwd",), NOW + LIFETIME)
    assert Session("person", "secret-1", NOW, "pwd-acr", ("pwd",), NOW + LIFETIME, "active") == LIVE


def test_the_same_person_renews_the_session_with_a_new_cookie() -> None:
    """A181: the secret of before the sign-in is worthless after it; the ``sid`` stays and the proof is the new one."""
    [event] = decide_sign_in(LIVE, AGAIN, NOW + 60, LIFETIME)
    assert isinstance(event, SessionReauthenticated)
    renewed = fold((event,), LIVE)
    assert (renewed.subject, renewed.secret_hash) == ("person", "secret-2")
    assert (renewed.auth_time, renewed.acr, renewed.amr) == (NOW + 60, "otp-acr", ("pwd", "otp"))
    assert renewed.expires_at == NOW + 60 + LIFETIME


@pytest.mark.parametrize(
    ("session", "proof", "now", "renews"),
    [
        (LIVE, AGAIN, NOW + 1, True),
        (LIVE, SOMEBODY_ELSE, NOW + 1, False),
        (LIVE, AGAIN, NOW + LIFETIME, False),
        (ENDED, AGAIN, NOW + 1, False),
        (NO_SESSION, AGAIN, NOW, False),
    ],
    ids=["same person", "another person", "expired", "ended", "none"],
)
def test_only_a_live_session_of_the_same_person_goes_on(
    session: Session, proof: Authentication, now: int, renews: bool
) -> None:
    """A181: everybody else gets a session of their own, so that nobody inherits another's."""
    assert continues(session, proof, now) is renews
    [event] = decide_sign_in(session, proof, now, LIFETIME)
    assert isinstance(event, SessionReauthenticated if renews else SessionStarted)


def test_a_session_ends_once() -> None:
    """A188: after the end nobody is signed in; ending it again, or one that never was, appends nothing."""
    assert decide_end(LIVE, "logout", NOW) == (SessionEnded("logout", NOW),)
    assert not ENDED.is_live(NOW)
    assert decide_end(ENDED, "logout", NOW) == ()
    assert decide_end(NO_SESSION, "logout", NOW) == ()


@pytest.mark.parametrize(("after", "live"), [(0, True), (LIFETIME - 1, True), (LIFETIME, False)])
def test_a_session_lives_to_the_second(after: int, live: bool) -> None:
    """The session is over at its ``expires_at``."""
    assert LIVE.is_live(NOW + after) is live
